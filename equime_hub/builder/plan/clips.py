"""The clips of a plan: AUs, times, words and seeds, drawn for all of them at once.

What is drawn for a clip depends on the hash of what the clip is for, and on nothing else: its
times, the seed of its noise, and its AUs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub import seeds
from equime_hub.builder import causal, prompts
from equime_hub.builder.causal import Draws, Sampler
from equime_hub.builder.plan import table
from equime_hub.builder.plan.choice import Wish
from equime_hub.builder.plan.config import PlanConfig, other_emotion
from equime_hub.schema.taxonomy import AU_NUMBERS, NOISE
from equime_hub.video.timing import milliseconds

_Keys = npt.NDArray[np.uint64]


def clips(
    wishes: Sequence[Wish], splits: Mapping[str, str], config: PlanConfig, sampler: Sampler
) -> pa.Table:
    """Every wish as a row of `table.SCHEMA`, followed by its counterfactuals.

    A counterfactual that changes nothing (AU 12 set to 0 where it is 0) is left out: it would be
    the same clip again.

    Raises:
        PlanError: The sampler knows no AUs for an emotion.
    """
    faces = table.Faces.of([wish.face for wish in wishes])
    split = [splits[wish.face.subject_id] for wish in wishes]
    chance = _chance(wishes, config, sampler)
    originals = table.rows(faces, split, _columns(config, chance))
    parts, order = [originals], [np.arange(len(wishes)) * (1 + len(config.counterfactuals))]
    for place, intervention in enumerate(config.counterfactuals, 1):
        kept, changed = _changed(chance, wishes, config, sampler, intervention)
        named = {
            "counterfactual_of": originals["clip_id"].take(kept),
            "intervention": [intervention] * len(kept),
        }
        columns = _columns(config, changed) | named
        parts.append(table.rows(faces.take(kept), [split[row] for row in kept], columns))
        order.append(order[0][kept] + place)
    if len(parts) == 1:
        return originals
    return pa.concat_tables(parts).take(np.argsort(np.concatenate(order))).combine_chunks()


@dataclass(frozen=True, eq=False)
class _Chance:
    """What was drawn for some clips."""

    emotion: list[str]
    times: npt.NDArray[np.int64]
    seed: npt.NDArray[np.int64]
    draws: Draws


def _chance(wishes: Sequence[Wish], config: PlanConfig, sampler: Sampler) -> _Chance:
    emotion = [wish.emotion for wish in wishes]
    # Three numbers for the times, one for the noise, one for the AUs: a counterfactual takes the
    # first four from its original and so differs in nothing but its AUs.
    words = seeds.words(_keys(wishes, emotion, config), 5)
    times = _times(seeds.uniform(words[:, :3]), config)
    seed = (words[:, 3] >> np.uint64(1)).astype(np.int64)  # Parquet's integers have a sign
    return _Chance(emotion, times, seed, _draws(emotion, words[:, 4], config, sampler))


def _keys(wishes: Sequence[Wish], emotions: Sequence[str], config: PlanConfig) -> _Keys:
    keys = (
        seeds.derive(config.seed, face.subject_id, face.source_image, emotion, wish.repeat)
        for wish, emotion in zip(wishes, emotions, strict=True)
        for face in [wish.face]
    )
    return np.fromiter(keys, np.uint64, len(wishes))


def _times(drawn: npt.NDArray[np.float64], config: PlanConfig) -> npt.NDArray[np.int64]:
    """Onset, apex and offset: the rise takes 35 to 60 % of the time, as annotated clips do."""
    shortest, longest = config.duration_frames()
    length, begin, share = drawn.T
    duration = shortest + (length * (longest + 1 - shortest)).astype(np.int64)
    onset = (begin * (config.num_frames - duration)).astype(np.int64)
    rise = np.rint(duration * (0.35 + 0.25 * share)).astype(np.int64)
    apex = onset + np.minimum(np.maximum(rise, 1), duration - 1)
    return np.stack([onset, apex, onset + duration], axis=1)


def _draws(emotions: Sequence[str], keys: _Keys, config: PlanConfig, sampler: Sampler) -> Draws:
    """AU vectors: each clip's own, or one of the few there may be."""
    names = np.array(emotions)
    onset, apex = np.zeros((2, len(names), len(AU_NUMBERS)))
    drawn = Draws(onset, apex, [""] * len(names), [None] * len(names))
    every, some = divmod(config.limit_vectors or 0, len(config.emotions))
    for emotion in dict.fromkeys(emotions):
        rows = np.flatnonzero(names == emotion)
        own = keys[rows]
        if config.limit_vectors is not None:
            # Emotions of counterfactuals take nothing from the others.
            place = config.emotions.index(emotion) if emotion in config.emotions else some
            numbers = (own % np.uint64(every + (place < some))).tolist()
            shared = {n: seeds.derive(config.seed, "vector", emotion, n) for n in set(numbers)}
            own = np.array([shared[number] for number in numbers], np.uint64)
        found = causal.draws(sampler, emotion, own)
        drawn.au_onset[rows], drawn.au_apex[rows] = found.au_onset, found.au_apex
        for row, source, subject in zip(rows, found.source, found.subject, strict=True):
            drawn.source[row], drawn.subject[row] = source, subject
    return drawn


def _changed(
    chance: _Chance,
    wishes: Sequence[Wish],
    config: PlanConfig,
    sampler: Sampler,
    intervention: str,
) -> tuple[npt.NDArray[np.int64], _Chance]:
    """Rows that an intervention changes, and what is drawn for them then."""
    emotion = other_emotion(intervention)
    if emotion is not None:
        emotions = [emotion] * len(wishes)
        words = seeds.words(_keys(wishes, emotions, config), 5)
        draws = _draws(emotions, words[:, 4], config, sampler)
        return np.arange(len(wishes)), replace(chance, emotion=emotions, draws=draws)
    apex = causal.set_units(chance.draws.au_apex, causal.parse_do(intervention))
    kept = np.flatnonzero((apex != chance.draws.au_apex).any(axis=1))
    draws = Draws(
        chance.draws.au_onset[kept],
        apex[kept],
        [chance.draws.source[row] for row in kept],
        [chance.draws.subject[row] for row in kept],
    )
    emotions = [chance.emotion[row] for row in kept]
    return kept, _Chance(emotions, chance.times[kept], chance.seed[kept], draws)


def _columns(config: PlanConfig, chance: _Chance) -> dict[str, Any]:
    """Columns of `table.SCHEMA` that say what a clip is; those that are not named are empty."""
    draws = chance.draws
    moved = (draws.au_apex - draws.au_onset).round(6)
    moved[moved <= NOISE] = 0.0
    prompt, negative = prompts.texts(
        chance.emotion, moved, milliseconds(chance.times, config.fps), style=config.wording
    )
    size = len(chance.emotion)
    onset, apex, offset = chance.times.T
    return {
        "emotion": chance.emotion,
        "au_onset": draws.au_onset,
        "au_apex": draws.au_apex,
        "au_source": draws.source,
        "au_source_subject": draws.subject,
        "num_frames": np.full(size, config.num_frames),
        "fps": np.full(size, float(config.fps)),
        "onset_frame": onset,
        "apex_frame": apex,
        "offset_frame": offset,
        "width": np.full(size, config.width),
        "height": np.full(size, config.height),
        "prompt": prompt,
        "negative_prompt": negative,
        "seed": chance.seed,
    }
