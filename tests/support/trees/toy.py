"""A dataset as another package would add it: a module, and an entry point."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Options, RealClip
from equime_hub.loading_script.real.dataset import Expected, RealDataset
from tests.support.trees.drawing import recording

ENTRY_POINTS = f"[equime_hub.real]\ntoy = {__name__}:Toy\n"


class Toy(RealDataset):
    """`labels.csv` (subject, name, emotion) and a folder of frames a row."""

    name = "toy"
    title = "Toy"
    licence = "Toy agreement"
    citation = "Nobody 2020"
    needs = "labels.csv and a folder for every clip."

    fps = {"": 100.0}
    expected = {"": Expected(2, 4, incomplete={"toy-p0-c1": 1, "toy-p1-*": 1})}

    def files(self, root: Path) -> list[Path]:
        return [root / "labels.csv"]

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        if options.part:
            raise DatasetError(f"Toy has no parts, got {options.part!r}.")
        lines = (root / "labels.csv").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines, 1):
            subject, name, emotion = line.split(",")
            numbered = frames.numbered(frames.images(root, f"{subject}/{name}"))
            whole = options.span == "recording"
            span = frames.span(numbered, 3, 5, 8, whole=whole)
            yield RealClip(
                "toy", subject, name, fps=100.0, licence=self.licence, emotion=emotion,
                label_source="self_report", row=f"labels.csv row {number}", **span,
            )  # fmt: skip


def make(root: Path) -> Path:
    """Four clips of two people: ten frames each, of which six are the expression."""
    lines = []
    for number, emotion in enumerate(("fear", "anger", "surprise", "others")):
        subject, name = f"p{number // 2}", f"c{number}"
        recording(root, [f"{subject}/{name}/{n}.png" for n in range(1, 11)], number)
        lines.append(f"{subject},{name},{emotion}")
    (root / "labels.csv").write_text("\n".join(lines), encoding="utf-8")
    return root


def install(folder: Path) -> None:
    """What pip would write beside the package."""
    distribution = folder / "toy-1.0.dist-info"
    distribution.mkdir(parents=True)
    (distribution / "METADATA").write_text("Metadata-Version: 2.1\nName: toy\nVersion: 1.0\n")
    (distribution / "entry_points.txt").write_text(ENTRY_POINTS)
