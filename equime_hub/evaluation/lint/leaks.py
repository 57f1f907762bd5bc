"""What a clip that is learnt from knows of those that are held out.

Each such clip counts under one reason, the nearest one: the clip itself, its counterfactual, the
person (in a macro-expression, or not), the source image, the donor of its action units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from equime_hub.evaluation.lint.finding import Found, Numbers, rule, unchecked
from equime_hub.evaluation.lint.run import Run, shared
from equime_hub.evaluation.rows import PRETRAIN, TEST, TRAIN, VALIDATION, Fold, Mask

Reason = Literal["clip", "counterfactual", "macro", "person", "image", "donor"]

_EQUIME = "EquiME's released training code"
_HSTA = "HSTA's published folds of CAS(ME)³"


def reasons(run: Run, fold: Fold, seen: int, held: int) -> Iterator[tuple[Reason, Mask]]:
    """Clips with a role of `seen` that know one with a role of `held`, by reason."""
    tested = fold.has(held)
    rest = fold.has(seen)
    yield "clip", rest & tested
    rest &= ~tested
    found = rest & shared(run.families, tested)
    yield "counterfactual", found
    rest &= ~found
    people = run.people.of(tested)
    found = rest & people[run.people.person]
    yield "macro", found & run.macro
    yield "person", found & ~run.macro
    rest &= ~found
    name, content = run.images
    found = rest & (shared(name, tested) | shared(content, tested))
    yield "image", found
    yield "donor", rest & ~found & np.append(people, False)[run.people.donor]


def leaking(run: Run, wanted: set[Reason], seen: int, held: int) -> Iterator[tuple[Fold, Numbers]]:
    """Folds with clips that know something for a wanted reason, and these clips."""
    for fold in run.rows:
        if not (fold.has(seen).any() and fold.has(held).any()):
            continue
        found = np.zeros(len(fold.roles), bool)
        for reason, clips in reasons(run, fold, seen, held):
            if reason in wanted:
                found |= clips
        if found.any():
            yield fold, np.flatnonzero(found)


@rule("error", f"MEGC 2019 (leave one person out); broken by {_EQUIME}, {_HSTA}")
def shared_people(run: Run) -> Iterator[Found]:
    """Nobody is both in training and in the test of a fold."""
    for fold, clips in leaking(run, {"person"}, TRAIN, TEST):
        sentence = f"People of the test who are also in training: {_people(run, fold, clips)}."
        yield Found(sentence, fold.title, clips)


@rule("error", f"{_HSTA}: their files use_macro_exp_train_fold_*")
def macro_clips(run: Run) -> Iterator[Found]:
    """Training holds no macro-expressions of people of the test."""
    for fold, clips in leaking(run, {"macro"}, TRAIN, TEST):
        who = _people(run, fold, clips)
        sentence = f"People of the test whose macro-expressions are in training: {who}."
        yield Found(sentence, fold.title, clips)


@rule("error", "EquiME's 15,000 subjects are images, of some 4,700 people of CelebA-HQ")
def shared_images(run: Run) -> Iterator[Found]:
    """No source image is in training and in the test of a fold, under whatever person's name."""
    yield from _without(run, "source_image", "source_sha256")
    for fold, clips in leaking(run, {"image"}, TRAIN, TEST):
        sentence = f"Clips of training from a source image of the test: {len(clips):,}."
        yield Found(sentence, fold.title, clips)


@rule("error", "the rule of `equime audit`: a counterfactual differs by one intervention only")
def counterfactuals(run: Run) -> Iterator[Found]:
    """No clip of the test has its original or a counterfactual where it is learnt from."""
    yield from _without(run, "counterfactual_of")
    for fold, clips in leaking(run, {"counterfactual"}, TRAIN | VALIDATION, TEST):
        sentence = f"Clips learnt from whose original or counterfactual is tested: {len(clips):,}."
        yield Found(sentence, fold.title, clips)


@rule("error", "MiE-X, section 5.1")
def donors(run: Run) -> Iterator[Found]:
    """No action units of people of the test are learnt from, whoever shows them."""
    yield from _without(run, "au_source_subject")
    for fold, clips in leaking(run, {"donor"}, TRAIN | VALIDATION | PRETRAIN, TEST):
        who = len(np.unique(run.people.donor[clips]))
        sentence = (
            f"Clips learnt from with action units of people of the test: {len(clips):,} "
            f"(donors: {who:,}). `equime_hub.splits.folds.drop_donors` takes such clips out."
        )
        yield Found(sentence, fold.title, clips)


@rule("error", f"{_EQUIME}: early stopping on one half of SAMM, test on the other half")
def validation_in_test(run: Run) -> Iterator[Found]:
    """Nobody, and no source image, is both in validation and in the test of a fold."""
    for fold, clips in leaking(run, {"macro", "person", "image"}, VALIDATION, TEST):
        sentence = f"Clips of validation with people or images of the test: {len(clips):,}."
        yield Found(sentence, fold.title, clips)


@rule("warning", "CCAC 2024 on DFME: a fifth of training, by person, is for validation")
def validation_in_train(run: Run) -> Iterator[Found]:
    """Nobody, and no source image, is both in training and in validation of a fold."""
    wanted: set[Reason] = {"counterfactual", "macro", "person", "image"}
    for fold, clips in leaking(run, wanted, TRAIN, VALIDATION):
        sentence = f"Clips of training with people or images of validation: {len(clips):,}."
        yield Found(sentence, fold.title, clips)


def _without(run: Run, *columns: str) -> Iterator[Found]:
    if not run.knows(*columns):
        yield unchecked(f"The rows have no column {' or '.join(columns)}.")


def _people(run: Run, fold: Fold, clips: Numbers) -> str:
    shown, tested = (np.unique(run.people.person[which]) for which in (clips, fold.has(TEST)))
    return f"{len(shown):,} of {len(tested):,} (clips: {len(clips):,})"
