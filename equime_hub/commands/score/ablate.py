"""`equime ablate`: ablations as files, and what their runs found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, json_option, report, talk
from equime_hub.commands.score.score_options import (
    SCORES,
    bootstrap_options,
    text_options,
)
from equime_hub.errors import DatasetError, PlanError
from equime_hub.files import write_text
from equime_hub.tables import in_latex, in_markdown

if TYPE_CHECKING:
    from equime_hub.builder.causal import Sampler
    from equime_hub.builder.plan import PlanConfig
    from equime_hub.evaluation.ablation.settings import Ablation, Data
    from equime_hub.evaluation.log import PredictionLog

_INDEX = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.group(
    short_help="Plan ablations, and compare their runs.",
    epilog="""\b
Examples:
  equime ablate list
  equime ablate plan frames --out ablations
  equime ablate table ablations/frames --markdown frames.md""",
)
def ablate() -> None:
    """Ablations: number of frames, AU sources, people, clips, classes and more."""


@ablate.command("list", epilog="\b\nExample:\n  equime ablate list --json")
@json_option
def list_(as_json: bool) -> None:
    """Print every ablation with its settings and where it was done before."""
    from equime_hub.evaluation.ablation.settings import ABLATIONS

    if as_json:
        report({name: asdict(each) for name, each in ABLATIONS.items()})
        return
    for each in ABLATIONS.values():
        names = ", ".join(setting.name for setting in each.settings)
        click.echo(f"{each.name}: {each.about}")
        click.echo(f"    {names}; {each.seeds} seeds")
        click.echo(f"    Source: {each.source}.")


@dataclass(frozen=True)
class _Planned:
    """What `equime plan` needs for the clips of a setting."""

    folder: Path
    config: PlanConfig
    sampler: dict[str, Any]


@ablate.command(
    epilog="""\b
Examples:
  equime ablate plan frames --out ablations
  equime ablate plan people --faces faces.parquet --macro-index macro.csv --out ablations"""
)
@click.argument("name")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("ablations"),
    show_default=True,
    help="Folder of all ablations.",
)
@click.option(
    "--seeds", type=click.IntRange(min=1), help="Seeds of training [those of the ablation]."
)
@click.option(
    "--faces",
    default="faces.parquet",
    show_default=True,
    help="Faces that the plans are to be made of, for the printed commands.",
)
@click.option("--micro-index", type=_INDEX, help="Index of clips for the sampler micro.")
@click.option("--macro-index", type=_INDEX, help="Index of clips for the sampler macro.")
@json_option
def plan(
    name: str,
    out: Path,
    seeds: int | None,
    faces: str,
    micro_index: Path | None,
    macro_index: Path | None,
    as_json: bool,
) -> None:
    """Write the configurations of every cell of the ablation NAME.

    A run's folder gets ablation.json, the fields that training must take; predictions.parquet
    belongs beside it. Settings with data of their own get plan.json and sampler.json, and the
    command that plans them is printed.
    """
    from equime_hub import configs
    from equime_hub.evaluation.ablation import settings as ablations

    ablation = ablations.named(name)
    indices = {"micro": micro_index, "macro": macro_index}
    planned = list(_planned(ablation, out, indices))
    for each in planned:
        configs.to_file(each.config, each.folder / "plan.json")
        write_text(each.folder / "sampler.json", json.dumps(each.sampler, indent=2) + "\n")
    runs = {out / ablations.folder(name, run.setting, run.seed): run
            for run in ablations.runs(ablation, seeds)}  # fmt: skip
    for folder, run in runs.items():
        configs.to_file(run, folder / ablations.RUN)
    commands = [_command(each.folder, faces) for each in planned]
    if as_json:
        report({"ablation": name, "runs": list(runs), "commands": commands})
    else:
        for command in commands:
            click.echo(command)
    talk(f"{counted(len(runs), 'run', 'runs')} in {out / name}.")
    if not as_json:
        talk(f"When they are trained: equime ablate table {quote(str(out / name))}")


def _planned(ablation: Ablation, out: Path, indices: dict[str, Path | None]) -> Iterator[_Planned]:
    """The plans that the settings need; nothing is written before all of them are made."""
    from equime_hub.builder.causal import SAMPLERS
    from equime_hub.builder.plan import PlanConfig
    from equime_hub.evaluation.ablation.settings import folder

    for setting in ablation.settings[: 1 if ablation.one_plan else None]:
        data = setting.data
        if data is None:
            continue
        config = PlanConfig(
            emotions=data.emotions,
            repeats=data.repeats,
            limit_people=data.people,
            limit_vectors=data.vectors,
            limit_clips=data.clips,
        )
        where = Path(ablation.name) if ablation.one_plan else folder(ablation.name, setting.name)
        yield _Planned(out / where, config, SAMPLERS.describe(_sampler(data, indices)))


def _sampler(data: Data, indices: dict[str, Path | None]) -> Sampler:
    from equime_hub.builder.causal import (
        ExpertSampler,
        MacroSampler,
        MicroSampler,
        MixtureSampler,
    )

    def index(name: str) -> Path:
        found = indices[name]
        if found is None:
            raise PlanError(
                f"The AU source {name} needs clips to borrow from: give --{name}-index, a CSV "
                "file as docs/plan.md describes it."
            )
        return found.absolute()

    def one(name: str) -> Sampler:
        if name == "expert":
            return ExpertSampler(intensity=data.intensity)
        if name == "macro":
            return MacroSampler(index(name), interval=data.apex)
        return MicroSampler(index(name))

    samplers = [one(name) for name in data.sources]
    return samplers[0] if len(samplers) == 1 else MixtureSampler.of(*((1.0, s) for s in samplers))


def _command(folder: Path, faces: str) -> str:
    files = (f"--{option} {quote(str(folder / file))}" for option, file in _FILES.items())
    return f"equime plan --faces {quote(faces)} {' '.join(files)}"


_FILES = {"config": "plan.json", "sampler": "sampler.json", "out": "plan.parquet"}


@ablate.command(
    epilog="""\b
