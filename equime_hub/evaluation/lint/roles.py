"""Whether every clip has one role, and whether the folds are what their protocol's name says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation.lint.finding import Found, rule, unchecked
from equime_hub.evaluation.lint.run import Run, shared
from equime_hub.evaluation.protocols import PROTOCOLS
from equime_hub.evaluation.rows import TEST, TRAIN, VALIDATION, Codes

_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "the test"}
_PAIRS = ((TRAIN, TEST), (VALIDATION, TEST), (TRAIN, VALIDATION))


@rule("error", "MicroExpSTCNN's released code: it is validated, and chosen, on the test")
def shared_clips(run: Run) -> Iterator[Found]:
    """No clip has two roles in a fold."""
    for fold in run.rows:
        for one, other in _PAIRS:
            clips = np.flatnonzero(fold.has(one) & fold.has(other))
            if len(clips):
                sentence = f"Clips both in {_NAMES[one]} and in {_NAMES[other]}: {len(clips):,}."
                yield Found(sentence, fold.title, clips)


@rule("error", "MEGC 2019: counts are summed over the folds, so every clip counts once")
def tested_twice(run: Run) -> Iterator[Found]:
    """No clip is in the test of two folds."""
    for seed, times in _tests(run).items():
        clips = np.flatnonzero(times > 1)
        if len(clips):
            sentence = f"Clips in the test of several folds{_of(seed)}: {len(clips):,}."
            yield Found(sentence, clips=clips)


@rule("warning", "MiE-X's released folds of MMEW omit person 30; EquiME's code, short clips")
def never_tested(run: Run) -> Iterator[Found]:
    """Where every person is tested once, no clip of a tested dataset is left out."""
    if run.manifest.protocol not in ("loso", "k-fold"):
        return
    made = run.column("counterfactual_of").is_valid().to_numpy(zero_copy_only=False)
    candidates = np.zeros(len(made), bool)
    for fold in run.rows:
        candidates |= fold.has(TRAIN | VALIDATION)
    candidates &= (run.people.donor < 0) & ~run.macro & ~made
    for seed, times in _tests(run).items():
        tested = times > 0
        clips = np.flatnonzero(candidates & ~tested & shared(run.datasets, tested))
        if len(clips):
            sentence = f"Clips of tested datasets that are never tested{_of(seed)}: {len(clips):,}."
            yield Found(sentence, clips=clips)


@rule("error", "MEGC 2019 (68 people, 68 folds); MEB's CD6ME (one fold a dataset)")
def protocol_name(run: Run) -> Iterator[Found]:
    """Leave-one-out is called so only where every fold leaves one out."""
    protocol = run.manifest.protocol
    if protocol is None:
        yield unchecked("run.json does not say protocol.")
    elif protocol not in PROTOCOLS:
        known = ", ".join(PROTOCOLS)
        yield unchecked(f"The protocol {protocol!r} is not known; known are {known}.")
    elif protocol == "loso":
        yield from _one_each(run, run.people.person, "people")
    elif protocol == "lodo" and not run.knows("source_dataset"):
        yield unchecked("The rows have no column source_dataset.")
    elif protocol == "lodo":
        yield from _one_each(run, run.datasets, "datasets")
        for fold in run.rows:
            tested = fold.has(TEST)
            clips = np.flatnonzero(fold.has(TRAIN) & ~tested & shared(run.datasets, tested))
            if len(clips):
                sentence = f"Clips of training of the dataset that is left out: {len(clips):,}."
                yield Found(sentence, fold.title, clips)


def _one_each(run: Run, group: Codes, many: str) -> Iterator[Found]:
    """Whether each fold tests one of a group, and there are as many folds as groups."""
    folds: dict[int | None, list[int]] = {}
    tested: dict[int | None, set[int]] = {}
    for fold in run.rows:
        found = np.unique(group[fold.has(TEST)])
        folds.setdefault(fold.seed, []).append(len(found))
        tested.setdefault(fold.seed, set()).update(found.tolist())
    for seed, sizes in folds.items():
        if max(sizes) > 1 or len(sizes) != len(tested[seed]):
            yield Found(
                f"The protocol is called {run.manifest.protocol}, but {len(sizes):,} folds test "
                f"{len(tested[seed]):,} {many}, up to {max(sizes):,} in one{_of(seed)}."
            )


def _tests(run: Run) -> dict[int | None, npt.NDArray[np.int64]]:
    """For each seed that folds were drawn for, how often every clip is tested."""
    times: dict[int | None, npt.NDArray[np.int64]] = {}
    for fold in run.rows:
        times.setdefault(fold.seed, np.zeros(len(fold.roles), np.int64))
        times[fold.seed] += fold.has(TEST)
    return times


def _of(seed: int | None) -> str:
    return "" if seed is None else f" of seed {seed}"
