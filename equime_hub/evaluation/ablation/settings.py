"""Ablations as configurations: which settings are compared, and what every run of them takes.

A setting changes what the training clips are made of (`Data`), what the model is given, or both.
Every setting is trained with the same seeds, so that settings can be compared in pairs.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from equime_hub import configs
from equime_hub.errors import EquimeError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS_3

RUN = "ablation.json"
"""In the folder of a run: which cell of which ablation it is."""

Source = Literal["expert", "micro", "macro"]

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

    sources: tuple[Source, ...] = ("expert",)
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


def _sources(*names: Source) -> Setting:
    return Setting(" + ".join(names), data=Data(names, people=5_000, clips=45_000))


def _range(low: float, high: float, data: Data) -> Setting:
    return Setting(f"{low:g}-{high:g}", data=data)


_RANGES = ((0.1, 0.3), (0.3, 0.5), (0.5, 0.7))
_DRAWN: tuple[Source, ...] = ("macro", "expert")
_BASIC_7 = EMOTION_PRESETS["basic-7"]

ABLATIONS: dict[str, Ablation] = {
    made.name: made
    for made in (
        Ablation(
            "frames",
            "How many frames does a model need?",
            "He et al., supplement, Table 4 (DFME, 30 seeds)",
            tuple(Setting(str(n or "all"), n, _BASIC_7) for n in (4, 8, 12, 16, None)),
            seeds=30,
        ),
        Ablation(
            "classes",
            "Three, five or seven classes of the same clips?",
            "EquiME, Figure 4, with seven added",
            tuple(
                Setting(f"{len(classes)} classes", None, classes, Data(emotions=_BASIC_7))
                for classes in (EMOTIONS_3, EMOTION_PRESETS["equime-paper"], _BASIC_7)
            ),
        ),
        Ablation(
            "au-sources",
            "Where should action units come from?",
            "MiE-X, Figure 5",
            (
                _sources("micro"),
                _sources("macro"),
                _sources("expert"),
                _sources("micro", "macro"),
                _sources("micro", "expert"),
                _sources("macro", "expert"),
                _sources("micro", "macro", "expert"),
            ),
        ),
        Ablation(
            "intensity",
            "How strong should the units of the table be, [μ, ν]?",
            "MiE-X, Figure 7b",
            tuple(
                _range(*ends, Data(("expert",), intensity=ends, people=5_000)) for ends in _RANGES
            ),
        ),
        Ablation(
            "apex",
            "How early a frame of a macro-expression, [α, β]?",
            "MiE-X, Figure 7a",
            tuple(_range(*ends, Data(("macro",), apex=ends, people=5_000)) for ends in _RANGES),
        ),
        Ablation(
            "vectors",
            "How many AU vectors?",
            "MiE-X, Figure 6a",
            tuple(
                Setting(str(n), data=Data(_DRAWN, people=5_000, vectors=n, clips=30_000))
                for n in (4_000, 6_000, 10_000, 30_000)
            ),
        ),
        Ablation(
            "people",
            "How many people?",
            "MiE-X, Figure 6b",
            tuple(
                Setting(str(n), data=Data(_DRAWN, people=n, vectors=30_000, clips=30_000))
                for n in (700, 1_000, 1_700, 5_000)
            ),
        ),
        Ablation(
            "clips",
            "How many clips?",
            "MiE-X, Figure 6c",
            tuple(
                Setting(
                    str(n),
                    data=Data(("micro", "macro", "expert"), people=1_000, vectors=9_000, clips=n),
                )
                for n in (9_000, 18_000, 36_000, 54_000)
            ),
        ),
    )
}
"""Name → ablation."""
