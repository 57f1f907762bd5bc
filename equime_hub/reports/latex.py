"""Tables for papers, set with LaTeX's booktabs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

_SPECIAL = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "–": "--",
    "→": r"$\rightarrow$",
    "[": "{[}",
    "]": "{]}",
    **{sign: f"\\{sign}" for sign in "&%$#_{}"},
}
"""A bracket at the start of a row would be read as an argument of the line break before it."""


def booktabs(
    header: Sequence[str],
    rows: Iterable[Sequence[str]],
    *,
    caption: str,
    notes: Sequence[str] = (),
    left: int = 1,
) -> str:
    r"""A `table` environment; the paper needs `\usepackage{booktabs}`.

    Args:
        header: Names of the columns.
        rows: As many cells each, plain text.
        caption: Above the table, plain text.
        notes: Sentences after the caption.
        left: How many columns are words; the others are numbers and stand right.
    """
    columns = "l" * left + "r" * (len(header) - left)
    lines = [[escaped(cell) for cell in line] for line in (header, *rows)]
    head, *body = (" & ".join(line) + r" \\" for line in lines)
    return "\n".join(
        [
            r"\begin{table}",
            r"\centering",
            rf"\caption{{{escaped(' '.join([f'{caption}.', *notes]))}}}",
            rf"\begin{{tabular}}{{{columns}}}",
            r"\toprule",
            head,
            r"\midrule",
            *body,
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
    return "".join(_SPECIAL.get(sign, sign) for sign in text)
