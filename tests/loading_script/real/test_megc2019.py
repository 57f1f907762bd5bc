from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import check, pixels
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.megc2019 import LIST, Megc2019
from tests.support.trees import releases as trees
from tests.support.trees.megc2019 import (
    DROPPED,
    OFFICIAL,
    OTHERS,
    ROWS,
    SUBJECTS,
    official,
    write_list,
)
from tests.support.trees.reading import clips, problems, remarks, row, times


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("megc") / "root"
    official(root)
    return root


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return trees.make("megc2019", tmp_path_factory.mktemp("megc") / "root")


@pytest.fixture
def own(tmp_path: Path) -> Path:
    return trees.make("megc2019", tmp_path / "root")


def test_the_composite_has_its_official_counts(whole: Path) -> None:
    found = listed(Megc2019(), whole, Options())
    assert len(found) == 442
    assert len({clip.subject for clip in found}) == 68
    assert Counter(clip.emotion_3 for clip in found) == {
        "negative": 250, "positive": 109, "surprise": 83,
    }  # fmt: skip
    for part, counts in OFFICIAL.items():
        there = [clip for clip in found if clip.part == part]
        assert len({clip.subject for clip in there}) == SUBJECTS[part]
        assert Counter(clip.emotion_raw for clip in there) == counts
        assert Megc2019().expected[part].classes == counts
    assert all(len(clip.frames) == 3 and not clip.missing for clip in found)


def test_what_the_list_does_not_have_stays_out(whole: Path) -> None:
    found = {(clip.subject, clip.name) for clip in listed(Megc2019(), whole, Options())}
    for subject, name, _ in (*DROPPED, *OTHERS):
        assert (whole / f"casme2/CASME2-RAW/sub{subject:02}/{name}").is_dir()
        assert (f"casme2/sub{subject:02}", name) not in found


def test_the_whole_composite_passes_inspection(whole: Path) -> None:
    found = check.inspect("megc2019", whole)
    assert [line for line in found.lines if line.status not in ("ok", "note")] == []
    assert found.ok


def test_a_clip_is_that_of_its_release_under_the_lists_label(small: Path) -> None:
    found = clips("megc2019", small)
    assert list(found) == [name for _, _, name, _ in ROWS]
    clip = found["EP01_08"]
    assert clip.clip_id == "megc2019-casme2-casme2_sub16-EP01_08"
    assert (clip.subject, clip.part, clip.fps) == ("casme2/sub16", "casme2", 200.0)
    assert (clip.emotion_raw, clip.emotion, clip.emotion_3) == (
        "negative",
        "repression",
        "negative",
    )
    assert clip.frames[0] == "CASME II/CASME2-RAW/sub16/EP01_08/img93.jpg"
    assert (clip.licence.startswith("CASME II"), clip.row) == (True, f"{LIST} row 5")
    smile, fast = found["006_1_2"], found["s20_po_02"]
    assert (smile.subject, smile.fps, smile.emotion_3, smile.gray) == (
        "samm/006", 200.0, "positive", True,
    )  # fmt: skip
    assert (fast.subject, fast.fps, fast.part) == ("smic/s20", 100.0, "smic")
    assert {name: clip.emotion_3 for name, clip in found.items()} == {
        name: ("negative", "positive", "surprise")[number] for _, _, name, number in ROWS
    }


def test_times_fixes_and_rows_are_those_of_the_release(small: Path) -> None:
    clip = clips("megc2019", small)["028_4_1"]
    assert clip.fixes == ("samm-028_4_1-apex",)
    assert times(clip) == (0, 3, 6, "middle")
    values = row(small, clip)
    assert (values["subject_id"], values["source_dataset"]) == ("samm/028", "megc2019")
    assert values["license"].startswith("restricted: SAMM")
    plain = clips("megc2019", small, fixes=False)["028_4_1"]
    assert plain.fixes == ()


def test_a_part_is_one_of_the_datasets(small: Path) -> None:
    assert set(clips("megc2019", small, part="smic")) == {"s1_ne_01", "s1_sur_01", "s20_po_02"}
    with pytest.raises(DatasetError, match="are: one of casme2, smic, samm; got 'hs'"):
        listed(Megc2019(), small, Options(part="hs"))


def test_a_clip_that_is_not_there_is_listed(own: Path) -> None:
    write_list(own, [*ROWS, ("samm", 28, "028_9_9", 0), ("casme2", "sub03", "EP09_09", 1)])
    found = clips("megc2019", own)
    lost: RealClip = found["028_9_9"]
    assert (lost.subject, lost.frames, lost.missing) == ("samm/028", (), ("samm/028/028_9_9",))
    assert found["EP09_09"].subject == "casme2/sub03"
    assert pixels.read(own, lost).row is None
    assert [(each.file, each.lost) for each in problems(own, lost)][-1] == (
        "samm/028/028_9_9",
        True,
    )


def test_a_list_that_contradicts_a_release_is_reported(own: Path) -> None:
    write_list(own, [("casme2", "sub01", "EP02_01f", 0), *ROWS[1:]])
    assert clips("megc2019", own)["EP02_01f"].emotion_3 == "negative"
    said = remarks("megc2019", own)
    assert (
        f"{LIST} row 1 says negative, CASME2-coding-20140508.xlsx row 2 happiness (positive" in said
    )


def test_without_the_list_it_says_what_it_is(own: Path) -> None:
    (own / LIST).unlink()
    with pytest.raises(DatasetError, match=rf"has no {LIST}, the organisers' list of 442 clips"):
        listed(Megc2019(), own, Options())


def test_without_a_release_it_says_which(own: Path) -> None:
    (own / "SMIC").rename(own / "elsewhere")
    with pytest.raises(DatasetError, match="no folder smic with the release of SMIC"):
        listed(Megc2019(), own, Options())
    assert len(clips("megc2019", own, part="samm")) == 4


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (("samm", 6, "006_1_2", 3), r"D13 \(class\) is '3', not 0, 1 or 2"),
        (("casme", 6, "006_1_2", 0), r"A13 \(dataset\) is 'casme', not one of casme2, smic, samm"),
        (("samm", 6, "", 0), r"C13 \(name\) is empty"),
        (ROWS[0], f"{LIST} row 1 and {LIST} row 13"),
    ],
)  # fmt: skip
def test_a_malformed_list_is_refused(
    own: Path, wrong: tuple[str, str, str, int], said: str
) -> None:
    write_list(own, [*ROWS, wrong])
    with pytest.raises(DatasetError, match=said):
        listed(Megc2019(), own, Options())
