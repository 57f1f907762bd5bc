"""The plan: every clip that will be made, as a table that exists before any work begins.

A plan is one Parquet file, one row a clip, readable with any table tool. Its footer holds the
configuration, the face source and a fingerprint of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import configs, seeds
from equime_hub.builder import causal, prompts
from equime_hub.builder.faces import SOURCES
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import PlanError
from equime_hub.files import written
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.records import ClipSpec, Face, Landmarks, spec_row
from equime_hub.schema.taxonomy import AU_NUMBERS, EMOTION_PRESETS
from equime_hub.splits.assign import DEFAULT_FRACTIONS, SPLITS, assign

_FOOTER = b"equime.plan"


@dataclass(frozen=True)
class PlanConfig:
    """What to plan for every face.

    Attributes:
        emotions: Emotions, one clip each.
        repeats: Clips per face and emotion.
        seed: Any integer; another seed gives other AUs, times and noise.
        width: Pixels.
        height: Pixels.
        num_frames: Frames in a clip.
        fps: Frames per second of the scene.
        intensity: (μ, ν), range of AU intensities at the apex (MiE-X: 0.1, 0.3).
        duration_ms: Shortest and longest time from onset to offset, milliseconds. The field's
            bound for a micro-expression is 500.
        split: Shares of train, validation and test.
    """

    emotions: tuple[str, ...] = EMOTION_PRESETS["equime-paper"]
    repeats: int = 1
    seed: int = 0
    width: int = 256
    height: int = 256
    num_frames: int = 64
    fps: float = 100.0
    intensity: tuple[float, float] = (0.1, 0.3)
    duration_ms: tuple[float, float] = (200.0, 500.0)
    split: tuple[float, float, float] = (
        DEFAULT_FRACTIONS["train"],
        DEFAULT_FRACTIONS["validation"],
        DEFAULT_FRACTIONS["test"],
    )

    def __post_init__(self) -> None:
        _demand(bool(self.emotions), "emotions must name at least one", self.emotions)
        _demand(
            len(set(self.emotions)) == len(self.emotions), "emotions must differ", self.emotions
        )
        _demand(self.repeats >= 1, "repeats must be at least 1", self.repeats)
        _demand(
            min(self.width, self.height) >= 1, "sizes must be positive", (self.width, self.height)
        )
        _demand(
            min(self.split) >= 0 and abs(sum(self.split) - 1) < 1e-9,
            "split must be three shares of at least 0 that sum to 1",
            self.split,
        )
        low, high = self.intensity
        _demand(0 < low <= high <= 1, "intensity must satisfy 0 < low <= high <= 1", (low, high))
        low, high = self.duration_ms
        _demand(0 < low <= high, "duration_ms must satisfy 0 < shortest <= longest", (low, high))
        _demand(0 < self.fps < float("inf"), "fps must be positive", self.fps)
        _demand(
            high * self.fps / 1000 >= 2,
            f"an expression of at most {high:g} ms needs two frames: fps must be at least "
            f"{2000 / high:g}",
            self.fps,
        )
        shortest = self.duration_frames()[0]
        _demand(
            shortest < self.num_frames,
            f"an expression of {self.duration_ms[0]:g} ms at {self.fps:g} fps needs at least "
            f"{shortest + 1} frames: raise num_frames, lower fps or shorten duration_ms",
            f"{self.num_frames} frames",
        )

    def duration_frames(self) -> tuple[int, int]:
        """Fewest and most frames from onset to offset; at least 2, so that an apex fits."""
        low, high = (max(2, round(ms * self.fps / 1000)) for ms in self.duration_ms)
        return low, max(low, min(high, self.num_frames - 1))


@dataclass(frozen=True)
class Plan:
    """Clips to make, in the order of the dataset.

    Attributes:
        config: How it was made.
        source: Where the faces are from.
        specs: One a clip; all of a face follow each other.
        absent: Splits of people of earlier plans who have no clip in this one; remembered, so
            that they find their place again.
    """

    config: PlanConfig
    source: FaceSource
    specs: tuple[ClipSpec, ...]
    absent: dict[str, str] = field(default_factory=dict)

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every row, 16 hexadecimal digits. Where the faces lie does not matter."""
        rows = [(spec.clip_id, spec.split) for spec in self.specs]
        return seeds.digest(SCHEMA_VERSION, prompts.WORDING, rows)[:16]

    def splits(self) -> dict[str, str]:
        """Subject → split, for the people of this plan."""
        return {spec.face.subject_id: spec.split for spec in self.specs}

    def memory(self) -> dict[str, str]:
        """Subject → split, for everybody who ever had one: `previous` of the next plan."""
        return self.absent | self.splits()


def make(
    faces: Sequence[Face],
    source: FaceSource,
    config: PlanConfig,
    previous: Mapping[str, str] | None = None,
) -> Plan:
    """Plan clips for faces.

    Args:
        faces: Faces in a stable order.
        source: Where they are from.
        config: What to plan.
        previous: Splits of people in an earlier plan; they stay.

    Raises:
        PlanError: No faces, an emotion without action units, one person in two strata.
    """
    if not faces:
        raise PlanError("There is no face to plan for.")
    shares = dict(zip(SPLITS, config.split, strict=True))
    fractions = {name: share for name, share in shares.items() if share}
    people = ((f.subject_id, (f.gender, f.race, f.age_group)) for f in faces)
    splits = assign(people, fractions, previous)
    specs = (
        _spec(face, splits[face.subject_id], emotion, repeat, config)
        for face in faces
        for emotion in config.emotions
        for repeat in range(config.repeats)
    )
    absent = {who: split for who, split in (previous or {}).items() if who not in splits}
    return Plan(config, source, tuple(specs), absent)


