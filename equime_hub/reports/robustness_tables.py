"""What attacks and degradations leave of a model, as a table of words and as JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from equime_hub.reports.evaluation_tables import HEADS
from equime_hub.reports.robustness_words import verdicts
from equime_hub.robustness.robustness import Condition, Robustness
from equime_hub.tables import Table, fixed

SCORES = ("uf1", "uar", "accuracy")


def table(found: Robustness) -> Table:
    """One row a condition; what follows from the controls stands below."""
    clean = found.clean.part
    rows = [_row(each) for each in found.conditions]
    rows += [
        (_guess(name, found), *(fixed(getattr(row, score)) for score in SCORES), "", "", "")
        for name, row in clean.report.baselines.items()
    ]
    counts = f"Clips: {clean.clips:,}; people: {clean.subjects:,}; folds: {clean.folds:,}"
    cells = "score [interval over people]" if clean.scores["uf1"].low is not None else "score"
    notes = (
        *verdicts(found),
        f"{counts}. Cells: {cells}; kept is UF1 over that of clean clips, changed the share of "
        "clips that are given another class than when clean, loss the mean cross-entropy.",
        *found.notes,
    )
    header = ("clips", *(HEADS[score] for score in SCORES), "kept", "changed", "loss")
    return Table("Robustness", header, tuple(rows), notes)


def as_json(found: Robustness) -> dict[str, Any]:
    """The same for programs."""
    return {
        "classes": found.classes,
        "epsilon_unit": found.unit,
        "clips": found.clean.part.clips,
        "people": found.clean.part.subjects,
        "folds": found.clean.part.folds,
        "guessing_uf1": found.guessing,
        "conditions": [_plain(each) for each in found.conditions],
        "verdicts": [*verdicts(found)],
        "notes": found.notes,
        "broken": found.broken,
    }


def _row(each: Condition) -> tuple[str, ...]:
    scores = (str(each.part.scores[score]) for score in SCORES)
    kept = "–" if each.kept is None else f"{each.kept:.2f}"
    return each.name, *scores, kept, f"{each.changed:.2f}", f"{each.loss:.3f}"


def _guess(name: str, found: Robustness) -> str:
    return f"always {found.clean.part.report.constant_class}" if name == "constant" else name


def _plain(each: Condition) -> dict[str, Any]:
    return {
        "name": each.name,
        "kind": each.kind,
        **({} if each.done is None else {"done": asdict(each.done)}),
        "scores": {score: asdict(each.part.scores[score]) for score in SCORES},
        "kept": each.kept,
        "changed": each.changed,
        "loss": each.loss,
        "confusion": each.part.report.confusion,
    }
