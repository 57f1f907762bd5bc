from __future__ import annotations

import json
import xml.etree.ElementTree as ET
from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from PIL import Image

from equime_hub.errors import DatasetError, VideoError
from equime_hub.reports.motion import Course, as_json, as_markdown, courses, draw
from equime_hub.schema.records import Landmarks
from equime_hub.video.codec import decode
from equime_hub.video.locate import canonical
from equime_hub.video.motion import classify, estimate
from tests.reports.test_grid import relabel, rows_of


def face(frame: npt.NDArray[np.uint8], aligned: bool) -> Landmarks:
    assert aligned
    return canonical(frame.shape[1], frame.shape[0])


@pytest.fixture(scope="module")
def found(built: Path) -> list[Course]:
    return courses(built, face)


def test_the_clips_are_of_different_emotions_and_people(built: Path, found: list[Course]) -> None:
    assert Counter(Counter(course.row["emotion"] for course in found).values()) == {1: 4, 2: 1}
    assert len({course.row["subject_id"] for course in found}) == 6
    assert len(courses(built, face, number=50)) == 40


def test_a_course_is_what_the_estimator_says(built: Path, found: list[Course]) -> None:
    rows = {str(row["clip_id"]): row for row in rows_of(built)}
    for course in found:
        row = rows[course.row["clip_id"]]
        video = row["video"]
        assert isinstance(video, dict)
        frames = decode(video["bytes"]).frames
        motion = estimate(frames, 50.0, canonical(64, 64))
        np.testing.assert_array_equal(course.motion.mouth, motion.mouth)
        assert course.kind == classify(motion)
        assert course.told == (row["onset_frame"], row["apex_frame"], row["offset_frame"])
        assert course.row["apex_source"] == "planned"
        assert course.row["facs"] == row["facs"]


def test_clips_can_be_named(built: Path, found: list[Course]) -> None:
    names = [found[4].row["clip_id"], found[1].row["clip_id"]]
    chosen = courses(built, face, clips=[*names, names[0]])
    assert [course.row["clip_id"] for course in chosen] == names


def test_rejected_clips_are_only_shown_by_name(dataset: Path, found: list[Course]) -> None:
    relabel(dataset, "accepted", lambda values: [False] * len(values))
    with pytest.raises(DatasetError, match="--clip"):
        courses(dataset, face)
    assert len(courses(dataset, face, clips=[found[0].row["clip_id"]])) == 1


def test_a_face_is_looked_for_where_nobody_put_it(dataset: Path) -> None:
    asked = []

    def nobody(frame: npt.NDArray[np.uint8], aligned: bool) -> None:
        asked.append((frame.shape, aligned))

    relabel(dataset, "generator", lambda values: [None] * len(values))
    with pytest.raises(DatasetError, match="No face is found in the first frame of clip"):
        courses(dataset, nobody)
    assert asked == [((64, 64, 3), False)]


def test_the_numbers_are_told(found: list[Course]) -> None:
    text = as_markdown(found).splitlines()
    assert len(text) == 2 + len(found)
    onset = found[0].told[0]
    assert onset is not None
    assert f"{1000 * onset / 50:.0f} → " in text[2]
    values = json.loads(json.dumps(as_json(found)))["clips"]
    assert values[0]["told"]["onset_frame"] == onset
    for course, value in zip(found, values, strict=True):
        curves = value["curves"]
        assert set(curves) == {"ms", "expression", "brow", "eye", "mouth", "head"}
        assert curves["ms"][1] == 20
        np.testing.assert_allclose(curves["brow"], course.motion.brow, atol=1e-6)


def unknown(course: Course) -> Course:
    motion = replace(
        course.motion, onset_frame=None, apex_frame=None, offset_frame=None, fwhm_ms=None,
        returned=None,
    )  # fmt: skip
    nobody = dict.fromkeys(("onset_frame", "offset_frame", "facs", "apex_source"))
    return replace(course, row={**course.row, **nobody, "apex_frame": 3}, motion=motion)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 6])
def test_one_panel_a_clip(found: list[Course], count: int) -> None:
    shown = [unknown(found[0]), *found[1:count]]
    for name in ("a.svg", "b.svg"):
        draw(shown, Path(name))
    assert Path("a.svg").read_bytes() == Path("b.svg").read_bytes()
    groups = ET.parse("a.svg").getroot().iter("{http://www.w3.org/2000/svg}g")
    lines = [g for g in groups if g.get("id", "").startswith("axes_")]
    assert count <= len(lines) < count + 3
    draw(shown, Path("a.png"))
    with Image.open("a.png") as picture:
        pixels = np.asarray(picture.convert("L"))
    assert pixels.std() > 10
    for rim in (pixels[0], pixels[-1], pixels[:, 0], pixels[:, -1]):
        assert rim.min() == 255


def test_what_cannot_be_told_is_a_dash(found: list[Course]) -> None:
    line = as_markdown([unknown(found[0])]).splitlines()[-1]
    assert "| – → – | 60 → – | – → – |" in " ".join(line.split())


def test_mistakes_are_sentences(dataset: Path) -> None:
    with pytest.raises(DatasetError, match=r"no clip nix\. Some of its 40 are: \w{16}"):
        courses(dataset, face, clips=["nix"])
    with pytest.raises(DatasetError, match="holds no built dataset"):
        courses(Path("nowhere"), face)
    with pytest.raises(VideoError, match="eyes at least"):
        courses(dataset, lambda frame, aligned: canonical(16, 16))
    for path in dataset.glob("data/*"):
        pq.write_table(pq.read_table(path).slice(0, 0), path)
    with pytest.raises(DatasetError, match="lacks the videos"):
        courses(dataset, face)
    for path in dataset.glob("data/*"):
        path.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="cannot be read"):
        courses(dataset, face)