def write(plan: Plan, path: Path) -> None:
    """Write a plan as Parquet, whole or not at all."""
    footer = {
        "fingerprint": plan.fingerprint,
        "config": configs.to_json(plan.config),
        "faces": SOURCES.describe(plan.source),
        "absent": plan.absent,
        "schema_version": SCHEMA_VERSION,
    }
    rows = [_row(spec) for spec in plan.specs]
    table = pa.Table.from_pylist(rows)
    table = table.replace_schema_metadata({_FOOTER: json.dumps(footer).encode()})
    with written(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PlanError: The file is missing, no plan, of another schema, or its rows were changed.
    """
    if not path.is_file():
        raise PlanError(f"There is no plan at {path}. Make one with: equime plan --out {path}")
    try:
        table = pq.read_table(path)
        footer = json.loads((table.schema.metadata or {})[_FOOTER])
        version = footer["schema_version"]
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise PlanError(f"{path} is not a plan written by `equime plan` ({error}).") from error
    if version != SCHEMA_VERSION:
        raise PlanError(
            f"{path} was made for schema {version}, this version writes {SCHEMA_VERSION}. Make "
            "the plan anew with `equime plan`."
        )
    try:
        plan = Plan(
            configs.from_json(PlanConfig, footer["config"]),
            SOURCES.restore(footer["faces"]),
            tuple(_specs(table.to_pylist())),
            footer["absent"],
        )
    except (KeyError, ValueError, TypeError) as error:
        raise PlanError(f"{path} was changed by hand, or is damaged ({error!r}).") from error
    changed = [spec.clip_id for spec in plan.specs if spec.clip_id != _clip_id(spec)]
    if changed or plan.fingerprint != footer["fingerprint"]:
        raise PlanError(
            f"Rows of {path} were changed by hand "
            f"({', '.join(map(str, changed[:3])) or 'order or splits'}). "
            "A row's clip_id is the hash of its content; change the options of `equime plan` "
            "instead."
        )
    return plan


def _spec(face: Face, split: str, emotion: str, repeat: int, config: PlanConfig) -> ClipSpec:
    key = (config.seed, face.subject_id, face.source_image, emotion, repeat)
    au_apex = causal.expert(emotion, seeds.generator(*key, "aus"), config.intensity)
    onset, apex, offset = _times(config, seeds.generator(*key, "times"))
    spec = ClipSpec(
        clip_id="",
        split=split,
        face=face,
        emotion=emotion,
        au_onset=(0.0,) * len(AU_NUMBERS),
        au_apex=au_apex,
        au_source="expert",
        au_source_subject=None,
        num_frames=config.num_frames,
        fps=config.fps,
        onset_frame=onset,
        apex_frame=apex,
        offset_frame=offset,
        width=config.width,
        height=config.height,
        prompt=prompts.prompt(emotion, au_apex),
        negative_prompt=prompts.negative_prompt(au_apex),
        seed=seeds.derive(*key, "noise"),
    )
    return replace(spec, clip_id=_clip_id(spec))


def _clip_id(spec: ClipSpec) -> str:
    return seeds.digest({**_row(spec), "clip_id": "", "split": ""})[:16]


def _times(config: PlanConfig, rng: np.random.Generator) -> tuple[int, int, int]:
    """Onset, apex and offset: the rise takes 35 to 60 % of the time, as annotated clips do."""
    shortest, longest = config.duration_frames()
    duration = int(rng.integers(shortest, longest + 1))
    onset = int(rng.integers(0, config.num_frames - duration))
    rise = min(max(1, round(duration * rng.uniform(0.35, 0.6))), duration - 1)
    return onset, onset + rise, onset + duration


def _row(spec: ClipSpec) -> dict[str, Any]:
    return {
        **spec_row(spec),
        "split": spec.split,
        "landmarks": list(spec.face.landmarks.flat()),
    }


def _specs(rows: Iterable[dict[str, Any]]) -> Iterator[ClipSpec]:
    face_fields = [f.name for f in fields(Face) if f.name != "landmarks"]
    own_fields = [f.name for f in fields(ClipSpec) if f.name != "face"]
    face: Face | None = None
    for row in rows:
        landmarks = Landmarks.from_flat(tuple(row["landmarks"]))
        this = Face(**{name: row[name] for name in face_fields}, landmarks=landmarks)
        face = face if face == this else this  # clips of one face share it
        own = {name: row[name] for name in own_fields}
        own["au_onset"], own["au_apex"] = tuple(own["au_onset"]), tuple(own["au_apex"])
        yield ClipSpec(face=face, **own)


def _demand(holds: bool, rule: str, got: object) -> None:
    if not holds:
        raise PlanError(f"{rule}; got {got}.")
