"""An ablation as tables of words."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.evaluation.ablation.table import AblationTable
from equime_hub.reports.cross_tables import SHOWN
from equime_hub.reports.evaluation_tables import HEADS, baseline_rows, marked
from equime_hub.tables import MISSING, Table


def tables(found: AblationTable) -> list[Table]:
    """The scores of the settings, then the tests between them."""
    header = ("setting", "seeds", "classes", "clips", *(HEADS[name] for name in SHOWN), "remark")
    listed = [
        Table(
            marked("Settings", found.leaky), header, tuple(_settings(found)), tuple(_notes(found))
        )
    ]
    if found.pairs:
        listed.append(_pairs(found))
    return listed


def _settings(found: AblationTable) -> Iterator[tuple[str, ...]]:
    for place, each in enumerate(found.settings, 1):
        constant = ""
        if each["constant_seeds"]:
            constant = f"constant with {len(each['constant_seeds'])} of {len(each['seeds'])} seeds"
        scores = (str(each["scores"][name]) for name in SHOWN)
        counts = (len(each["seeds"]), len(each["classes"]), each["clips"])
        yield each["name"], *(f"{count:,}" for count in counts), *scores, constant
        # Once for all settings with the same classes.
        if each["baseline"] not in {later["baseline"] for later in found.settings[place:]}:
            ((name, *floor),) = baseline_rows(
                {"constant": each["baseline"]}, each["constant"], SHOWN
            )
            yield name, "", str(len(each["classes"])), "", *floor, ""


def _notes(found: AblationTable) -> Iterator[str]:
    if any(len(each["seeds"]) > 1 for each in found.settings):
        yield "± is the sample standard deviation over seeds."
    if any(each["scores"]["uf1"].low is not None for each in found.settings):
        yield f"[{100 * (found.level or 0):g} % bootstrap intervals over people]."


def _pairs(found: AblationTable) -> Table:
    rows = tuple(
        (
            f"{pair.second} against {pair.first}",
            str(pair.difference),
            str(pair.seeds),
            _p(pair.p),
            _p(pair.adjusted),
        )
        for pair in found.pairs
    )
    notes = [
        "Second setting minus first, on the same clips and seeds; the interval is over people.",
        "p: signed-rank test over seeds, exact, two-sided; adjusted for all pairs after Holm.",
    ]
    if found.as_three is not None:
        notes.append(
            "All classes are taken as negative, positive and surprise, on the "
            f"{found.as_three:,} clips that every setting tests."
        )
    least = min(pair.seeds for pair in found.pairs)
    if 2 / 2**least * len(found.pairs) > 0.05:
        notes.append(
            f"With {least} seeds and {len(found.pairs)} pairs no adjusted p can be below "
            f"{min(1.0, 2 / 2**least * len(found.pairs)):.2g}: train with more seeds."
        )
    header = ("pair", "difference", "seeds", "p", "p adjusted")
    title = marked(f"Differences of {HEADS[found.score]}", found.leaky)
    return Table(title, header, rows, tuple(notes))


def _p(value: float | None) -> str:
    return MISSING if value is None else f"{value:.2g}"
