"""`equime attack`: what attacks, compression and a face held still leave of a model's scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.figures import FIGURE
from equime_hub.commands.options import OUT_FILE, options_of
from equime_hub.commands.score.score_options import talk_of
from equime_hub.errors import EquimeError
from equime_hub.files import write_text
from equime_hub.models.attacks import KINDS, Attack, Kind
from equime_hub.robustness.degradations import DEFAULT, Degradation
from equime_hub.robustness.measure import RobustnessConfig, robustness
from equime_hub.tables import in_markdown

PIXELS, FLOW = (1.0, 2.0, 4.0, 8.0), (0.1, 0.2, 0.5, 1.0)
"""Epsilons if none are given, for frames and for optical flow."""


class Listed(click.ParamType):  # type: ignore[type-arg]
    """A list behind commas, checked before any work is done; `none` is an empty one."""

    name = "list"

    def __init__(self, parse: Callable[[list[str]], tuple[Any, ...]]) -> None:
        self._parse = parse

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[Any, ...]:
        """What the text says."""
        if not isinstance(value, str):
            return tuple(value)
        parts = [part.strip() for part in value.split(",") if part.strip()]
        try:
            return () if parts == ["none"] else self._parse(parts)
        except (ValueError, EquimeError) as error:
            self.fail(f"{value!r}: {error}", param, ctx)


def _kinds(parts: list[str]) -> tuple[str, ...]:
    if not parts or set(parts) - set(KINDS):
        raise ValueError(f"attacks are {', '.join(KINDS)}, or none")
    return tuple(dict.fromkeys(parts))


def _epsilons(parts: list[str]) -> tuple[float, ...]:
    found = tuple(sorted({float(part) for part in parts}))
    if not found or not all(0 < number < float("inf") for number in found):
        raise ValueError("epsilons are positive numbers, such as 1,2,4 (clean clips are added)")
    return found


def _degradations(parts: list[str]) -> tuple[Degradation, ...]:
    return tuple(dict.fromkeys(Degradation.parsed(part) for part in parts))


@click.command(
    short_help="Attack a model, degrade its clips, hold faces still.",
    epilog="""\b
Examples:
  equime attack runs/simple3dcnn
  equime attack runs/loso --attack pgd --epsilon 0.5,1,2 --steps 20 --figure robust.png
  equime attack models/videomae --data equime --split test --attack none
  equime attack ORG/ststnet --data casme2=/data/CASME2 --degrade static,shuffled --json""",
)
@click.argument("path", metavar="RUN_OR_MODEL")
@click.option(
    "--data",
    multiple=True,
    metavar="DATASET",
    show_default="the run's own test clips",
    help="Folder, Hub id (ORG/NAME@REVISION), or NAME=ROOT of a licensed dataset; repeatable.",
)
@click.option("--split", metavar="NAME", show_default="test", help="Split of --data.")
@click.option(
    "--label-map",
    metavar="NAME",
    show_default="the run's, or the model's classes",
    help="How labels of --data become the model's classes.",
)
@click.option(
    "--attack",
    "kinds",
    metavar="KINDS",
    default="fgsm,pgd",
    show_default=True,
    type=Listed(_kinds),
    help="fgsm, pgd, or fgsm,pgd; none for no attack.",
)
@click.option(
    "--epsilon",
    "epsilons",
    metavar="A,B,...",
    show_default="1,2,4,8; for flow 0.1,0.2,0.5,1",
    type=Listed(_epsilons),
    help="Largest change: in grey levels of 255, or for optical flow in hundredths of the crop's "
    "side.",
)
@click.option("--steps", type=click.IntRange(min=1), default=10, show_default=True, help="Of PGD.")
@click.option(
    "--step",
    type=click.FloatRange(min=0, min_open=True),
    show_default="2.5 epsilon / steps",
    help="Size of a step of PGD, in the unit of epsilon.",
)
@click.option(
    "--degrade",
    metavar="KIND:AMOUNT,...",
    type=Listed(_degradations),
    show_default="static,shuffled,jpeg:75,jpeg:30,fps:50,fps:25,resize:2,resize:4,noise:4",
    help="static, shuffled, jpeg:QUALITY, fps:RATE, resize:FACTOR, noise:LEVELS, or none.",
)
@click.option("--device", show_default="the first GPU, or cpu", help="Such as cuda:1.")
@options_of(
    RobustnessConfig,
    "batch_size", "level", "draws", "seed",
    rename={"level": "interval"},
    batch_size={"type": click.IntRange(min=1)},
    level={"type": click.FloatRange(0, 1, max_open=True)},
    draws={"type": click.IntRange(min=1)},
    seed={"type": click.IntRange(min=0)},
)  # fmt: skip
@json_option
@click.option("--markdown", type=OUT_FILE, help="Write the table as Markdown.")
@click.option("--figure", type=FIGURE, help="Draw UF1 over epsilon: PNG, SVG, PDF.")
def attack(
    path: str,
    data: tuple[str, ...],
    split: str | None,
    label_map: str | None,
    kinds: tuple[Kind, ...],
    epsilons: tuple[float, ...] | None,
    steps: int,
    step: float | None,
    degrade: tuple[Degradation, ...] | None,
    device: str | None,
    config: RobustnessConfig,
    as_json: bool,
    markdown: Path | None,
    figure: Path | None,
) -> None:
    """Test the models of a run, or a saved model, on attacked and degraded clips.

    FGSM and PGD know the weights and change each value by at most epsilon: on the cropped and
    shrunk frames, or on optical flow if the model is given that. Degradations act on the whole
    video. Two controls ask whether motion is seen at all: static (the first frame repeated) and
    shuffled frames; below the table stands what follows from them.
    """
    if not kinds and degrade == ():
        raise click.UsageError("Nothing is left to do: give --attack or --degrade something.")
    if not data and (split or label_map):
        raise click.UsageError("--split and --label-map are for --data; name a dataset with it.")
    from equime_hub.reports import robustness as reports
    from equime_hub.robustness.trials import trials

    opened = trials(path, data, split=split, label_map=label_map, device=device)
    flow = getattr(opened[0].model.processor, "input_kind", "frames") == "flow"
    attacks = tuple(
        Attack(kind, epsilon, steps, step)
        for kind in kinds
        for epsilon in epsilons or (FLOW if flow else PIXELS)
    )
    degradations = DEFAULT if degrade is None else degrade
    with progress_bar("attack", "clips") as progress:
        config = replace(config, attacks=attacks, degradations=degradations)
        found = robustness(opened, config, progress)
    text = in_markdown([reports.table(found)])
    if as_json:
        report({"model": path, "data": data, **reports.as_json(found)})
    else:
        click.echo(text)
    if markdown:
        write_text(markdown, text + "\n")
    if figure:
        reports.draw(found, figure, title=path)
    talk_of((markdown, figure))
    talk(f"{counted(len(found.conditions), 'condition', 'conditions')} of {path}.")
