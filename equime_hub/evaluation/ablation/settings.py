"""Ablations as configurations: which settings are compared, and what every run of them takes.

A setting changes what the training clips are made of (`Data`), what the model is given, or both.
Every setting is trained with the same seeds, so that settings can be compared in pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Literal

import yaml

from equime_hub import configs
from equime_hub.errors import EquimeError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS_3

RUN = "ablation.json"
"""In the folder of a run: which cell of which ablation it is."""

AuSource = Literal["expert", "micro", "macro"]

_SEEDS = 10
"""With fewer, the signed-rank test over 21 pairs of settings cannot reach 0.05 after Holm."""


@dataclass(frozen=True)
class Data:
    """What the training clips are made of; None takes what there is.

    Attributes:
        sources: Where AU vectors come from, in equal shares: names of samplers.
        intensity: [μ, ν] of `expert`.
        apex: [α, β] of `macro`.
        people: At most so many.
        vectors: At most so many AU vectors.
        clips: At most so many.
        emotions: Emotions, equally often.
    """

    sources: tuple[AuSource, ...] = ("expert",)
    intensity: tuple[float, float] = (0.1, 0.3)
    apex: tuple[float, float] = (0.3, 0.5)
    people: int | None = None
    vectors: int | None = None
    clips: int | None = None
    emotions: tuple[str, ...] = EMOTION_PRESETS["equime-paper"]

    @property
    def repeats(self) -> int:
        """Clips a face and emotion, so that people with one face each suffice."""
        if self.clips is None or self.people is None:
            return 1
        return -(-self.clips // (self.people * len(self.emotions)))


@dataclass(frozen=True)
class Setting:
    """One setting of an ablation.

    Attributes:
        name: What differs, such as "8"; unique in its ablation.
        num_frames: Frames that the model is given; None is all of them.
        classes: What it tells apart.
        data: What it is trained on; None leaves that to the training.
    """

    name: str
    num_frames: int | None = None
    classes: tuple[str, ...] = EMOTIONS_3
    data: Data | None = None


@dataclass(frozen=True)
class Ablation:
    """A grid of settings and seeds.

    Attributes:
        name: Its name.
        about: What is asked.
        source: Where it was done before.
        settings: In the order of the table.
        seeds: How many seeds of training, from 0.
    """

    name: str
    about: str
    source: str
    settings: tuple[Setting, ...]
    seeds: int = _SEEDS

    @property
    def one_plan(self) -> bool:
        """All settings are trained on the same clips, which are planned once."""
        return len({setting.data for setting in self.settings}) == 1


@dataclass(frozen=True)
class TrainingRun:
    """One cell: the fields that training must take.

    Attributes:
        ablation: Name of the ablation.
        setting: Name of the setting.
        seed: Seed of training.
        num_frames: Frames that the model is given, evenly spaced; None is all of them.
        classes: What it tells apart, in the order of the probabilities.
        plan: Plan of the clips to train on, relative to the folder of the run; None leaves the
            data to the training.
    """

    ablation: str
    setting: str
    seed: int
    num_frames: int | None
    classes: tuple[str, ...]
    plan: str | None


def runs(ablation: Ablation, seeds: int | None = None) -> Iterator[TrainingRun]:
    """Every run of an ablation.

    Args:
        ablation: The grid.
        seeds: How many seeds, if not those of the ablation.
    """
    plan = "../../plan.parquet" if ablation.one_plan else "../plan.parquet"
    for setting in ablation.settings:
        for seed in range(ablation.seeds if seeds is None else seeds):
            yield TrainingRun(
                ablation=ablation.name,
                setting=setting.name,
                seed=seed,
                num_frames=setting.num_frames,
                classes=setting.classes,
                plan=None if setting.data is None else plan,
            )


def folder(ablation: str, setting: str, seed: int | None = None) -> Path:
    """Where a setting, or a run of it, belongs inside the folder of all ablations.

    >>> folder("au-sources", "micro + macro", 0).as_posix()
    'au-sources/micro+macro/seed-00'
    """
    where = Path(ablation, setting.replace(" ", ""))
    return where if seed is None else where / f"seed-{seed:02}"


def read(path: Path) -> TrainingRun:
    """The cell that a run's folder belongs to.

    Raises:
        EquimeError: The file is missing or does not fit.
    """
    return configs.from_file(TrainingRun, path / RUN)


def named(name: str) -> Ablation:
    """An ablation by its name.

    Raises:
        EquimeError: There is none of that name.
    """
    if name not in ABLATIONS:
        raise EquimeError(f"There is no ablation {name!r}. Choose one of: {', '.join(ABLATIONS)}.")
    return ABLATIONS[name]


ABLATIONS = {
    values["name"]: configs.from_json(Ablation, values)
    for values in yaml.safe_load(files(__package__).joinpath("ablations.yaml").read_text("utf-8"))
}
"""Name → ablation, those of `ablations.yaml`."""
