"""The clips of a plan: AUs, times, words and seeds, each from a hash of what it is for."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache, partial
from sys import intern
from typing import Any

from equime_hub import seeds
from equime_hub.builder import causal, prompts
from equime_hub.builder.causal import Draw, Sampler
from equime_hub.builder.plan.choice import Wish
from equime_hub.builder.plan.config import PlanConfig, other_emotion
from equime_hub.builder.plan.table import clip_id, face_hash
from equime_hub.schema.records import ClipSpec, Face
from equime_hub.schema.taxonomy import rise


def clips(
    wishes: Iterable[Wish], splits: Mapping[str, str], config: PlanConfig, sampler: Sampler
) -> Iterator[ClipSpec]:
    """Every wish as a clip, followed by its counterfactuals.

    A counterfactual that changes nothing (AU 12 set to 0 where it is 0) is left out: it would be
    the same clip again.

    Raises:
        PlanError: The sampler knows no AUs for an emotion.
    """
    drawn = _Drawn(config, sampler)
    face, hashed = None, ""
    for wish in wishes:
        if wish.face is not face:
            face, hashed = wish.face, face_hash(wish.face)
        make = partial(_spec, hashed, wish.face, splits[wish.face.subject_id])
        draw = drawn.draw(wish, wish.emotion)
        times = _times(config, _key(config, wish, wish.emotion))
        values = _values(config, wish, draw, times)
        original = make(values)
        yield original
        for intervention in config.counterfactuals:
            other = other_emotion(intervention)
            if other is not None:
                caused = _caused(config, other, drawn.draw(wish, other), times)
            elif (changed := causal.intervene(draw, causal.parse_do(intervention))) != draw:
                caused = _caused(config, wish.emotion, changed, times)
            else:
                continue
            named = {"counterfactual_of": original.clip_id, "intervention": intervention}
            yield make(values | caused | named)


class _Drawn:
    """AU vectors of clips: each its own, or one of the few there may be."""

    def __init__(self, config: PlanConfig, sampler: Sampler) -> None:
        self._config, self._sampler = config, sampler
        every, some = divmod(config.limit_vectors or 0, len(config.emotions))
        numbers = {e: every + (place < some) for place, e in enumerate(config.emotions)}
        # Emotions of counterfactuals take nothing from the others.
        self._numbers: Mapping[str, int] = defaultdict(lambda: every, numbers)
        self._shared = lru_cache(maxsize=None)(self._draw_shared)

    def draw(self, wish: Wish, emotion: str) -> Draw:
        """The AUs of a wish, or those it would have with another emotion."""
        key = _key(self._config, wish, emotion)
        if self._config.limit_vectors is None:
            return self._sampler.draw(emotion, seeds.generator(*key, "aus"))
        return self._shared(emotion, seeds.derive(*key, "vector") % self._numbers[emotion])

    def _draw_shared(self, emotion: str, number: int) -> Draw:
        rng = seeds.generator(self._config.seed, "vector", emotion, number)
        return self._sampler.draw(emotion, rng)


_Key = tuple[int, str, str, str, int]


def _key(config: PlanConfig, wish: Wish, emotion: str) -> _Key:
    return (config.seed, wish.face.subject_id, wish.face.source_image, emotion, wish.repeat)


_Times = tuple[int, int, int]


def _values(config: PlanConfig, wish: Wish, draw: Draw, times: _Times) -> dict[str, Any]:
    onset, apex, offset = times
    return {
        **_caused(config, wish.emotion, draw, times),
        "num_frames": config.num_frames,
        "fps": float(config.fps),
        "onset_frame": onset,
        "apex_frame": apex,
        "offset_frame": offset,
        "width": config.width,
        "height": config.height,
        "seed": seeds.derive(*_key(config, wish, wish.emotion), "noise"),
        "counterfactual_of": None,
        "intervention": None,
    }


def _caused(config: PlanConfig, emotion: str, draw: Draw, times: _Times) -> dict[str, Any]:
    """All that follows from emotion and AUs; the rest of a clip does not."""
    moved = rise(draw.au_onset, draw.au_apex)
    onset, apex, offset = (1000 * frame / config.fps for frame in times)
    timing = (onset, apex, offset)
    return {
        "emotion": emotion,
        "au_onset": draw.au_onset,
        "au_apex": draw.au_apex,
        "au_source": draw.source,
        "au_source_subject": draw.subject,
        # Many clips have the same words; they are held once.
        "prompt": intern(prompts.prompt(emotion, moved, style=config.wording, timing=timing)),
        "negative_prompt": intern(prompts.negative_prompt(moved)),
    }


def _times(config: PlanConfig, key: _Key) -> _Times:
    """Onset, apex and offset: the rise takes 35 to 60 % of the time, as annotated clips do."""
    rng = seeds.generator(*key, "times")
    shortest, longest = config.duration_frames()
    duration = int(rng.integers(shortest, longest + 1))
    onset = int(rng.integers(0, config.num_frames - duration))
    rise = min(max(1, round(duration * rng.uniform(0.35, 0.6))), duration - 1)
    return onset, onset + rise, onset + duration


def _spec(hashed: str, face: Face, split: str, values: Mapping[str, Any]) -> ClipSpec:
    return ClipSpec(clip_id=clip_id(hashed, values), split=split, face=face, **values)