Examples:
  equime ablate table ablations/frames
  equime ablate table 8=runs/a 16=runs/b --score uar --latex frames.tex"""
)
@click.argument("runs", nargs=-1, required=True, metavar="[SETTING=]RUN...")
@click.option(
    "--leaky", is_flag=True, help="Accept runs selected on the test; every table then says so."
)
@click.option(
    "--score",
    type=click.Choice(SCORES),
    default="uf1",
    show_default=True,
    help="What the pairs are compared by.",
)
@bootstrap_options
@json_option
@text_options
def table(
    runs: tuple[str, ...],
    leaky: bool,
    score: str,
    interval: float,
    draws: int,
    seed: int,
    as_json: bool,
    markdown: Path | None,
    latex: Path | None,
) -> None:
    """Compare the settings of an ablation by the predictions of its runs.

    RUN is a run's folder, or one that holds such folders. Its setting is that of its
    ablation.json, or the one written before it; SETTING=RUN may also name a prediction log.
    """
    from equime_hub.evaluation import selection
    from equime_hub.evaluation.ablation import table as ablation_table
    from equime_hub.reports import ablation_tables as ablation_words

    parts = list(_parts(runs))
    for part in parts:
        selection.demand_leaky(part.selection, leaky)
    found = ablation_table.compare(
        _joined(parts),
        score,
        leaky=any(part.selection and selection.is_leaky(part.selection) for part in parts),
        level=interval or None,
        draws=draws,
        seed=seed,
    )
    tables = ablation_words.tables(found)
    text = in_markdown(tables)
    if as_json:
        report(asdict(found))
    else:
        click.echo(text)
    if markdown:
        write_text(markdown, text + "\n")
    if latex:
        write_text(latex, in_latex(tables) + "\n")
    for file in (markdown, latex):
        if file:
            talk(f"Written: {file}")


@dataclass(frozen=True, eq=False)
class _Part:
    """The predictions of one run."""

    setting: str
    ablation: str | None
    path: Path
    log: PredictionLog
    selection: str | None


def _parts(texts: tuple[str, ...]) -> Iterator[_Part]:
    from equime_hub.evaluation import log
    from equime_hub.evaluation.ablation import settings as ablations
    from equime_hub.evaluation.manifest import PREDICTIONS

    for text in texts:
        setting, equals, rest = text.partition("=")
        if equals and not Path(text).exists():
            yield _Part(setting, None, Path(rest), log.read(Path(rest)), _selection(Path(rest)))
            continue
        folders = sorted(path.parent for path in Path(text).rglob(PREDICTIONS))
        if not folders:
            raise DatasetError(
                f"There is no {PREDICTIONS} in {text}; name the folders of runs that were trained."
            )
        for folder in folders:
            run = ablations.read(folder)
            found = log.read(folder, run.classes)
            yield _Part(run.setting, run.ablation, folder, found, _selection(folder))


def _selection(path: Path) -> str | None:
    from equime_hub.evaluation import manifest

    folder = path if path.is_dir() else path.parent
    return manifest.read(folder).selection if (folder / manifest.MANIFEST).is_file() else None


def _joined(parts: list[_Part]) -> dict[str, PredictionLog]:
    """Setting → its predictions with all seeds, in the order of the ablation."""
    from equime_hub.evaluation.ablation import settings as ablations
    from equime_hub.evaluation.log import joined

    names = sorted({part.ablation for part in parts if part.ablation})
    if len(names) > 1:
        raise DatasetError(
            f"These are runs of several ablations, {', '.join(names)}; compare one at a time."
        )
    order = [setting.name for name in names for setting in ablations.named(name).settings]
    settings = dict.fromkeys((*order, *(part.setting for part in parts)))
    logs = {name: [(p.path, p.log) for p in parts if p.setting == name] for name in settings}
    return {name: joined(found) for name, found in logs.items() if found}
