"""`equime attack`: what attacks, compression and a face held still leave of a model's scores."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import click

from equime_hub.commands.common import counted, progress_bar, talk
from equime_hub.commands.figures import Figure
from equime_hub.commands.options import POSITIVE, Count, Device, Made, command, options_of
from equime_hub.commands.score.score_options import Output, talk_of
from equime_hub.errors import EquimeError
from equime_hub.models.attacks import KINDS, Attack, Kind
from equime_hub.robustness.degradations import DEFAULT, Degradation
from equime_hub.robustness.measure import RobustnessConfig, robustness

PIXELS, FLOW = (1.0, 2.0, 4.0, 8.0), (0.1, 0.2, 0.5, 1.0)
"""Epsilons if none are given, for frames and for optical flow."""


def _listed(parse: Callable[[list[str]], tuple[Any, ...]]) -> Made:
    """An option with a list behind commas, checked before any work is done; `none` is empty."""

    def read(ctx: click.Context, param: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        parts = [part.strip() for part in text.split(",") if part.strip()]
        try:
            return () if parts == ["none"] else parse(parts)
        except (ValueError, EquimeError) as error:
            raise click.BadParameter(f"{text!r}: {error}") from error

    return {"callback": read}


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


@command(
    "Attack a model, degrade its clips, hold faces still.",
    json="output",
    path={"metavar": "RUN_OR_MODEL"},
    data={"metavar": "DATASET"},
    split={"metavar": "NAME"},
    label_map={"metavar": "NAME"},
    kinds={"called": "attack", "metavar": "KINDS", "default": "fgsm,pgd", "show_default": True,
           **_listed(_kinds)},
    epsilons={"called": "epsilon", "metavar": "A,B,...", **_listed(_epsilons)},
    step={"type": click.FloatRange(min=0, min_open=True)},
    degrade={"metavar": "KIND:AMOUNT,...", **_listed(_degradations)},
    config=options_of(
        RobustnessConfig,
        "batch_size", "level", "draws", "seed",
        rename={"level": "interval"},
        batch_size={"type": POSITIVE},
        level={"type": click.FloatRange(0, 1, max_open=True)},
        draws={"type": POSITIVE},
        seed={"type": click.IntRange(min=0)},
    ),
    output=options_of(Output, "markdown", markdown={"help": "Write the table as Markdown."}),
)  # fmt: skip
def attack(
    path: str,
    *,
    data: tuple[str, ...] = (),
    split: str | None = None,
    label_map: str | None = None,
    kinds: tuple[Kind, ...] = (),
    epsilons: tuple[float, ...] | None = None,
    steps: Count = 10,
    step: float | None = None,
    degrade: tuple[Degradation, ...] | None = None,
    device: Device | None = None,
    config: RobustnessConfig,
    output: Output,
    figure: Figure | None = None,
) -> None:
    """Test the models of a run, or a saved model, on attacked and degraded clips.

    FGSM and PGD know the weights and change each value by at most epsilon: on the cropped and
    shrunk frames, or on optical flow if the model is given that. Degradations act on the whole
    video. Two controls ask whether motion is seen at all: static (the first frame repeated) and
    shuffled frames; below the table stands what follows from them.

    Options:
        data: Folder, Hub id (ORG/NAME@REVISION), or NAME=ROOT of a licensed dataset; repeatable.
            [default: the run's own test clips]
        split: Split of --data. [default: test]
        label_map: How labels of --data become the model's classes. [default: the run's, or the
            model's classes]
        kinds: fgsm, pgd, or fgsm,pgd; none for no attack.
        epsilons: Largest change: in grey levels of 255, or for optical flow in hundredths of the
            crop's side. [default: 1,2,4,8; for flow 0.1,0.2,0.5,1]
        steps: Of PGD.
        step: Size of a step of PGD, in the unit of epsilon. [default: 2.5 epsilon / steps]
        degrade: static, shuffled, jpeg:QUALITY, fps:RATE, resize:FACTOR, noise:LEVELS, or none.
            [default: static,shuffled,jpeg:75,jpeg:30,fps:50,fps:25,resize:2,resize:4,noise:4]
        figure: Draw UF1 over epsilon: PNG, SVG, PDF.

    Examples:
        equime attack runs/simple3dcnn
        equime attack runs/loso --attack pgd --epsilon 0.5,1,2 --steps 20 --figure robust.png
        equime attack models/videomae --data equime --split test --attack none
        equime attack ORG/ststnet --data casme2=/data/CASME2 --degrade static,shuffled --json
    """
    if not kinds and degrade == ():
        raise click.UsageError("Nothing is left to do: give --attack or --degrade something.")
    if not data and (split or label_map):
        raise click.UsageError("--split and --label-map are for --data; name a dataset with it.")
    from equime_hub.reports import robustness as reports
    from equime_hub.robustness.trials import trials

    opened = trials(path, data, split=split, label_map=label_map, device=device)
    # A model of optical flow is attacked there, where a change of 1 would be enormous.
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
    files = output.show(
        [reports.table(found)], {"model": path, "data": data, **reports.as_json(found)}
    )
    if figure:
        reports.draw(found, figure, title=path)
    talk_of((*files, figure))
    talk(f"{counted(len(found.conditions), 'condition', 'conditions')} of {path}.")
