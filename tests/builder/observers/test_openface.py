from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from equime_hub.builder.observers import AU_OBSERVERS, Apex, AuObserver
from equime_hub.errors import DatasetError, PlanError
from equime_hub.schema.taxonomy import AU_NUMBERS

try:
    importlib.util.find_spec("equime_hub.builder.causal.openface")
    from equime_hub.builder.observers.openface import OpenFaceFolder
except ImportError:
    pytest.skip("the reader of OpenFace's files is not here", allow_module_level=True)

APEX = Apex("abc", frame=2, num_frames=4, video=b"")


def write(name: str = "abc", frames: int = 4, confidence: float = 0.98) -> None:
    Path("csv").mkdir(exist_ok=True)
    header = ["frame", "confidence", "success", *(f"AU{n:02d}_r" for n in AU_NUMBERS)]
    lines = [", ".join(header)]
    for frame in range(1, frames + 1):
        values = [frame, confidence, 1, *(0.25 * frame + 0.1 * i for i in range(17))]
        lines.append(", ".join(map(str, values)))
    Path("csv", f"{name}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")


def observer() -> AuObserver:
    made: AuObserver = AU_OBSERVERS.get("openface")(folder=Path("csv"))
    assert isinstance(made, OpenFaceFolder)
    return made


def test_the_apex_is_read_and_scaled() -> None:
    write()
    seen = observer().units(APEX)
    assert seen is not None
    # Frame 2 from 0 is OpenFace's frame 3.
    assert seen.intensities == pytest.approx([(0.75 + 0.1 * i) / 5 for i in range(17)])
    assert observer().tool.startswith("openface 2")


def test_no_file_and_no_face_are_no_answer() -> None:
    write("other")
    assert observer().units(APEX) is None
    write(confidence=0.3)
    assert observer().units(APEX) is None


@pytest.mark.parametrize("frames", [2, 5])
def test_a_file_of_another_clip_is_refused(frames: int) -> None:
    write(frames=frames)
    with pytest.raises(DatasetError, match="the clip has 4 frames"):
        observer().units(APEX)


def test_a_file_of_something_else_is_refused() -> None:
    write()
    Path("csv/abc.csv").write_text("a,b\n1,2\n", encoding="utf-8")
    with pytest.raises(PlanError, match=r"abc\.csv lacks AU01_r"):
        observer().units(APEX)


@pytest.mark.parametrize("folder", [None, Path("csv")])
def test_a_folder_is_needed(folder: Path | None) -> None:
    Path("csv").mkdir()
    with pytest.raises(DatasetError, match="--csv"):
        AU_OBSERVERS.get("openface")(folder=folder)
