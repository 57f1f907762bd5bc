"""`equime card`: the card of a dataset, from what its shards say."""

from __future__ import annotations

from pathlib import Path

import click

from equime_hub.commands.common import report
from equime_hub.commands.options import command


@command(
    "Write the card of a dataset anew.",
    out={"type": click.Path(dir_okay=False, allow_dash=True, path_type=Path)},
)
def card(folder: Path = Path("equime"), *, out: Path | None = None) -> None:
    """Write the card of a dataset FOLDER anew, with its checksum.

    Every number on it is counted from the shards; licence and title are those of build.json, the
    changes those of releases.json. Nothing else is changed.

    Options:
        out: Write it there and leave the dataset as it is; - prints it.

    Examples:
        equime card equime
        equime card equime --out - | less
    """
    from equime_hub.cards import dataset_card
    from equime_hub.cards.statistics import count
    from equime_hub.files import write_text

    if out is None:
        statistics, place = dataset_card.write(folder), folder / dataset_card.NAME
    else:
        statistics, place = count(folder), out
        text = dataset_card.anew(folder, statistics)
        if str(out) == "-":
            click.echo(text, nl=False)
            return
        write_text(out, text)
    splits = {name: size.clips for name, size in statistics.splits.items()}
    report(
        {"card": place, "clips": statistics.clips, "splits": splits},
        (),
        f"{place}: the card of {statistics.clips:,} clips of {statistics.subjects:,} people",
    )
