from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder.measure.basic import BROKEN
from equime_hub.builder.measure.gates import GATES, Gates, planned_ms
from equime_hub.errors import EquimeError
from equime_hub.schema.records import Quality

GOOD = Quality(
    size_bytes=1000,
    bitrate_kbps=10.0,
    psnr=40.0,
    ssim=0.95,
    tv=10.0,
    brisque=20.0,
    clip_iqa=0.6,
    motion_amplitude=0.03,
    motion_fwhm_ms=150.0,
    motion_return=0.95,
    head_motion=0.005,
    first_frame_psnr=38.0,
)
"""A clip of an expression planned to last 300 ms."""
STILL = replace(GOOD, motion_amplitude=0.002, motion_fwhm_ms=None, motion_return=None)
ALL = Gates.parse("all")

BAD = {
    "static": STILL,
    "head only": replace(STILL, head_motion=0.02),
    "exaggerated": replace(GOOD, motion_amplitude=0.2),
    "wrong duration": replace(GOOD, motion_fwhm_ms=400.0),
    "low quality": replace(GOOD, brisque=90.0),
    "first frame differs": replace(GOOD, first_frame_psnr=12.0),
}


def test_every_gate_has_a_case() -> None:
    assert set(BAD) == set(GATES)


@pytest.mark.parametrize("name", GATES)
def test_a_gate_rejects_what_it_is_for_and_only_if_it_is_on(name: str) -> None:
    assert Gates((name,)).decide(GOOD, 300) is None
    assert Gates((name,)).decide(BAD[name], 300) == name
    assert ALL.decide(BAD[name], 300) == name
    others = Gates(tuple(other for other in GATES if other != name))
    assert others.decide(BAD[name], 300) is None
    assert Gates().decide(BAD[name], 300) is None


@pytest.mark.parametrize(
    ("changes", "planned"),
    [
        ({"motion_fwhm_ms": 90.0}, 300),
        ({"motion_fwhm_ms": None}, 300),  # cut off by the end of the clip
        ({}, 150),
        ({}, 600),
    ],
)
def test_durations_are_those_of_the_plan(changes: dict[str, float | None], planned: float) -> None:
    assert ALL.decide(replace(GOOD, **changes), planned) == "wrong duration"  # type: ignore[arg-type]


@pytest.mark.parametrize("column", ["psnr", "brisque", "clip_iqa"])
def test_any_of_the_quality_columns_may_be_low(column: str) -> None:
    gate = Gates(("low quality",))
    limit = getattr(gate, column)
    worse = limit + 1 if column == "brisque" else limit - 0.01
    assert gate.decide(replace(GOOD, **{column: limit}), 300) is None
    assert gate.decide(replace(GOOD, **{column: worse}), 300) == "low quality"


@pytest.mark.parametrize("reason", [*BROKEN, "a reason of another tool"])
def test_what_saw_the_pixels_has_the_last_word(reason: str) -> None:
    broken = replace(GOOD, accepted=False, rejection_reason=reason)
    assert Gates().judged(broken, 300) == broken
    assert ALL.judged(replace(broken, motion_amplitude=0.2), 300).rejection_reason == reason


def test_a_gate_that_is_switched_off_lets_the_clip_back_in() -> None:
    rejected = ALL.judged(BAD["exaggerated"], 300)
    assert (rejected.accepted, rejected.rejection_reason) == (False, "exaggerated")
    again = Gates(("static",)).judged(rejected, 300)
    assert again == BAD["exaggerated"]


def test_nothing_is_decided_about_what_was_not_measured() -> None:
    bare = Quality(size_bytes=1, bitrate_kbps=1.0)
    assert ALL.decide(bare, 300) is None
    assert set(ALL.undecided(bare)) == set(GATES) - {"first frame differs"}
    assert ALL.undecided(GOOD) == []
    assert Gates().undecided(bare) == []


numbers = st.none() | st.floats(0, 1000, width=32)


@given(
    st.lists(st.sampled_from(list(GATES)), unique=True),
    st.fixed_dictionaries(
        dict.fromkeys(
            ("psnr", "brisque", "clip_iqa", "motion_amplitude", "motion_fwhm_ms",
             "motion_return", "head_motion", "first_frame_psnr"),
            numbers,
        )
    ),
    st.floats(1, 1000),
)  # fmt: skip
def test_a_reason_is_a_gate_that_is_on_and_deciding_twice_changes_nothing(
    names: list[str], values: dict[str, float | None], planned: float
) -> None:
    gates = Gates(tuple(names))
    once = gates.judged(replace(GOOD, **values), planned)  # type: ignore[arg-type]
    assert once.accepted == (once.rejection_reason is None)
    assert once.rejection_reason in {None, *names}
    assert gates.judged(once, planned) == once


def test_names_and_files(tmp_path: Path) -> None:
    assert Gates.parse("none") == Gates()
    assert Gates.parse("all").names == tuple(GATES)
    assert Gates.parse("static, head-only").names == ("static", "head only")
    path = tmp_path / "gates.json"
    path.write_text(json.dumps({"names": ["exaggerated"], "exaggerated": 0.02}))
    assert Gates.parse(str(path)).decide(GOOD, 300) == "exaggerated"


@pytest.mark.parametrize("text", ["", "blank", "static;head only", "All"])
def test_an_unknown_gate_is_a_sentence(text: str) -> None:
    with pytest.raises(EquimeError, match="Choose among: static, head only"):
        Gates.parse(text)


def test_thresholds_that_make_no_sense_are_refused(tmp_path: Path) -> None:
    with pytest.raises(EquimeError, match="shortest 2"):
        Gates(shortest=2)
    (tmp_path / "gates.json").write_text('{"exagerated": 1}')
    with pytest.raises(EquimeError, match="exagerated"):
        Gates.parse(str(tmp_path / "gates.json"))


def test_what_is_written_down_is_what_decides() -> None:
    assert Gates().describe() == {}
    gates = Gates(("low quality", "exaggerated"), exaggerated=0.02, head=7)
    described = json.loads(json.dumps(gates.describe()))
    assert described["exaggerated"] == {"exaggerated": 0.02}
    restored = Gates.restore(described)
    assert set(restored.names) == set(gates.names)
    assert restored.exaggerated == 0.02
    assert restored.head == Gates().head  # no gate that is on uses it
    with pytest.raises(EquimeError, match="no gate 'of tomorrow'"):
        Gates.restore({"of tomorrow": {}})


def test_planned_time() -> None:
    assert planned_ms(10, 40, 100) == 300
