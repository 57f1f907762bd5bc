"""`equime causal`: which action units an emotion shows, and whether they give it away."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby

import click

from equime_hub.builder.causal import MAPS, EmotionReading
from equime_hub.builder.causal import confusion as confuse
from equime_hub.commands.common import report
from equime_hub.commands.options import Count, command


@command(
    "Show AU tables, and where emotions overlap.",
    name={"called": "map", "type": click.Choice(tuple(MAPS))},
)
def causal(*, name: str = "mie-x", draws: Count = 1000, seed: int = 0) -> None:
    """Draw AU vectors for each emotion of a table, and read the emotions back from them.

    The margin is the logarithm of how many times likelier the vector is under the emotion that
    is read than under the next one. A tie, of margin 0, fits two emotions equally well.

    Options:
        name: Table of AU probabilities.

    Examples:
        equime causal
        equime causal --map du-2014 --draws 10000 --json
    """
    readings, table = confuse(name, draws, seed), MAPS[name]

    def lines() -> Iterator[str]:
        for asked, found in groupby(readings, key=lambda one: one.asked):
            aus = ", ".join(f"{au} ({chance:g})" for au, chance in table[asked].items())
            yield f"{asked:<10} AU {aus}"
            for one in found:
                yield f"{'':<10} {_line(one, draws)}"

    report({"map": name, "aus": table, "readings": [asdict(one) for one in readings]}, lines())


def _line(one: EmotionReading, draws: int) -> str:
    text = f"read as {one.read}: {one.draws / draws:.1%}"
    if one.ties:
        text += f", of which {one.ties / one.draws:.0%} ties"
    return text if one.margin is None else f"{text}; margin at least {one.margin:.1f}"
