"""What attacks and degradations leave of a model: as a table of words, as JSON, as a figure.

No label tells how much of a face a model may read, so the bounds are ours: what a control leaves
of the score over guessing is little below a fifth of it, and much from a half on.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from equime_hub.evaluation.evaluate import MeanScore
from equime_hub.models.attacks import Attack
from equime_hub.reports.evaluation_tables import HEADS, baseline_rows
from equime_hub.reports.figures import ACCENT, COLUMN, INK, PALETTE, canvas
from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import Condition, Robustness
from equime_hub.tables import MISSING, Table

if TYPE_CHECKING:
    from matplotlib.axes import Axes

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

_MARKERS = "osD^v"
_GUESSING: dict[str, Any] = {"color": "#7d7d7d", "linewidth": 0.7, "linestyle": (0, (4, 2))}


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
    kept = MISSING if each.kept is None else f"{each.kept:.2f}"
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


def draw(found: Robustness, path: Path, *, title: str = "") -> None:
    """Draw UF1 over epsilon, and beside it a line for each control and degradation.

    Bars are the intervals; the dashed line is the best that guessing gives.

    Args:
        found: With an attack or a degradation.
        path: Its suffix is one of `figures.SUFFIXES`.
        title: Above the figure.

    Raises:
        ValueError: There is neither.
    """
    attacks = [each for each in found.conditions if each.kind == "attack"]
    others = [each for each in found.conditions if each.kind in ("control", "degradation")]
    if not attacks and not others:
        raise ValueError("a figure of robustness needs an attack or a degradation")
    parts = [bool(attacks), bool(others)]
    height = max(2.0, 0.21 * (len(others) + 1) + 0.7) + (0.2 if title else 0)
    with canvas(COLUMN * sum(parts), height, path) as figure:
        axes = list(figure.subplots(1, sum(parts), squeeze=False)[0])
        if attacks:
            _attacks(axes.pop(0), found, attacks)
        if others:
            _others(axes.pop(0), found, others)
        if title:
            figure.suptitle(title, x=0.01, ha="left", weight="bold", size=8)


def _attacks(axis: Axes, found: Robustness, attacks: Sequence[Condition]) -> None:
    # The names of one attack differ in what stands behind the comma, which is epsilon.
    kinds = list(dict.fromkeys(each.name.partition(",")[0] for each in attacks))
    for number, kind in enumerate(kinds):
        own = [each for each in attacks if each.name.partition(",")[0] == kind]
        scores = [_uf1(each) for each in (found.clean, *own)]
        axis.errorbar(
            [0.0, *(each.done.epsilon for each in own if isinstance(each.done, Attack))],
            [score.mean for score in scores], yerr=[*zip(*map(_ends, scores), strict=True)],
            color=PALETTE[number % len(PALETTE)], marker=_MARKERS[number % len(_MARKERS)],
            markersize=3.2, linewidth=1.2, elinewidth=0.6, capsize=1.5, capthick=0.6,
            label=kind, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axhline(found.guessing, label="guessing", **_GUESSING)
    axis.set(ylim=(0, 1), xlim=(0, None), xlabel=f"ε ({found.unit})", ylabel="UF1")
    axis.set_title("Attacks", loc="left", weight="bold")
    axis.grid(axis="y", color="#e9ecef", linewidth=0.6)
    axis.legend(loc="upper right")


def _others(axis: Axes, found: Robustness, others: Sequence[Condition]) -> None:
    rows = [found.clean, *others]
    for place, each in enumerate(rows):
        score, control = _uf1(each), each.kind == "control"
        axis.errorbar(
            score.mean, place, xerr=[[end] for end in _ends(score)],
            color=INK if not place else ACCENT if control else PALETTE[0],
            marker="D" if control else "o", markersize=3.4, elinewidth=0.7, capsize=1.5,
            capthick=0.7, clip_on=False, zorder=3,
        )  # fmt: skip
    axis.axvline(found.guessing, **_GUESSING)
    axis.axvline(found.clean.uf1, color=INK, linewidth=0.5, linestyle=":")
    axis.set_yticks(range(len(rows)), [each.name.partition(":")[0] for each in rows])
    for label, each in zip(axis.get_yticklabels(), rows, strict=True):
        label.set_color(ACCENT if each.kind == "control" else INK)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
    axis.set(ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1), xlabel="UF1")
    axis.set_title("Controls and degradations", loc="left", weight="bold")
    axis.grid(axis="x", color="#e9ecef", linewidth=0.6)


def _uf1(each: Condition) -> MeanScore:
    return each.part.scores["uf1"]


def _ends(score: MeanScore) -> tuple[float, float]:
    """How far the interval reaches below and above."""
    low = score.mean if score.low is None else score.low
    high = score.mean if score.high is None else score.high
    return max(score.mean - low, 0), max(high - score.mean, 0)
