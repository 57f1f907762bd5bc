"""The clips of a plan: AUs, times, words and seeds, drawn for all of them at once.

What is drawn for a clip depends on the hash of what the clip is for, and on nothing else: its
times, the seed of its noise, and its AUs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from equime_hub import seeds
from equime_hub.builder import causal, prompts
from equime_hub.builder.causal import Sampler
from equime_hub.builder.plan import table
from equime_hub.builder.plan.choice import Wish
from equime_hub.builder.plan.config import PlanConfig, other_emotion
from equime_hub.schema.taxonomy import AU_NUMBERS, NOISE
from equime_hub.video.timing import milliseconds

_Keys = npt.NDArray[np.uint64]
_Texts = npt.NDArray[np.str_]
_Drawn = dict[str, npt.NDArray[Any]]
"""Column → what was drawn for some clips; `times` holds onset, apex and offset."""


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
    split = np.array([splits[wish.face.subject_id] for wish in wishes])
    drawn = _drawn(wishes, config, sampler)
    originals = table.rows(faces, split, _columns(config, drawn))
    parts, order = [originals], [np.arange(len(wishes)) * (1 + len(config.counterfactuals))]
    for place, intervention in enumerate(config.counterfactuals, 1):
        kept, changed = _changed(drawn, wishes, config, sampler, intervention)
        columns = _columns(config, changed)
        columns["counterfactual_of"] = originals["clip_id"].take(kept)
        columns["intervention"] = [intervention] * len(kept)
        parts.append(table.rows(faces.take(kept), split[kept], columns))
        order.append(order[0][kept] + place)
    if len(parts) == 1:
        return originals
    return pa.concat_tables(parts).take(np.argsort(np.concatenate(order))).combine_chunks()


def _drawn(wishes: Sequence[Wish], config: PlanConfig, sampler: Sampler) -> _Drawn:
    emotion = np.array([wish.emotion for wish in wishes])
    # Three numbers for the times, one for the noise, one for the AUs: a counterfactual takes the
    # first four from its original and so differs in nothing but its AUs.
    words = seeds.words(_keys(wishes, emotion, config), 5)
    return {
        "emotion": emotion,
        "times": _times(seeds.uniform(words[:, :3]), config),
        "seed": (words[:, 3] >> np.uint64(1)).astype(np.int64),  # Parquet's integers have a sign
        **_draws(emotion, words[:, 4], config, sampler),
    }


def _keys(wishes: Sequence[Wish], emotions: _Texts, config: PlanConfig) -> _Keys:
    keys = (
        seeds.derive(config.seed, face.subject_id, face.source_image, emotion, wish.repeat)
        for wish, emotion in zip(wishes, emotions.tolist(), strict=True)
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


def _draws(emotions: _Texts, keys: _Keys, config: PlanConfig, sampler: Sampler) -> _Drawn:
    """AU vectors: each clip's own, or one of the few there may be."""
    onset, apex = np.zeros((2, len(emotions), len(AU_NUMBERS)))
    source, subject = np.empty((2, len(emotions)), object)
    every, some = divmod(config.limit_vectors or 0, len(config.emotions))
    for emotion in dict.fromkeys(emotions.tolist()):
        rows = np.flatnonzero(emotions == emotion)
        own = keys[rows]
        if config.limit_vectors is not None:
            # Emotions of counterfactuals take nothing from the others.
            place = config.emotions.index(emotion) if emotion in config.emotions else some
            numbers = (own % np.uint64(every + (place < some))).tolist()
            shared = {n: seeds.derive(config.seed, "vector", emotion, n) for n in set(numbers)}
            own = np.array([shared[number] for number in numbers], np.uint64)
        found = causal.draws(sampler, emotion, own)
        onset[rows], apex[rows] = found.au_onset, found.au_apex
        source[rows], subject[rows] = found.source, found.subject
    return {
        "au_onset": onset,
        "au_apex": apex,
        "au_source": source,
        "au_source_subject": subject,
    }


def _changed(
    drawn: _Drawn, wishes: Sequence[Wish], config: PlanConfig, sampler: Sampler, intervention: str
) -> tuple[npt.NDArray[np.int64], _Drawn]:
    """Rows that an intervention changes, and what is drawn for them then."""
    if (emotion := other_emotion(intervention)) is not None:
        emotions = np.full(len(wishes), emotion)
        words = seeds.words(_keys(wishes, emotions, config), 5)
        draws = _draws(emotions, words[:, 4], config, sampler)
        return np.arange(len(wishes)), {**drawn, "emotion": emotions, **draws}
    apex = causal.set_units(drawn["au_apex"], causal.parse_do(intervention))
    kept = np.flatnonzero((apex != drawn["au_apex"]).any(axis=1))
    return kept, {name: values[kept] for name, values in {**drawn, "au_apex": apex}.items()}


def _columns(config: PlanConfig, drawn: _Drawn) -> dict[str, Any]:
    """Columns of `table.SCHEMA` that say what a clip is; those that are not named are empty."""
    moved = (drawn["au_apex"] - drawn["au_onset"]).round(6)
    moved[moved <= NOISE] = 0.0
    spans = milliseconds(drawn["times"], config.fps)
    emotions = drawn["emotion"].tolist()
    prompt, negative = prompts.texts(emotions, moved, spans, style=config.wording)
    times = zip(("onset_frame", "apex_frame", "offset_frame"), drawn["times"].T, strict=True)
    same = {name: getattr(config, name) for name in ("num_frames", "width", "height")}
    return {
        **drawn,
        **dict(times),
        **{name: np.full(len(emotions), number) for name, number in same.items()},
        "fps": np.full(len(emotions), float(config.fps)),
        "prompt": prompt,
        "negative_prompt": negative,
    }
