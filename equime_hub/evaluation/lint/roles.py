"""Whether every clip has one role, and whether the folds are what their protocol's name says."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation.lint.rule import Found, clips_found, rule, unchecked, without
from equime_hub.evaluation.lint.run import LintRun, shared
from equime_hub.evaluation.protocols import PROTOCOLS
from equime_hub.evaluation.rows import TEST, TRAIN, VALIDATION, Codes

_NAMES = {TRAIN: "training", VALIDATION: "validation", TEST: "the test"}
_PAIRS = ((TRAIN, TEST), (VALIDATION, TEST), (TRAIN, VALIDATION))


@rule("error", "MicroExpSTCNN's released code: it is validated, and chosen, on the test")
def shared_clips(run: LintRun) -> Iterator[Found]:
    """No clip has two roles in a fold."""
    for fold in run.rows:
        for one, other in _PAIRS:
            sentence = f"Clips both in {_NAMES[one]} and in {_NAMES[other]}: {{}}."
            yield from clips_found(fold.has(one) & fold.has(other), sentence, fold)


@rule("error", "MEGC 2019: counts are summed over the folds, so every clip counts once")
def tested_twice(run: LintRun) -> Iterator[Found]:
    """No clip is in the test of two folds."""
    for seed, times in _tests(run).items():
        yield from clips_found(times > 1, f"Clips in the test of several folds{_of(seed)}: {{}}.")


@rule("warning", "MiE-X's released folds of MMEW omit person 30; EquiME's code, short clips")
def never_tested(run: LintRun) -> Iterator[Found]:
    """Where every person is tested once, no clip of a tested dataset is left out."""
    if run.manifest.protocol not in ("loso", "k-fold"):
        return
    made = run.column("counterfactual_of").is_valid().to_numpy(zero_copy_only=False)
    learnt = run.rows.ever(TRAIN | VALIDATION)
    candidates = learnt & (run.people.donor < 0) & ~run.macro & ~made
    for seed, times in _tests(run).items():
        tested = times > 0
        left_out = candidates & ~tested & shared(run.datasets, tested)
        sentence = f"Clips of tested datasets that are never tested{_of(seed)}: {{}}."
        yield from clips_found(left_out, sentence)


@rule("error", "MEGC 2019 (68 people, 68 folds); MEB's CD6ME (one fold a dataset)")
def protocol_name(run: LintRun) -> Iterator[Found]:
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
        yield from without(run, "source_dataset")
    elif protocol == "lodo":
        yield from _one_each(run, run.datasets, "datasets")
        for fold in run.rows:
            tested = fold.has(TEST)
            kept = fold.has(TRAIN) & ~tested & shared(run.datasets, tested)
            sentence = "Clips of training of the dataset that is left out: {}."
            yield from clips_found(kept, sentence, fold)


def _one_each(run: LintRun, group: Codes, many: str) -> Iterator[Found]:
    """Whether each fold tests one of a group, and there are as many folds as groups."""
    folds: dict[int | None, list[set[int]]] = {}
    for fold in run.rows:
        folds.setdefault(fold.seed, []).append(set(group[fold.has(TEST)].tolist()))
    for seed, tested in folds.items():
        most, groups = max(map(len, tested)), len(set.union(*tested))
        if most > 1 or len(tested) != groups:
            yield Found(
                f"The protocol is called {run.manifest.protocol}, but {len(tested):,} folds test "
                f"{groups:,} {many}, up to {most:,} in one{_of(seed)}."
            )


def _tests(run: LintRun) -> dict[int | None, npt.NDArray[np.int64]]:
    """For each seed that folds were drawn for, how often every clip is tested."""
    times: dict[int | None, npt.NDArray[np.int64]] = {}
    for fold in run.rows:
        times.setdefault(fold.seed, np.zeros(len(fold.roles), np.int64))
        times[fold.seed] += fold.has(TEST)
    return times


def _of(seed: int | None) -> str:
    return "" if seed is None else f" of seed {seed}"
