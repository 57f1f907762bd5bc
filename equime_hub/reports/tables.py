"""Tables that read well both as text and as Markdown."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]], *, left: int = 1) -> str:
    """A Markdown table with aligned columns.

    Args:
        header: Names of the columns.
        rows: As many cells each.
        left: How many columns are words; the others are numbers and stand right.
    """
    lines = [[cell.replace("|", "\\|") for cell in line] for line in (header, *rows)]
    widths = [max(3, *map(len, column)) for column in zip(*lines, strict=True)]
    rule = ["-" * w if i < left else "-" * (w - 1) + ":" for i, w in enumerate(widths)]

    def line(cells: Sequence[str]) -> str:
        padded = [
            cell.ljust(width) if i < left else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    return "\n".join([line(lines[0]), line(rule), *map(line, lines[1:])])


def number(value: float | None, digits: int = 4) -> str:
    """A number with so many significant digits, thousands apart; "–" for None.

    >>> number(39.1587), number(67471.2), number(0.979), number(0.0), number(None)
    ('39.16', '67,471', '0.9790', '0', '–')
    """
    if value is None:
        return "–"
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
    return f"{left} ± " + ("–" if sd is None else f"{sd:,.{decimals}f}")
