from __future__ import annotations

import doctest

from equime_hub import tables
from equime_hub.commands.score import score_options
from equime_hub.evaluation import evaluate
from equime_hub.metrics.report import NAMES
from equime_hub.reports import evaluation_tables
from equime_hub.tables import Table, compact, escaped, in_latex, in_markdown, markdown


def test_latex() -> None:
    table = Table(
        "Scores of {a, b}",
        ("", "UF1"),
        (("test_A", "0.5 ± 0.1 [0.4, 0.6]"), ("50 % & more", "–")),
        ("Pooled.",),
    )
    assert in_latex([table]).splitlines() == [
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
    assert escaped(r"a\b^c~d") == r"a\textbackslash{}b\textasciicircum{}c\textasciitilde{}d"


def test_a_bar_in_a_name_does_not_break_the_table() -> None:
    assert markdown(("a", "b"), [("x|y", "1")]).splitlines()[-1] == "| x\\|y |   1 |"
    assert compact(("a|b", "n"), [("x", "1")]) == "| a\\|b | n |\n| --- | ---: |\n| x | 1 |"


def test_titles_and_notes_stand_around_a_table() -> None:
    two = [Table("A", ("", "n"), (("x", "1"),), ("One.", "Two.")), Table("B", ("", "n"), ())]
    assert in_markdown(two).split("\n\n") == [
        "## A",
        "|     |   n |\n| --- | --: |\n| x   |   1 |",
        "- One.\n- Two.",
        "## B",
        "|     |   n |\n| --- | --: |",
    ]


def test_every_score_has_a_head_and_is_an_option() -> None:
    assert tuple(evaluation_tables.HEADS) == NAMES == score_options.SCORES


def test_a_leaky_title_says_so() -> None:
    assert evaluation_tables.marked("Scores", leaky=False) == "Scores"
    assert "leaky" in evaluation_tables.marked("Scores", leaky=True)


def test_the_examples_are_right() -> None:
    assert doctest.testmod(tables) == (0, 6)
    assert doctest.testmod(evaluate) == (0, 1)
