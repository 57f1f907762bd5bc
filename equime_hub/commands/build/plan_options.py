"""What the options of `equime plan` mean."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

from equime_hub import configs
from equime_hub.builder.causal import SAMPLERS, Sampler
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.plan.balance import RULES, PlanBalance, read_census
from equime_hub.commands.build.backends import presets
from equime_hub.errors import EquimeError, PlanError
from equime_hub.schema.taxonomy import EMOTION_PRESETS, EMOTIONS


def config(
    file: Path | None, preset: str | None, changes: dict[str, Any], balance: dict[str, Any]
) -> PlanConfig:
    """The configuration that the command line describes.

    Args:
        file: JSON file with a `PlanConfig` to begin with.
        preset: Preset of a backend that gives size and number of frames.
        changes: Fields of the configuration as they were said; they override both.
        balance: Fields of its balance as they were said.

    Raises:
        EquimeError: It makes no sense.
    """
    base = configs.from_file(PlanConfig, file) if file else PlanConfig()
    if "width" in changes:  # --size, since clips are square
        changes["height"] = changes["width"]
    if "emotions" in changes:
        changes["emotions"], changes["emotion_weights"] = _emotions(changes["emotions"])
    if preset:
        meant = presets()[preset]
        size = {name: getattr(meant, name) for name in ("width", "height", "num_frames")}
        changes = size | changes
    return replace(base, **changes, balance=_balance(base.balance, balance))


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


def _balance(base: PlanBalance, changes: dict[str, Any]) -> PlanBalance:
    rule = changes.pop("rule", None)
    if rule in RULES[:2]:
        changes |= {"rule": rule, "targets": ()}
    elif rule is not None:
        if not Path(rule).is_file():
            raise PlanError(
                f"There is no balance {rule!r}: write {' or '.join(RULES[:2])}, or the name of a "
                "CSV file."
            )
        census = read_census(Path(rule))
        changes |= {"rule": census.rule, "by": census.by, "targets": census.targets}
    return replace(base, **changes)


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
