"""What the options of `equime plan` mean."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from equime_hub import configs
from equime_hub.builder.backends.ltx.config import PRESETS
from equime_hub.builder.causal import SAMPLERS, Sampler
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.plan.balance import RULES, PlanBalance, read_census
from equime_hub.errors import EquimeError, PlanError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS


@dataclass(frozen=True)
class PlanOptions:
    """What was said on the command line about the clips; None leaves it to the configuration."""

    config: Path | None
    emotions: str | None
    repeats: int | None
    seed: int | None
    preset: str | None
    size: int | None
    frames: int | None
    fps: float | None
    counterfactual: tuple[str, ...]
    do: tuple[str, ...]
    wording: str | None
    balance: str | None
    clips: int | None
    max_clips_per_person: int | None
    limit_people: int | None
    limit_vectors: int | None
    limit_clips: int | None


def config(options: PlanOptions) -> PlanConfig:
    """The configuration that the command line describes.

    Raises:
        EquimeError: It makes no sense.
    """
    base = configs.from_file(PlanConfig, options.config) if options.config else PlanConfig()
    chosen: dict[str, Any] = {
        "repeats": options.repeats,
        "seed": options.seed,
        "width": options.size,
        "height": options.size,
        "num_frames": options.frames,
        "fps": options.fps,
        "counterfactuals": (*options.counterfactual, *options.do) or None,
        "wording": options.wording,
        "balance": _balance(base.balance, options),
        "limit_people": options.limit_people,
        "limit_vectors": options.limit_vectors,
        "limit_clips": options.limit_clips,
    }
    chosen = {name: value for name, value in chosen.items() if value is not None}
    if options.preset:
        preset = PRESETS[options.preset]
        size = {name: getattr(preset, name) for name in ("width", "height", "num_frames")}
        chosen = size | chosen
    if options.emotions is not None:
        chosen["emotions"], chosen["emotion_weights"] = _emotions(options.emotions)
    return replace(base, **chosen)


def _emotions(text: str) -> tuple[tuple[str, ...], tuple[float, ...]]:
    """Emotions and their weights; no weights if none is given."""
    if text in EMOTION_PRESETS:
        return EMOTION_PRESETS[text], ()
    pairs = [name.strip().partition("=") for name in text.split(",")]
    unknown = [name for name, _, _ in pairs if name not in EMOTIONS]
    if unknown:
        raise PlanError(
            f"There is no emotion or preset {', '.join(map(repr, unknown))}. Emotions: "
            f"{', '.join(EMOTIONS)}. Presets: {', '.join(EMOTION_PRESETS)}."
        )
    names = tuple(name for name, _, _ in pairs)
    if not any(equals for _, equals, _ in pairs):
        return names, ()
    try:
        return names, tuple(float(weight) if equals else 1.0 for _, equals, weight in pairs)
    except ValueError:
        raise PlanError(f"{text!r} has a weight that is no number; write happiness=2.") from None


def _balance(base: PlanBalance, options: PlanOptions) -> PlanBalance:
    wanted = options.balance
    if wanted in RULES[:2]:
        base = replace(base, rule=wanted, targets=())
    elif wanted is not None:
        if not Path(wanted).is_file():
            raise PlanError(
                f"There is no balance {wanted!r}: write {' or '.join(RULES[:2])}, or the name of a "
                "CSV file."
            )
        census = read_census(Path(wanted))
        base = replace(base, rule=census.rule, by=census.by, targets=census.targets)
    return replace(
        base,
        clips=options.clips or base.clips,
        max_clips_per_person=options.max_clips_per_person or base.max_clips_per_person,
    )


def sampler(text: str) -> Sampler:
    """A sampler by its name, or by a JSON file that names it and its options.

    Raises:
        EquimeError: No such sampler or file, or options that it does not take.
    """
    described: Any = {"name": text}
    if text not in SAMPLERS.names() and Path(text).suffix == ".json":
        try:
            described = json.loads(Path(text).read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise PlanError(f"{text} cannot be read as a JSON file: {error}.") from error
        if not isinstance(described, dict) or not isinstance(described.get("name"), str):
            raise PlanError(
                f'{text} must hold one JSON object with the name of a sampler, such as {{"name": '
                f'"expert"}}. Samplers: {", ".join(SAMPLERS.names())}.'
            )
    SAMPLERS.get(described["name"])
    try:
        made: Sampler = SAMPLERS.restore(described)
    except EquimeError as error:
        raise PlanError(
            f"The sampler {text} cannot be made: {error} Its options go into a JSON file, as in "
            '--sampler micro.json with {"name": "micro", "index": "clips.csv"}.'
        ) from error
    return made
