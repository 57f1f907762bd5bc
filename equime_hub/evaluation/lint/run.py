"""A run as the rules see it: its manifest, its rows as numbers, and its predictions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from unicodedata import normalize

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub.errors import DatasetError
from equime_hub.evaluation import log, manifest, rows
from equime_hub.evaluation.log import PredictionLog
from equime_hub.evaluation.manifest import PREDICTIONS, Manifest
from equime_hub.evaluation.rows import Codes, Mask, RunRows
from equime_hub.splits.people import full_name


@dataclass(frozen=True, eq=False)
class LintPeople:
    """Everybody who is shown or gave action units, as numbers.

    Two names mean one person by the rule of `splits.people.People`: a name without dataset is
    that person of any dataset.

    Attributes:
        names: Number → name.
        person: Clip → number of who is shown.
        donor: Clip → number of who gave the action units; -1 is nobody.
        subject: Number → number of the name without its dataset.
        bare: Number → whether it names no dataset.
    """

    names: list[str]
    person: Codes
    donor: Codes
    subject: Codes
    bare: Mask

    def of(self, clips: Mask) -> Mask:
        """Everybody, by number, who means a person whom these clips show."""
        there = np.zeros(len(self.names) + 1, bool)
        there[self.person[clips]] = True
        there = there[:-1]
        by_subject, by_bare = (np.zeros(len(self.names), bool) for _ in range(2))
        by_subject[self.subject[there]] = True
        by_bare[self.subject[there & self.bare]] = True
        return there | (self.bare & by_subject[self.subject]) | by_bare[self.subject]


@dataclass(frozen=True, eq=False)
class LintRun:
    """A run, read.

    Attributes:
        manifest: What it says of itself.
        rows: Which clip had which role in which fold.
        log: Its predictions; None if there are none, or they cannot be read.
        refused: Why they cannot be read; None if they can, or there are none.
    """

    manifest: Manifest
    rows: RunRows
    log: PredictionLog | None
    refused: str | None = None

    @cached_property
    def people(self) -> LintPeople:
        """Who is shown, and who gave action units.

        A subject that contains a slash names its dataset itself, as in "casme2/sub01".
        """
        subjects, donors = self.texts("subject_id"), self.texts("au_source_subject")
        shown = [
            str(subject) if "/" in str(subject) else full_name(dataset, str(subject))
            for dataset, subject in zip(self.texts("source_dataset"), subjects, strict=True)
        ]
        both = codes(pa.array([*shown, *donors], pa.string()))
        names = list(dict.fromkeys(name for name in (*shown, *donors) if name is not None))
        last = codes(pa.array([name.rpartition("/")[2] for name in names], pa.string()))
        bare = np.array(["/" not in name for name in names])
        return LintPeople(names, both[: len(shown)], both[len(shown) :], last, bare)

    @cached_property
    def images(self) -> tuple[Codes, Codes]:
        """Source image of every clip, by name and by SHA-256."""
        names = zip(self.texts("source_dataset"), self.texts("source_image"), strict=True)
        full = [image and full_name(dataset, image) for dataset, image in names]
        return codes(pa.array(full, pa.string())), codes(self.column("source_sha256"))

    @cached_property
    def families(self) -> Codes:
        """The same number for a clip and its counterfactuals."""
        return codes(pc.coalesce(self.column("counterfactual_of"), self.column("clip_id")))

    @cached_property
    def datasets(self) -> Codes:
        """Dataset of every clip."""
        return codes(self.column("source_dataset"))

    @cached_property
    def macro(self) -> Mask:
        """Clips of macro-expressions."""
        found = pc.equal(self.column("expression"), "macro").fill_null(False)
        return np.asarray(found.to_numpy(zero_copy_only=False), bool)

    def knows(self, *columns: str) -> bool:
        """Whether the rows have any of these columns."""
        return any(name in self.rows.clips.column_names for name in columns)

    def column(self, name: str) -> pa.Array:
        """A column of the clips as text; all null if it is not there."""
        clips = self.rows.clips
        if name not in clips.column_names:
            return pa.nulls(len(clips), pa.string())
        return clips[name].combine_chunks()

    def texts(self, name: str) -> list[str | None]:
        """The same as a list."""
        values: list[str | None] = self.column(name).to_pylist()
        return values


def read(folder: Path) -> LintRun:
    """The run in a folder. Predictions may be missing.

    Raises:
        DatasetError: No such folder, or its manifest or rows are missing or damaged.
    """
    if not folder.is_dir():
        raise DatasetError(
            f"There is no folder {folder}; a run is a folder with {manifest.MANIFEST} and "
            f"{manifest.ROWS}."
        )
    declared, roles = manifest.read(folder), rows.read(folder)
    if not (folder / PREDICTIONS).exists():
        return LintRun(declared, roles, None)
    try:
        return LintRun(declared, roles, log.read(folder))
    except DatasetError as error:
        return LintRun(declared, roles, None, str(error))


def codes(values: pa.Array) -> Codes:
    """Equal numbers for equal values, counting up from 0; -1 for null."""
    encoded = values.dictionary_encode()
    found: Codes = encoded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    return found


def shared(numbers: npt.NDArray[np.int32], held: Mask) -> Mask:
    """Clips that have the same number as one of the held ones."""
    there = np.zeros(int(numbers.max(initial=0)) + 2, bool)  # the last place is that of -1
    there[numbers[held]] = True
    there[-1] = False
    found: Mask = there[numbers]
    return found


def plain(name: str) -> str:
    """Name of a dataset without capitals, spaces, dashes and superscripts.

    >>> plain("MiE-X"), plain("CAS(ME)³"), plain("cas(me)_3")
    ('miex', 'cas(me)3', 'cas(me)3')
    """
    return "".join(c for c in normalize("NFKC", name).lower() if c not in " -_")
