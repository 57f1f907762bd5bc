"""Runs for a cross-evaluation: which model, trained on what, predicted which test sets.

A run is named by its folder, or by a row of a list: a YAML file with a list of mappings, or a CSV
file, with the fields of `ListedRun`. Paths in a list are relative to it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import log as logs
from equime_hub.evaluation import manifest, selection
from equime_hub.evaluation.log import PredictionLog
from equime_hub.evaluation.manifest import Manifest

LISTS = (".yaml", ".yml", ".csv")
"""Endings of lists of runs."""


@dataclass(frozen=True)
class ListedRun:
    """A row of a list; what is left out is taken from the run's manifest.

    Attributes:
        log: The prediction log, or the folder of the run.
        model: Name of the model.
        train: Datasets trained on, a list or "casme2+smic".
        test: Datasets tested on, likewise; by default those of the log.
        protocol: As in `protocols.PROTOCOLS`.
        selection: As in `selection.RULES`.
    """

    log: str
    model: str | None = None
    train: str | tuple[str, ...] | None = None
    test: str | tuple[str, ...] | None = None
    protocol: str | None = None
    selection: str | None = None


@dataclass(frozen=True, eq=False)
class CrossRun:
    """A run to compare.

    Attributes:
        path: Where it is from, for messages.
        log: Its predictions.
        model: Name of the model.
        train: Datasets trained on.
        test: Datasets tested on; None takes those of the log.
        protocol: None if unknown.
        selection: As `selection.stored_name` has it; None if unknown.
    """

    path: Path
    log: PredictionLog
    model: str
    train: tuple[str, ...]
    test: tuple[str, ...] | None = None
    protocol: str | None = None
    selection: str | None = None


def read(paths: Iterable[Path]) -> Iterator[CrossRun]:
    """Runs of folders, of prediction logs beside a manifest, and of lists of them.

    Raises:
        DatasetError: A file is missing or damaged, nobody says what was trained on what, or a row
            contradicts the manifest.
    """
    for path in paths:
        if path.suffix.lower() not in LISTS:
            yield _run(path, ListedRun(path.name))
            continue
        for row in rows(path):
            yield _run(path.parent / row.log, row)


def rows(path: Path) -> list[ListedRun]:
    """The rows of a list.

    Raises:
        DatasetError: It cannot be read, is no list of rows, or a row has a field that does not fit.
    """
    try:
        text = path.read_text(encoding="utf-8")
        found = _csv(text) if path.suffix.lower() == ".csv" else yaml.safe_load(text)
    except (OSError, ValueError, yaml.YAMLError) as error:
        # What is wrong with YAML is told in several lines.
        why = " ".join(str(error).split())
        raise DatasetError(f"{path} cannot be read as a list of runs: {why}.") from error
    if not isinstance(found, list) or not found or not all(isinstance(row, dict) for row in found):
        raise DatasetError(
            f"{path} must hold a list of runs, each with log and, unless its manifest says so, "
            "model and train."
        )
    try:
        return [configs.from_json(ListedRun, {str(key): row[key] for key in row}) for row in found]
    except EquimeError as error:
        raise DatasetError(f"{path}: {error}") from error


def _csv(text: str) -> list[dict[str, Any]]:
    lines = csv.DictReader(text.splitlines(), restkey="more cells than columns")
    return [{name: cell for name, cell in line.items() if cell} for line in lines]


def _run(path: Path, row: ListedRun) -> CrossRun:
    folder = path if path.is_dir() else path.parent
    stated = manifest.read(folder) if (folder / manifest.MANIFEST).is_file() else Manifest()
    model = _agreed(path, "model", row.model, stated.model)
    train = _agreed(path, "train", _names(row.train), stated.train_sets)
    if not model or not train:
        raise DatasetError(
            f"{path} does not say {'which model it is' if not model else 'what it was trained on'};"
            f" write it into {manifest.MANIFEST}, or into a list of runs with the columns model, "
            "train, test, log."
        )
    rule = row.selection and selection.stored_name(row.selection)
    known = stated.selection and selection.stored_name(stated.selection)
    return CrossRun(
        path=path,
        log=logs.read(path, stated.classes),
        model=model,
        train=train,
        test=_names(row.test) or stated.test_sets or None,
        protocol=_agreed(path, "protocol", row.protocol, stated.protocol),
        selection=_agreed(path, "selection", rule, known),
    )


def _names(value: str | tuple[str, ...] | None) -> tuple[str, ...] | None:
    if value is None:
        return None
    found = value.split("+") if isinstance(value, str) else value
    return tuple(name.strip() for name in found if name.strip())


def _agreed(path: Path, what: str, said: Any, stated: Any) -> Any:
    """What one of them says, or both alike; the order of datasets is of no matter."""
    alike = said == stated or (isinstance(said, tuple) and set(said) == set(stated or ()))
    if said and stated and not alike:
        raise DatasetError(
            f"The list says {what} {_shown(said)} of {path}, and its manifest {_shown(stated)}; "
            "correct the one that is wrong."
        )
    return stated or said


def _shown(value: str | tuple[str, ...]) -> str:
    return value if isinstance(value, str) else " + ".join(value)
