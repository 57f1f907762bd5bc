"""A dataset as another package would add it: a module, and an entry point."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import frames
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from tests.support.trees.drawing import recording

ENTRY_POINTS = f"[equime_hub.real]\ntoy = {__name__}:Toy\n"


@dataclass(frozen=True)
class Toy:
    """`labels.csv` (subject, name, emotion) and a folder of frames a row."""

    name: str = "toy"
    title: str = "Toy"
    licence: str = "Toy agreement"
    citation: str = "Nobody 2020"
    needs: str = "labels.csv and a folder for every clip."

    @property
    def fps(self) -> Mapping[str, float | None]:
        return {"": 100.0}

    @property
    def expected(self) -> Mapping[str, Expected]:
        return {"": Expected(2, 4, incomplete={"toy-p0-c1": 1, "toy-p1-*": 1})}

    def files(self, root: Path) -> Sequence[Path]:
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
                label_source="self_report", row=f"labels.csv row {number}", **span.times(),  # type: ignore[arg-type]
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
