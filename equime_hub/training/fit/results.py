"""What is kept of one training: its predictions, its history, and its model with a card."""

from __future__ import annotations

import csv
import shutil
from io import StringIO
from pathlib import Path
from typing import Any

import pyarrow as pa

from equime_hub.evaluation import log as logs
from equime_hub.files import remove_temporaries, write_text
from equime_hub.training.fit import card as trained_card
from equime_hub.training.fit.initial_model import Start
from equime_hub.training.fit.planning import Planned
from equime_hub.training.fit.training import Fitted

HISTORY = "history.csv"
MODEL = "model"


def keep(
    planned: Planned,
    which: tuple[int, int],
    unit: Path,
    start: Start,
    found: Fitted,
    license: str | None,
    *,
    model: bool,
) -> None:
    """Write what came of a training, predictions last.

    Args:
        planned: The run.
        which: Seed and number of the training.
        unit: Its folder.
        start: The model as it ended, and its processor.
        found: What came of it.
        license: Of the model, for its card.
        model: Write the model even if it is one of many.
    """
    seed, number = which
    training, table = (
        planned.trainings[number],
        planned.examples.table.take(pa.array(planned.trainings[number].tested)),
    )
    columns = {
        "clip_id": table["clip_id"].to_pylist(),
        "subject_id": table["subject_id"].to_pylist(),
        "dataset": table["source_dataset"].to_pylist(),
        "fold": [name for name, tested in training.tests.items() for _ in tested],
        "seed": seed,
        "reference": table["label"].to_pylist(),
        "prediction": found.probabilities.argmax(axis=1),
        "probabilities": found.probabilities,
        "config_hash": planned.hash,
    }
    log = logs.of(columns, planned.examples.classes)
    chosen = [{**row, "chosen": float(i == found.epoch)} for i, row in enumerate(found.history)]
    write_text(unit / HISTORY, csv_text(chosen))
    if model or (len(planned.trainings) == 1 and seed == planned.config.seeds[0]):
        temporary = unit / f"{MODEL}.tmp"
        shutil.rmtree(temporary, ignore_errors=True)
        start.model.save_pretrained(temporary)
        start.processor.save_pretrained(temporary)
        card = trained_card.text(planned, training, log, found, _name(unit), license)
        write_text(temporary / "README.md", card)
        shutil.rmtree(unit / MODEL, ignore_errors=True)
        temporary.replace(unit / MODEL)
    logs.write(log, unit)


def tidy(unit: Path) -> None:
    """Remove what a finished training needs no more."""
    for left in (*unit.glob("checkpoint-*"), *unit.glob(f"{MODEL}.tmp")):
        shutil.rmtree(left)
    for left in unit.glob("*.safetensors"):
        left.unlink()
    remove_temporaries(unit)


def _name(unit: Path) -> str:
    """Name of the run: its folder is RUN/folds/NAME/SEED."""
    return unit.resolve().parents[2].name


def csv_text(table: list[dict[str, Any]]) -> str:
    """Rows as CSV; what a row lacks is empty."""
    names = list(dict.fromkeys(name for row in table for name in row))
    text = StringIO()
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in table:
        writer.writerow({n: f"{v:.6g}" if isinstance(v, float) else v for n, v in row.items()})
    return text.getvalue()


def read_histories(path: Path) -> dict[tuple[str, int], list[dict[str, float]]]:
    """(training, seed) → scores of its epochs, as `history.csv` of a run has them."""
    found: dict[tuple[str, int], list[dict[str, float]]] = {}
    with path.open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            key = row.pop("fold"), int(row.pop("seed"))
            found.setdefault(key, []).append({n: float(v) for n, v in row.items() if v != ""})
    return found


def read_history(path: Path) -> list[dict[str, float]]:
    """Scores of every epoch, as `history.csv` of a training has them."""
    with path.open(encoding="utf-8", newline="") as file:
        return [{n: float(v) for n, v in row.items() if v != ""} for row in csv.DictReader(file)]
