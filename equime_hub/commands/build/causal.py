"""`equime causal`: which action units an emotion shows, and whether they give it away."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby

import click

from equime_hub.builder.causal import MAPS, EmotionReading
from equime_hub.builder.causal import confusion as confuse
from equime_hub.commands.common import json_option, report
from equime_hub.commands.options import POSITIVE


@click.command(
    short_help="Show AU tables, and where emotions overlap.",
    epilog="""\b
Examples:
  equime causal
  equime causal --map du-2014 --draws 10000 --json""",
)
@click.option(
    "--map", "name", type=click.Choice(tuple(MAPS)), default="mie-x",
    help="Table of AU probabilities.",
)  # fmt: skip
@click.option("--draws", type=POSITIVE, default=1000)
@click.option("--seed", type=int, default=0)
@json_option
def causal(name: str, draws: int, seed: int, as_json: bool) -> None:
    """Draw AU vectors for each emotion of a table, and read the emotions back from them.

    The margin is the logarithm of how many times likelier the vector is under the emotion that
    is read than under the next one. A tie, of margin 0, fits two emotions equally well.
    """
    readings = confuse(name, draws, seed)
    table = MAPS[name]
    if as_json:
        report({"map": name, "aus": table, "readings": [asdict(one) for one in readings]})
        return
    for asked, found in groupby(readings, key=lambda one: one.asked):
        aus = ", ".join(f"{au} ({chance:g})" for au, chance in table[asked].items())
        click.echo(f"{asked:<10} AU {aus}")
        for one in found:
            click.echo(f"{'':<10} {_line(one, draws)}")


def _line(one: EmotionReading, draws: int) -> str:
    text = f"read as {one.read}: {one.draws / draws:.1%}"
    if one.ties:
        text += f", of which {one.ties / one.draws:.0%} ties"
    return text if one.margin is None else f"{text}; margin at least {one.margin:.1f}"
