from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import listed
from equime_hub.loading_script.real.four_dme import FourDme
from equime_hub.schema.taxonomy import AU_INDEX
from equime_hub.video import codec
from tests.support.trees.drawing import workbook
from tests.support.trees.four_dme import HEADER, ROWS, UNITS, WORKBOOK, fourdme, long
from tests.support.trees.four_dme import row as line
from tests.support.trees.reading import problems, remarks, row, times


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("4dme")
    fourdme(folder)
    return folder


@pytest.fixture
def own(root: Path, tmp_path: Path) -> Path:
    """A copy to spoil."""
    return Path(shutil.copytree(root, tmp_path / "own"))


def read(root: Path, **options: Any) -> list[RealClip]:
    return listed(FourDme(), root, Options(**options))


def rewrite(own: Path, *rows: tuple[Any, ...], header: Any = HEADER) -> None:
    """The table again, with these rows."""
    workbook(own / WORKBOOK, {"Sheet1": [header, *rows]})


def units(clip: RealClip) -> dict[int, float] | None:
    vector = clip.au_apex
    return None if vector is None else {n: vector[i] for n, i in AU_INDEX.items() if vector[i]}


def numbers(clip: RealClip) -> list[int]:
    return [int(Path(name).stem) for name in clip.frames]


def test_every_row_is_a_clip(root: Path) -> None:
    found = read(root)
    assert [c.clip_id for c in found] == [
        "4dme-sub01-clip_1",
        "4dme-sub01-clip_2",
        "4dme-sub12-clip_1",
        "4dme-sub23-clip_4",
    ]
    assert {(c.fps, c.label_source, c.gray, c.expression) for c in found} == {
        (60.0, "joint", True, "micro")
    }


def test_several_emotions_are_joined_and_are_no_class(root: Path) -> None:
    assert [(c.emotion_raw, c.emotion, c.emotion_3) for c in read(root)] == [
        ("Negative", None, "negative"),
        ("Positive+Repression", None, None),
        ("Surprise", "surprise", "surprise"),
        ("Repression", "repression", None),
    ]


def test_without_any_mark_the_column_emotion_counts(own: Path) -> None:
    unmarked = line("sub12", "clip_1", (20, 20, 26), "1", "00000", (1,))
    cells = dict(zip(HEADER, unmarked, strict=True))
    rewrite(own, tuple((cells | {"Emotion": "Others"}).values()), ROWS[0])
    assert [c.emotion for c in read(own)] == ["others", None]
    rewrite(own, tuple(cells.values()))
    assert [c.emotion_raw for c in read(own)] == [None]


def test_frames_are_counted_or_called_by_their_numbers(root: Path) -> None:
    by_table, from_one, in_longer, one_lost = read(root)
    assert numbers(by_table) == list(range(101, 109))
    assert numbers(from_one) == list(range(1, 9))
    assert times(from_one) == (0, 3, 7, "annotated")
    assert from_one.missing == ()
    assert numbers(in_longer) == list(range(20, 27))
    assert times(in_longer) == (0, 0, 6, "annotated")
    assert numbers(one_lost) == list(range(3, 8))
    assert one_lost.missing == ("gray_micro/sub23/clip_4/0008.jpg",)
    assert times(one_lost) == (0, 2, 4, "annotated")


def test_kept_units_do_not_count(root: Path) -> None:
    found = read(root)
    assert [c.facs for c in found] == ["AU4+AU7(k)", "6+12", "1+2+5", "24"]
    assert [units(c) for c in found] == [
        {4: 0.5}, {6: 0.5, 12: 0.5}, {1: 0.5, 2: 0.5, 5: 0.5}, {},
    ]  # fmt: skip


