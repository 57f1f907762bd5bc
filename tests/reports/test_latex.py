from __future__ import annotations

import doctest

from equime_hub.reports import latex
from equime_hub.reports.latex import booktabs


def test_table() -> None:
    text = booktabs(
        ["", "UF1"],
        [["test_A", "0.5 ± 0.1 [0.4, 0.6]"], ["50 % & more", "–"]],
        caption="Scores of {a, b}",
        notes=["Pooled."],
    )
    assert text.splitlines() == [
        r"\begin{table}",
        r"\centering",
        r"\caption{Scores of \{a, b\}. Pooled.}",
        r"\begin{tabular}{lr}",
        r"\toprule",
        r" & UF1 \\",
        r"\midrule",
        r"test\_A & 0.5 $\pm$ 0.1 {[}0.4, 0.6{]} \\",
        r"50 \% \& more & -- \\",
        r"\bottomrule",
        r"\end{tabular}",
        r"\end{table}",
    ]


def test_backslash_is_set_once() -> None:
    assert latex.escaped(r"a\b^c~d") == r"a\textbackslash{}b\textasciicircum{}c\textasciitilde{}d"


def test_examples() -> None:
    assert doctest.testmod(latex).failed == 0
