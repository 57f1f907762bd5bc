"""What attacks and degradations leave of a model, as a table of words and as JSON.

No label tells how much of a face a model may read, so the bounds are ours: what a control leaves
of the score over guessing is little below a fifth of it, and much from a half on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from equime_hub.reports.evaluation_tables import HEADS, baseline_rows
from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import Condition, Robustness
from equime_hub.tables import Table

SCORES = ("uf1", "uar", "accuracy")
PARTLY, MOSTLY = 0.2, 0.5
"""Share of the score over guessing that a control keeps, from which our words change."""
_MEANING = {
    ("static", "half or more"): "this model may read faces, not motion.",
    ("static", "part"): "this model reads motion, and something of the face as well.",
    ("static", "little"): "without motion it knows next to nothing, as it should.",
    ("shuffled", "half or more"): "the order of frames hardly matters to this model; it may read "
    "single frames, or how far a face is from its first.",
    ("shuffled", "part"): "the order of frames matters to this model, and is not all it reads.",
    ("shuffled", "little"): "it needs the frames in their order.",
}


def table(found: Robustness) -> Table:
    """One row a condition; what follows from the controls stands below."""
    clean = found.clean.part
    rows = [_row(each) for each in found.conditions]
    guesses = baseline_rows(clean.report.baselines, clean.report.constant_class, SCORES)
    rows += [(*guess, "", "", "") for guess in guesses]
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


def verdicts(found: Robustness) -> Iterator[str]:
    """One sentence a control; one alone if clean clips give no more than guessing."""
    clean, guessing = found.clean, found.guessing
    controls = [each for each in found.conditions if each.kind == "control"]
    low = clean.part.scores["uf1"].low
    if controls and (clean.uf1 if low is None else low) <= guessing:
        yield (
            f"Clean clips give UF1 {clean.uf1:.2f} and guessing {guessing:.2f}: no more than "
            "guessing can be told from that, so the controls say nothing."
        )
        return
    for each in controls:
        kind = each.done.kind if isinstance(each.done, Degradation) else ""
        share = (each.uf1 - guessing) / (clean.uf1 - guessing)
        amount = "half or more" if share >= MOSTLY else "part" if share >= PARTLY else "little"
        yield (
            f"The {kind} control keeps {each.uf1 / clean.uf1:.2f} of UF1 ({each.uf1:.2f} of "
            f"{clean.uf1:.2f}; guessing gives {guessing:.2f}): {_MEANING[kind, amount]}"
        )