def test_columns_of_units_are_compared(own: Path) -> None:
    assert not any(clip.notes for clip in read(own))
    rewrite(own, line("sub01", "clip_1", (101, 104, 108), "4+24", "01000", (4, 7)))
    (clip,) = read(own)
    assert clip.notes == (
        f"{WORKBOOK} row 2: AUs is '4+24', the columns disagree on 7; AUs counts.",
    )
    assert clip.notes[0] in [p.problem for p in problems(own, clip)]
    assert units(clip) == {4: 0.5}
    rewrite(own, line("sub01", "clip_1", (101, 104, 108), "many", "01000", (4, 7)))
    (clip,) = read(own)
    assert (clip.facs, clip.au_apex, clip.notes) == ("many", None, ())
    assert "F2 says 'many', of which 'many' is no action unit" in remarks("4dme", own)


def test_columns_of_units_may_be_absent(own: Path) -> None:
    count = len(UNITS)
    rewrite(own, *(r[:-count] for r in ROWS), header=HEADER[:-count])
    found = read(own)
    assert units(found[1]) == {6: 0.5, 12: 0.5}
    assert not any(clip.notes for clip in found)


def test_gray_stays_gray(root: Path) -> None:
    values = row(root, read(root)[0])
    assert [values[n] for n in ("subject_id", "fps", "num_frames")] == ["4dme/sub01", 60.0, 8]
    frames = codec.decode(values["video"]["bytes"]).frames
    assert np.array_equal(frames[..., 0], frames[..., 2])


def test_two_rows_are_given_back_their_labels(own: Path) -> None:
    rewrite(own, *long())
    first, second = read(own)[144:146]
    assert (first.name, first.emotion_raw, first.facs) == ("clip_1", "Negative", "AU4+AU7(k)")
    assert (second.name, second.emotion_raw, second.facs) == (
        "clip_2", "Positive+Repression", "6+12",
    )  # fmt: skip
    assert times(first) == (0, 3, 7, "annotated")
    assert first.fixes == second.fixes == ("4dme-rows144-145",)
    assert units(second) == {6: 0.5, 12: 0.5}
    assert first.notes == second.notes == ()
    raw = read(own, fixes=False)[144]
    assert (raw.emotion_raw, raw.facs, raw.fixes) == ("Positive+Repression", "6+12", ())


def test_in_another_file_nothing_is_swapped(root: Path) -> None:
    assert "the official file has 267 rows, this one 4" in remarks("4dme", root)
    assert all(clip.fixes == () for clip in read(root))


def test_without_its_folder_a_clip_is_lost_and_listed(own: Path) -> None:
    shutil.rmtree(own / "gray_micro/sub12")
    clip = read(own)[2]
    assert clip.missing == ("gray_micro/sub12/clip_1",)
    (problem,) = problems(own, clip)
    assert (problem.file, problem.lost) == (clip.missing[0], True)
    assert problem.problem == "The folder is not there, or has no frame of the clip."


def test_other_tables_are_refused(own: Path) -> None:
    rewrite(own, *ROWS, header=("sub_ID", "fold", *HEADER[2:]))
    with pytest.raises(DatasetError, match="no header row with the columns fold_name;"):
        read(own)
    workbook(own / WORKBOOK, {"Sheet1": [("4DME",), HEADER, *ROWS]})
    assert len(read(own)) == 4
    assert "header in row 2, the official file in row 1" in remarks("4dme", own)
    (own / WORKBOOK).unlink()
    with pytest.raises(DatasetError, match="has no file 4DME_Labelling_Micro_release v1"):
        read(own)


def test_bad_rows_are_named(own: Path) -> None:
    rewrite(own, *ROWS, ROWS[3])
    with pytest.raises(DatasetError, match=r"have the id 4dme-sub23-clip_4: .* row 5 and .* row"):
        read(own)
    cells = dict(zip(HEADER, ROWS[0], strict=True))
    rewrite(own, tuple((cells | {"Negative": "yes"}).values()))
    with pytest.raises(DatasetError, match=r"J2 \(Negative\) is 'yes', not a whole number"):
        read(own)
    rewrite(own, tuple((cells | {"Apex": 110}).values()))
    (clip,) = read(own)
    assert times(clip) == (0, 3, 7, "middle")
    assert "the apex 110 is not between 101 and 108; not taken" in clip.notes[0]
