"""Tables of words as Markdown and as LaTeX, and numbers as their cells show them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import partial

MISSING = "–"

_LATEX = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "→": r"$\rightarrow$",
    # At the start of a row it would be read as an argument of the line break before it.
    "[": "{[}",
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}


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


def in_markdown(tables: Iterable[Table]) -> str:
    """Tables with their titles and notes, as Markdown that reads well as plain text too."""
    parts = []
    for table in tables:
        parts += [f"## {table.title}", markdown(table.header, table.rows)]
        parts += ["\n".join(f"- {note}" for note in table.notes)] if table.notes else []
    return "\n\n".join(parts)


def in_latex(tables: Iterable[Table]) -> str:
    r"""Tables for a paper, which needs `\usepackage{booktabs}`."""
    return "\n\n".join(_booktabs(table) for table in tables)


def markdown(
    header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1, aligned: bool = True
) -> str:
    """A Markdown table.

    Args:
        header: Names of the columns.
        rows: As many cells each.
        left: How many columns are words; the others are numbers and stand right.
        aligned: Fill cells up with spaces, so that the table reads well as plain text too.
    """
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (header, *rows)]
    if aligned:
        widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
        rule = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
        lines = [
            [
                c.ljust(w) if i < left else c.rjust(w)
                for i, (c, w) in enumerate(zip(line, widths, strict=True))
            ]
            for line in lines
        ]
    else:
        rule = ["---" if i < left else "---:" for i in range(len(header))]
    lines.insert(1, rule)
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


compact = partial(markdown, aligned=False)
"""The tables of cards: a line changes only where its numbers do, which keeps diffs short."""


def _booktabs(table: Table) -> str:
    """A `table` environment of LaTeX; the notes stand behind the title in the caption."""
    lines = [" & ".join(map(escaped, line)) + r" \\" for line in (table.header, *table.rows)]
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(' '.join([f'{table.title}.', *table.notes]))}}}",
            rf"\begin{{tabular}}{{l{'r' * (len(table.header) - 1)}}}",
            r"\toprule",
            lines[0],
            r"\midrule",
            *lines[1:],
            r"\bottomrule",
            r"\end{tabular}",
            r"\end{table}",
        ]
    )


def escaped(text: str) -> str:
    r"""Plain text as LaTeX sets it.

    >>> print(escaped("95 % of test_A ± 1"))
    95 \% of test\_A $\pm$ 1
    """
    return "".join(_LATEX.get(sign, sign) for sign in text)


def fixed(value: float | None) -> str:
    """Four decimals, or a dash for None.

    >>> fixed(0.5), fixed(None)
    ('0.5000', '–')
    """
    return MISSING if value is None else f"{value:.4f}"


def interval(low: float | None, high: float | None) -> str:
    """Both ends behind a space, or nothing.

    >>> interval(0.25, 0.75), interval(None, None)
    (' [0.2500, 0.7500]', '')
    """
    return "" if low is None or high is None else f" [{fixed(low)}, {fixed(high)}]"


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, thousands apart; "–" for None.

    >>> number(39.1587), number(67471.2), number(0.979), number(0.0), number(None)
    ('39.16', '67,471', '0.9790', '0', '–')
    """
    if value is None:
        return MISSING
    if value == 0:
        return "0"
    if abs(value) < 1:
        return f"{value:#.{digits}g}"
    return f"{value:,.{max(digits - len(f'{abs(value):.0f}'), 0)}f}"


def spread(mean: float, sd: float | None) -> str:
    """Mean ± standard deviation, both with the mean's decimals.

    >>> spread(39.1587, 0.6912), spread(67471.2, 5004.6), spread(0.979, None)
    ('39.16 ± 0.69', '67,471 ± 5,005', '0.9790 ± –')
    """
    left = number(mean)
    decimals = len(left.partition(".")[2])
    return f"{left} ± " + (MISSING if sd is None else f"{sd:,.{decimals}f}")


def counted(number: int, one: str, many: str) -> str:
    """A number with its noun.

    >>> counted(1, "clip", "clips"), counted(1200, "clip", "clips")
    ('1 clip', '1,200 clips')
    """
    return f"{number:,} {one if number == 1 else many}"
