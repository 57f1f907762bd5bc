"""DFME, as CCAC 2024 gave it out: `train_data/coding.xlsx` and a folder of frames a row."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import annotated, tables
from equime_hub.loading_script.real.clip import Expected, Options, RealClip
from equime_hub.loading_script.real.notes import say
from equime_hub.loading_script.real.quirks import corrected
from equime_hub.loading_script.real.tables import Row

COLUMNS: dict[str, tables.Names] = {
    "subject": "Subject",
    "name": "Filename",
    "onset": "OnsetFrame",
    "apex": "ApexFrame",
    "emotion": "Emotion",
    "recording": "Part",
    "fps": "FPS",
}
DECLARED = ("recording", "fps")
UNDECLARED = "At which rate it was filmed is not declared: fps is null."
FOLDERS = {"train": "train_data", "test_A": "test_A_data", "test_B": "test_B_data"}
"""Part → folder with its table and its clips."""


@dataclass(frozen=True)
class Dfme:
    """Zhao et al. 2023. Parts are `FOLDERS`; without `Options.part` all that are there are read.

    Of DFME's 7,526 clips the challenge gave out 2,629 of 259 people, none of whom is in two parts.

    A clip is its whole folder; onset and apex are annotated, the offset is not. It was filmed at
    500, 300 or 200 fps (recordings A, B and C). Only the table says at which: a clip for which it
    does not has a null `fps` and a note, and a remark counts them. Labels of test_A and test_B are
    withheld; if the table has them all the same, they are read.

    Assumptions: the test parts lie in `test_A_data` and `test_B_data`, each with its own
    coding.xlsx; a column "Part" (A, B or C) or "FPS", where there is one, tells the rate.
    """

    name: str = "dfme"
    title: str = "DFME"
    licence: str = "DFME licence agreement (academic research only, not to be passed on)"
    citation: str = (
        "S. Zhao, H. Tang, X. Mao, S. Liu, Y. Zhang, H. Wang, T. Xu and E. Chen: DFME: A New "
        "Benchmark for Dynamic Facial Micro-Expression Recognition. IEEE Transactions on "
        "Affective Computing, 2023"
    )
    needs: str = (
        "train_data/coding.xlsx and train_data/{Filename}/00000.png and so on; likewise "
        "test_A_data and test_B_data."
    )
    fps: Mapping[str, float | None] = field(
        default_factory=lambda: {"": None, "A": 500.0, "B": 300.0, "C": 200.0}
    )
    expected: Mapping[str, Expected] = field(
        default_factory=lambda: {
            "train": Expected(None, 1_856),
            "test_A": Expected(None, 474),
            "test_B": Expected(None, 299),
        }
    )

    def files(self, root: Path) -> Sequence[Path]:
        """The tables that are there."""
        return annotated.files(root, *map(_workbooks, FOLDERS))

    def clips(self, root: Path, options: Options) -> Iterator[RealClip]:
        """All rows, part by part; see `clip.RealDataset`."""
        if options.part not in (None, *FOLDERS):
            parts = ", ".join(FOLDERS)
            raise DatasetError(f"The parts of {self.title} are: {parts}; got {options.part!r}.")
        if options.cropped:
            raise DatasetError(f"{self.title} has no cropped faces. Import the raw frames.")
        there = [part for part in FOLDERS if annotated.there(root, _workbooks(part))]
        for part in [options.part] if options.part else there or ["train"]:
            path = tables.find(root, *_workbooks(part))
            withheld = () if part == "train" else ("emotion", "onset", "apex")
            rows = tables.read(path, COLUMNS, header_row=1, optional=(*DECLARED, *withheld))
            yield from self._part(root, part, rows, options)

    def _part(
        self, root: Path, part: str, rows: Sequence[Row], options: Options
    ) -> Iterator[RealClip]:
        undeclared = []
        for row in corrected(rows, self.name, fixes=options.fixes):
            name = row.must("name")
            raw, at, fps = row.text("emotion"), _times(row), self._rate(row)
            if fps is None:
                undeclared.append(row)
                at = replace(at, notes=(*at.notes, UNDECLARED))
            yield RealClip(
                dataset=self.name,
                part=part,
                subject=row.must("subject"),
                name=name,
                fps=fps,
                licence=self.licence,
                label_source="joint" if raw else None,
                fixes=row.fixes,
                row=row.where,
                **annotated.cut(root, [(FOLDERS[part], name)], row, at, options),
                **annotated.emotion(self.name, raw, options),
            )
        if undeclared:
            say(
                f"{FOLDERS[part]}/{undeclared[0].file} does not say at which rate {len(undeclared)}"
                f" of {len(rows)} clips were filmed (first: row {undeclared[0].number}): their fps "
                "is null. Add a column Part (A, B or C) or FPS (500, 300 or 200)."
            )

    def _rate(self, row: Row) -> float | None:
        """Declared rate; None if there is no such column or the cell is empty.

        Raises:
            DatasetError: The cell is none of the three recordings or rates, or they contradict
                each other.
        """
        recording = row.text("recording").upper().removeprefix("PART").strip(" -_")
        if recording and recording not in self.fps:
            raise row.error("recording", f"is {row.text('recording')!r}, not A, B or C")
        fps = self.fps[recording]
        if (said := row.integer("fps")) is not None:
            if said not in self.fps.values():
                raise row.error("fps", f"is {said}, not 500, 300 or 200")
            if fps not in (None, said):
                raise row.error("fps", f"is {said}, but recording {recording} has {fps:g}")
            fps = float(said)
        return fps


def _workbooks(part: str) -> tuple[str, ...]:
    return (f"{FOLDERS[part]}/coding.xlsx", *(("coding.xlsx",) if part == "train" else ()))


def _times(row: Row) -> annotated.Times:
    """Onset and apex; an apex before the onset is left out."""
    onset, apex = row.integer("onset"), row.integer("apex")
    if onset is not None and apex is not None and apex < onset:
        note = f"{row.where}: the apex {apex} is before the onset {onset}; not taken."
        return annotated.Times(onset, notes=(note,))
    return annotated.Times(onset, apex)
