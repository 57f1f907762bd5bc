from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from equime_hub.builder.causal import openface
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS
from tests.support import openface_csv as made_up


def test_intensities_are_scaled_clipped_and_in_our_order(tmp_path: Path) -> None:
    frames = [{number: 0.25 * i for i, number in enumerate(AU_NUMBERS)}, {1: 5.4, 2: -0.3}]
    path = made_up.openface(tmp_path / "a.csv", frames)
    assert ", AU01_r, " in path.read_text()  # the header has the leading spaces
    track = openface.read(path)
    assert track.frames.tolist() == [1, 2] and track.tracked.all()
    assert track.aus[0] == pytest.approx([0.05 * i for i in range(17)])
    assert track.aus[1].tolist() == [1.0] + [0.0] * 16
    assert track.at(2) is not None and (track.at(2) == track.aus[1]).all()


def test_header_without_spaces_other_order_and_byte_order_mark(tmp_path: Path) -> None:
    path = made_up.openface(tmp_path / "a.csv", [{4: 2.5}])
    rows = [line.split(", ") for line in path.read_text().splitlines()]
    path.write_text("\ufeff" + "".join(",".join(reversed(row)) + "\r\n" for row in rows))
    assert openface.read(path).at(1)[AU_INDEX[4]] == 0.5


def test_lost_and_unsure_frames_are_not_tracked(tmp_path: Path) -> None:
    path = made_up.openface(
        tmp_path / "a.csv", [{4: 1.0}] * 4, failed=[2], confidence={2: 0.95, 3: 0.79, 4: 0.8}
    )
    track = openface.read(path)
    assert track.tracked.tolist() == [True, False, False, True]
    assert not track.aus[~track.tracked].any()
    assert openface.read(path, min_confidence=0.5).tracked.tolist() == [True, False, True, True]
    with pytest.raises(PlanError, match=r"a\.csv: the face was not tracked in frame 2"):
        track.at(2)
    with pytest.raises(PlanError, match=r"no frame 0; its frames are 1 to 4"):
        track.at(0)


def test_numbers_that_mean_nothing_are_not_read_where_the_face_was_lost(tmp_path: Path) -> None:
    path = made_up.openface(tmp_path / "a.csv", [{4: 1.0}] * 2, failed=[2])
    path.write_text(path.read_text().replace("0.00, 0, 0.1, 0.00", "0.00, 0, -nan(ind), nan"))
    assert "-nan(ind), nan" in path.read_text()
    assert openface.read(path).tracked.tolist() == [True, False]


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        (", AU07_r", ", AU07_x", "lacks AU07_r: it is of another version than OpenFace 2"),
        ("frame, face_id, timestamp", "face, a, b", "lacks frame: .*FaceLandmarkImg"),
        (", success", ", successful", "lacks success"),
        (", AU02_r", ", AU01_r", "has the column 'AU01_r' more than once"),
        ("\n2, 0", "\n1, 1", "line 3: frame 1 comes after frame 1.*face_id"),
        ("\n2, 0", "\n2.5, 0", "line 3: frame is '2.5', expected a whole number"),
        ("1.50", "1.5.0", "line 2: AU04_r is '1.5.0', expected a number"),
        ("1.50", "nan", "line 2: AU04_r is 'nan'"),
        ("1.50", "", "line 2: AU04_r is ''"),
        ("1.50, ", "", "line 2: 40 cells under a header of 41"),
    ],
)
def test_files_of_another_kind_are_refused(
    tmp_path: Path, old: str, new: str, sentence: str
) -> None:
    path = made_up.openface(tmp_path / "a.csv", [{4: 1.5}, {4: 2.5}])
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(PlanError, match=sentence):
        openface.read(path)


def test_the_first_openface_lacks_three_intensities(tmp_path: Path) -> None:
    path = tmp_path / "old.csv"
    old = [n for n in AU_NUMBERS if n not in (7, 23, 45)]
    header = "frame, timestamp, confidence, success, " + ", ".join(f"AU{n:02d}_r" for n in old)
    path.write_text(header + "\n1, 0.0, 0.9, 1" + ", 0.5" * len(old) + "\n")
    with pytest.raises(PlanError, match="lacks AU07_r, AU23_r, AU45_r: it is of another version"):
        openface.read(path)


@pytest.mark.parametrize("content", [b"", b"frame\n", b"\xff\xfe\x00", b'frame, "a\n1, 2\n'])
def test_what_is_no_table_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(content)
    with pytest.raises(PlanError, match=r"a\.csv"):
        openface.read(path)
    with pytest.raises(PlanError, match="cannot be read"):
        openface.read(tmp_path / "missing.csv")


def test_a_long_file(tmp_path: Path) -> None:
    path = made_up.openface(tmp_path / "a.csv", [{12: i / 200} for i in range(1000)], first=5)
    track = openface.read(path)
    assert track.frames[[0, -1]].tolist() == [5, 1004]
    assert np.allclose(track.aus[:, AU_INDEX[12]], np.arange(1000) / 1000, atol=0.001)
