"""Tables of words, which Markdown and LaTeX print alike."""

from __future__ import annotations

from dataclasses import dataclass

from equime_hub.evaluation.evaluate import Estimate

HEADS = {
    "uf1": "UF1",
    "uar": "UAR",
    "accuracy": "accuracy",
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
}
"""Score → its name in a table's head."""

MISSING = "–"


@dataclass(frozen=True)
class Table:
    """One table.

    Attributes:
        title: What it shows; it says so where scores are averaged over folds or leaky.
        header: Names of the columns; the first is of words, the others of numbers.
        rows: As many cells each.
        notes: Sentences that belong to it.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()


def marked(title: str, leaky: bool) -> str:
    """A title that says so if the test had a say in what was selected."""
    return f"{title} (leaky: selected on the test)" if leaky else title


def number(value: float | None) -> str:
    """Four decimals, or a dash for None."""
    return MISSING if value is None else f"{value:.4f}"


def interval(low: float | None, high: float | None) -> str:
    """Both ends behind a space, or nothing."""
    return "" if low is None or high is None else f" [{number(low)}, {number(high)}]"


def estimate(value: Estimate | None) -> str:
    """Mean ± sd [interval], as far as they are known.

    >>> estimate(Estimate(0.5)), estimate(Estimate(0.5, 0.1, 0.25, 0.75)), estimate(None)
    ('0.5000', '0.5000 ± 0.1000 [0.2500, 0.7500]', '–')
    """
    if value is None:
        return MISSING
    sd = "" if value.sd is None else f" ± {number(value.sd)}"
    return number(value.mean) + sd + interval(value.low, value.high)
