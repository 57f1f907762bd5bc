from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from math import ceil, floor
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from tests.support.trees.drawing import recording

CLIP = RealClip("samm", "006", "006_1_2", tuple(f"a/{n}.jpg" for n in range(10)), 200.0, "L")


def test_frames_are_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for name in ("img10.jpg", "IMG2.JPG", "img1.jpg", "Thumbs.db", "._img1.jpg", "notes.txt"):
        (tmp_path / name).write_bytes(b"x")
    found = frames.images(tmp_path, ".")
    assert found == ("img1.jpg", "IMG2.JPG", "img10.jpg")
    assert list(frames.numbered(found)) == [1, 2, 10]


def test_two_files_of_one_number_are_named() -> None:
    with pytest.raises(DatasetError, match=r"a/img001.jpg and a/img1.jpg have the same"):
        frames.numbered(["a/img001.jpg", "a/img1.jpg"])


def test_a_file_without_number_is_named() -> None:
    with pytest.raises(DatasetError, match=r"a/cover.jpg has no frame number"):
        frames.numbered(["a/cover.jpg"])


def test_a_link_out_of_the_root_is_refused(tmp_path: Path) -> None:
    outside, root = tmp_path / "outside", tmp_path / "root"
    recording(outside, ["1.jpg"], 0)
    (root / "linked").parent.mkdir()
    (root / "linked").symlink_to(outside)
    recording(root, ["own/1.jpg"], 0)
    (root / "own" / "2.jpg").symlink_to(outside / "1.jpg")
    for folder in ("linked", "own", "../outside"):
        with pytest.raises(DatasetError, match="leads out of"):
            frames.images(root, folder)


def test_the_root_itself_and_links_inside_it_may_be_links(tmp_path: Path) -> None:
    recording(tmp_path / "root", ["a/1.jpg"], 0)
    (tmp_path / "root" / "b").symlink_to(tmp_path / "root" / "a")
    (tmp_path / "link").symlink_to(tmp_path / "root")
    assert frames.images(tmp_path / "link", "b") == ("b/1.jpg",)


def test_a_folder_is_found_whatever_its_case(tmp_path: Path) -> None:
    (tmp_path / "spNO.1" / "J").mkdir(parents=True)
    assert frames.folder(tmp_path, "spno.1", "j") == "spNO.1/J"
    assert frames.folder(tmp_path, "spno.1", "k") is None
    (tmp_path / "spNO.1" / "j").mkdir()
    assert frames.folder(tmp_path, "spno.1", "j") == "spNO.1/j"


def test_a_span_is_inclusive_and_names_what_is_missing() -> None:
    numbered = {n: f"a/img{n:03}.jpg" for n in range(1, 21) if n not in (7, 8)}
    found = frames.span(numbered, 5, 9, 12)
    assert found["frames"][0] == "a/img005.jpg"
    assert found["frames"][-1] == "a/img012.jpg"
    assert found["missing"] == ("a/img007.jpg", "a/img008.jpg")
    assert [found[n] for n in ("onset", "apex", "offset")] == [0, 2, 5]
    assert found["frames"][2] == "a/img009.jpg"
    assert found["apex_source"] == "annotated"


def test_without_apex_the_middle_takes_its_place() -> None:
    found = frames.span({n: f"{n}.bmp" for n in range(1, 10)}, 3, None, 8)
    assert [found[n] for n in ("onset", "apex", "offset", "apex_source")] == [0, 2, 5, "middle"]


def test_a_whole_recording_keeps_the_times() -> None:
    numbered = {n: f"{n}.bmp" for n in range(101, 131)}
    found = frames.span(numbered, 110, 115, 120, whole=True)
    assert len(found["frames"]) == 30
    assert [found[n] for n in ("onset", "apex", "offset")] == [9, 14, 19]


def test_times_that_are_not_in_order_are_refused() -> None:
    with pytest.raises(DatasetError, match="5, 3, 9"):
        frames.span({5: "5.jpg"}, 5, 3, 9)


def test_a_typing_error_of_a_thousand_million_is_refused() -> None:
    with pytest.raises(DatasetError, match="more than any recording"):
        frames.span({5: "5.jpg"}, 5, 6, 1_000_000_000)


@given(
    st.sets(st.integers(0, 60), min_size=1),
    st.lists(st.integers(0, 60), min_size=3, max_size=3).map(sorted),
)
def test_frames_and_missing_ones_make_up_the_span(there: set[int], times: list[int]) -> None:
    onset, apex, offset = times
    found = frames.span({n: f"{n}.jpg" for n in sorted(there)}, onset, apex, offset)
    numbers = sorted(int(name.removesuffix(".jpg")) for name in found["frames"] + found["missing"])
    assert numbers == list(range(onset, offset + 1))
    if found["frames"]:
        RealClip("samm", "1", "1", fps=200.0, licence="", **found)


def test_a_faster_clip_loses_every_other_frame() -> None:
    clip = replace(CLIP, onset=0, apex=5, offset=9, apex_source="annotated")
    found = frames.normalized(clip, 100)
    assert found.frames == tuple(f"a/{n}.jpg" for n in (0, 2, 4, 6, 8))
    assert (found.fps, found.onset, found.apex, found.offset) == (100, 0, 2, 4)


@given(
    count=st.integers(1, 300),
    rates=st.permutations([25.0, 60.0, 100.0, 117.5625, 200.0, 258.6875]).map(lambda all: all[:2]),
)
def test_a_common_rate_takes_no_frame_before_its_time(count: int, rates: list[float]) -> None:
    given, wanted = rates
    names = tuple(f"{n}.jpg" for n in range(count))
    clip = replace(CLIP, frames=names, fps=given, onset=0, offset=count - 1)
    found = frames.normalized(clip, wanted)
    if given <= wanted:
        assert found is clip
        return
    step = Fraction(given) / Fraction(wanted)
    assert found.frames == tuple(names[floor(k * step)] for k in range(ceil(count / step)))
    assert (found.fps, found.onset, found.offset) == (wanted, 0, len(found.frames) - 1)


@pytest.mark.parametrize(("given", "wanted"), [(30000 / 1001, 29.97), (59.94, 60000 / 1001)])
def test_two_numbers_for_one_rate_are_one_rate(given: float, wanted: float) -> None:
    clip = replace(CLIP, fps=given)
    assert frames.normalized(clip, wanted) is clip


@pytest.mark.parametrize("fps", [25.0, 100.0, None])
def test_a_clip_that_is_not_faster_stays(fps: float | None) -> None:
    clip = replace(CLIP, fps=fps)
    assert frames.normalized(clip, 100) is clip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"emotion": "joy"}, "emotion is one of"),
        ({"label_source": "self-report"}, "label_source is one of"),
        ({"fps": 0.0}, "fps is a positive number"),
        ({"onset": 3, "offset": 10}, "frame 10 is not in a clip of 10"),
        ({"onset": 3, "offset": 2}, "not in order"),
        ({"apex": 3}, "both given or both None"),
        ({"au_apex": (0.1,) * 16}, "17 numbers"),
        ({"au_apex": (5.0,) * 17}, "17 numbers"),
    ],
)
def test_a_clip_that_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DatasetError, match=f"samm-006-006_1_2 .sheet 1.*{message}"):
        replace(CLIP, row="sheet 1", **change)  # type: ignore[arg-type]


def test_options_that_make_no_sense_are_refused() -> None:
    with pytest.raises(DatasetError, match="span is one of"):
        Options(span="all")
    with pytest.raises(DatasetError, match="normalize_fps"):
        Options(normalize_fps=-1)
