"""`equime ablate`: ablations as files, and what their runs found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from shlex import quote
from typing import Any, NamedTuple

from equime_hub import configs
from equime_hub.builder.causal import (
    SAMPLERS,
    ExpertSampler,
    MacroSampler,
    MicroSampler,
    MixtureSampler,
    Sampler,
)
from equime_hub.builder.plan import PlanConfig
from equime_hub.commands.common import counted, json_wanted, report, talk
from equime_hub.commands.options import Count, File, OutFolder, command, group
from equime_hub.commands.score.score_options import Resampled, Score, Tables, talk_of
from equime_hub.errors import DatasetError, PlanError
from equime_hub.evaluation import log, manifest, selection
from equime_hub.evaluation.ablation import settings as ablations
from equime_hub.evaluation.ablation import table as ablation_table
from equime_hub.evaluation.ablation.settings import ABLATIONS, Ablation, Data
from equime_hub.evaluation.log import PredictionLog
from equime_hub.files import write_text
from equime_hub.reports import ablation_tables

_FILES = {"config": "plan.json", "sampler": "sampler.json", "out": "plan.parquet"}
"""Option of `equime plan` → its file in the folder of a setting."""


@group("Plan ablations, and compare their runs.")
def ablate() -> None:
    """Ablations: number of frames, AU sources, people, clips, classes and more.

    Examples:
        equime ablate list
        equime ablate plan frames --out ablations
        equime ablate table ablations/frames --markdown frames.md
    """


@command(of=ablate)
def list_() -> None:
    """Print every ablation with its settings and where it was done before.

    Example:
        equime ablate list --json
    """
    report(
        {name: asdict(each) for name, each in ABLATIONS.items()},
        [
            f"{each.name}: {each.about}\n"
            f"    {', '.join(setting.name for setting in each.settings)}; {each.seeds} seeds\n"
            f"    Source: {each.source}."
            for each in ABLATIONS.values()
        ],
    )


@command(of=ablate)
def plan(
    name: str,
    *,
    out: OutFolder = Path("ablations"),
    seeds: Count | None = None,
    faces: str = "faces.parquet",
    micro_index: File | None = None,
    macro_index: File | None = None,
) -> None:
    """Write the configurations of every cell of the ablation NAME.

    A run's folder gets ablation.json, the fields that training must take; predictions.parquet
    belongs beside it. Settings with data of their own get plan.json and sampler.json, and the
    command that plans them is printed.

    Options:
        out: Folder of all ablations.
        seeds: Seeds of training [those of the ablation].
        faces: Faces that the plans are to be made of, for the printed commands.
        micro_index: Index of clips for the sampler micro.
        macro_index: Index of clips for the sampler macro.

    Examples:
        equime ablate plan frames --out ablations
        equime ablate plan people --faces faces.parquet --macro-index macro.csv --out ablations
    """
    ablation = ablations.named(name)
    indices = {"micro": micro_index, "macro": macro_index}
    planned = list(_planned(ablation, out, indices))
    for folder, config, sampler in planned:
        configs.to_file(config, folder / _FILES["config"])
        write_text(folder / _FILES["sampler"], json.dumps(sampler, indent=2) + "\n")
    runs = {out / ablations.folder(name, run.setting, run.seed): run
            for run in ablations.runs(ablation, seeds)}  # fmt: skip
    for folder, run in runs.items():
        configs.to_file(run, folder / ablations.RUN)
    commands = [_command(folder, faces) for folder, _, _ in planned]
    report({"ablation": name, "runs": list(runs), "commands": commands}, commands)
    talk(f"{counted(len(runs), 'run', 'runs')} in {out / name}.")
    if not json_wanted():
        talk(f"When they are trained: equime ablate table {quote(str(out / name))}")


def _planned(
    ablation: Ablation, out: Path, indices: dict[str, Path | None]
) -> Iterator[tuple[Path, PlanConfig, dict[str, Any]]]:
    """Folder, plan and sampler of the settings; nothing is written before all are made."""
    # Settings that differ in training alone share one plan, that of the first.
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
        own = ablations.folder(ablation.name, setting.name)
        folder = out / (ablation.name if ablation.one_plan else own)
        yield folder, config, SAMPLERS.describe(_sampler(data, indices))


def _sampler(data: Data, indices: dict[str, Path | None]) -> Sampler:
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


@command(
    of=ablate,
    json="output",
    runs={"metavar": "[SETTING=]RUN..."},
)
def table(
    runs: tuple[str, ...],
    *,
    leaky: bool = False,
    score: Score = "uf1",
    resampling: Resampled,
    output: Tables,
) -> None:
    """Compare the settings of an ablation by the predictions of its runs.

    RUN is a run's folder, or one that holds such folders. Its setting is that of its
    ablation.json, or the one written before it; SETTING=RUN may also name a prediction log.

    Options:
        leaky: Accept runs selected on the test; every table then says so.
        score: What the pairs are compared by.

    Examples:
        equime ablate table ablations/frames
        equime ablate table 8=runs/a 16=runs/b --score uar --latex frames.tex
    """
    parts = list(_parts(runs))
    for part in parts:
        selection.demand_leaky(part.selection, leaky)
    found = ablation_table.compare(
        _joined(parts),
        score,
        leaky=any(part.selection and selection.is_leaky(part.selection) for part in parts),
        **resampling.plain(),
    )
    talk_of(output.show(ablation_tables.tables(found), asdict(found)))


class _Predicted(NamedTuple):
    """The predictions of one run."""

    setting: str
    ablation: str | None
    path: Path
    log: PredictionLog
    selection: str | None


def _parts(texts: tuple[str, ...]) -> Iterator[_Predicted]:
    for text in texts:
        setting, equals, rest = text.partition("=")
        if equals and not Path(text).exists():  # a folder may have an equals sign in its name
            yield _Predicted(
                setting, None, Path(rest), log.read(Path(rest)), _selection(Path(rest))
            )
            continue
        folders = sorted(path.parent for path in Path(text).rglob(manifest.PREDICTIONS))
        if not folders:
            raise DatasetError(
                f"There is no {manifest.PREDICTIONS} in {text}; name the folders of runs that "
                "were trained."
            )
        for folder in folders:
            run = ablations.read(folder)
            found = log.read(folder, run.classes)
            yield _Predicted(run.setting, run.ablation, folder, found, _selection(folder))


def _selection(path: Path) -> str | None:
    folder = path if path.is_dir() else path.parent
    return manifest.read(folder).selection if (folder / manifest.MANIFEST).is_file() else None


def _joined(parts: list[_Predicted]) -> dict[str, PredictionLog]:
    """Setting → its predictions with all seeds, in the order of the ablation."""
    names = sorted({part.ablation for part in parts if part.ablation})
    if len(names) > 1:
        raise DatasetError(
            f"These are runs of several ablations, {', '.join(names)}; compare one at a time."
        )
    order = [setting.name for name in names for setting in ablations.named(name).settings]
    settings = dict.fromkeys((*order, *(part.setting for part in parts)))
    logs = {name: [(p.path, p.log) for p in parts if p.setting == name] for name in settings}
    return {name: log.joined(found) for name, found in logs.items() if found}
