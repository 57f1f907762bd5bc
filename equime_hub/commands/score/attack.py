"""`equime attack`: what attacks, compression and a face held still leave of a model's scores."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.score.score_options import OUT, bootstrap_options
from equime_hub.files import write_text
from equime_hub.tables import in_markdown

if TYPE_CHECKING:
    from equime_hub.evaluation.evaluate import MeanScore
    from equime_hub.models.attacks import Attack
    from equime_hub.robustness.degradations import Degradation
    from equime_hub.robustness.robustness import Robustness

KINDS = ("fgsm", "pgd")
"""Those of `equime_hub.models.attacks`, which is not imported for a help text."""
PIXELS, FLOW = (1.0, 2.0, 4.0, 8.0), (0.1, 0.2, 0.5, 1.0)
"""Epsilons if none are given, for frames and for optical flow."""
FIGURES = (".png", ".svg", ".pdf")


def _parsed(what: str) -> Callable[[click.Context, click.Parameter, str | None], Any]:
    """A list behind commas, checked before any work is done."""

    def parse(ctx: click.Context, param: click.Parameter, text: str | None) -> Any:
        if text is None:
            return None
        parts = [part.strip() for part in text.split(",") if part.strip()]
        if parts == ["none"]:
            return ()
        try:
            return _PARSERS[what](parts)
        except ValueError as error:
            raise click.BadParameter(f"{text!r}: {error}") from error

    return parse


def _numbers(parts: list[str]) -> tuple[float, ...]:
    found = tuple(sorted({float(part) for part in parts}))
    if not found or not all(0 < number < float("inf") for number in found):
        raise ValueError("epsilons are positive numbers, such as 1,2,4 (clean clips are added)")
    return found


def _kinds(parts: list[str]) -> tuple[str, ...]:
    if not parts or set(parts) - set(KINDS):
        raise ValueError(f"attacks are {', '.join(KINDS)}, or none")
    return tuple(dict.fromkeys(parts))


def _degradations(parts: list[str]) -> tuple[Degradation, ...]:
    from equime_hub.errors import EquimeError
    from equime_hub.robustness.degradations import Degradation

    try:
        return tuple(dict.fromkeys(Degradation.parsed(part) for part in parts))
    except EquimeError as error:
        raise ValueError(str(error)) from error


_PARSERS: dict[str, Callable[[list[str]], Any]] = {
    "epsilon": _numbers,
    "attack": _kinds,
    "degrade": _degradations,
}


def _figure(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    if path and path.suffix not in FIGURES:
        raise click.BadParameter(f"{path.name!r} does not end in {', '.join(FIGURES)}.")
    return path


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
    callback=_parsed("attack"),
    help="fgsm, pgd, or fgsm,pgd; none for no attack.",
)
@click.option(
    "--epsilon",
    "epsilons",
    metavar="A,B,...",
    show_default="1,2,4,8; for flow 0.1,0.2,0.5,1",
    callback=_parsed("epsilon"),
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
    callback=_parsed("degrade"),
    show_default="static,shuffled,jpeg:75,jpeg:30,fps:50,fps:25,resize:2,resize:4,noise:4",
    help="static, shuffled, jpeg:QUALITY, fps:RATE, resize:FACTOR, noise:LEVELS, or none.",
)
@click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    default=8,
    show_default=True,
    help="Clips at a time.",
)
@click.option("--device", show_default="the first GPU, or cpu", help="Such as cuda:1.")
@bootstrap_options
@json_option
@click.option("--markdown", type=OUT, help="Write the table as Markdown.")
@click.option("--figure", type=OUT, callback=_figure, help="Draw UF1 over epsilon: PNG, SVG, PDF.")
def attack(
    path: str,
    data: tuple[str, ...],
    split: str | None,
    label_map: str | None,
    kinds: tuple[str, ...],
    epsilons: tuple[float, ...] | None,
    steps: int,
    step: float | None,
    degrade: tuple[Degradation, ...] | None,
    batch_size: int,
    device: str | None,
    interval: float,
    draws: int,
    seed: int,
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
    from equime_hub.reports import robustness_tables
    from equime_hub.robustness import degradations as degrading
    from equime_hub.robustness import robustness, tested

    trials = tested.trials(path, data, split=split, label_map=label_map, device=device)
    kind = getattr(trials[0].model.processor, "input_kind", "frames")
    config = robustness.RobustnessConfig(
        attacks=_attacks(kinds, epsilons or (FLOW if kind == "flow" else PIXELS), steps, step),
        degradations=degrading.DEFAULT if degrade is None else degrade,
        seed=seed,
        batch_size=batch_size,
        level=interval or None,
        draws=draws,
    )
    with progress_bar("attack", "clips") as progress:
        found = robustness.measure(trials, config, progress)
    text = in_markdown([robustness_tables.table(found)])
    if as_json:
        report({"model": path, "data": data, **robustness_tables.as_json(found)})
    else:
        click.echo(text)
    if markdown:
        write_text(markdown, text + "\n")
    if figure:
        _draw(found, figure, path)
    for file in (markdown, figure):
        if file:
            talk(f"Written: {file}")
    talk(f"{counted(len(found.conditions), 'condition', 'conditions')} of {path}.")


def _attacks(
    kinds: tuple[str, ...], epsilons: tuple[float, ...], steps: int, step: float | None
) -> tuple[Attack, ...]:
    from equime_hub.models.attacks import Attack

    return tuple(
        Attack(kind, epsilon, steps, step)  # type: ignore[arg-type]
        for kind in kinds
        for epsilon in epsilons
    )


def _draw(found: Robustness, path: Path, title: str) -> None:
    from equime_hub.models.attacks import Attack
    from equime_hub.reports.robustness_figure import Curve, Dot, Score, draw

    def score(value: MeanScore) -> Score:
        return Score(value.mean, value.low, value.high)

    curves: dict[str, list[tuple[float, Score]]] = {}
    dots = []
    for each in found.conditions[1:]:
        reached = score(each.part.scores["uf1"])
        if isinstance(each.done, Attack):
            name = each.name.partition(",")[0]
            curves.setdefault(name, []).append((each.done.epsilon, reached))
        else:
            dots.append(Dot(each.name.partition(":")[0], reached, each.kind == "control"))
    draw(
        score(found.clean.part.scores["uf1"]),
        found.guessing,
        [Curve(name, tuple(points)) for name, points in curves.items()],
        dots,
        path,
        unit=found.unit,
        title=title,
    )
