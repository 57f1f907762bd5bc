"""What a clip that is learnt from knows of those that are held out.

Each such clip counts under one reason, the nearest one: the clip itself, its counterfactual, the
person (in a macro-expression, or not), the source image, the donor of its action units.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import numpy as np

from equime_hub.evaluation.lint.rule import Found, rule, unchecked, without
from equime_hub.evaluation.lint.run import LintRun, plain, shared
from equime_hub.evaluation.rows import PRETRAIN, TEST, TRAIN, VALIDATION, FoldRoles, Mask

Reason = Literal["clip", "counterfactual", "macro", "person", "image", "donor"]

_EQUIME = "EquiME's released training code"
_HSTA = "HSTA's published folds of CAS(ME)³"


@rule("error", f"MEGC 2019 (leave one person out); broken by {_EQUIME}, {_HSTA}")
def shared_people(run: LintRun) -> Iterator[Found]:
    """Nobody is both in training and in the test of a fold."""
    sentence = "People of the test who are also in training: {people}."
    yield from _leaks(run, {"person"}, TRAIN, TEST, sentence)


@rule("error", "EquiME's 15,000 subjects are images, of some 4,700 people of CelebA-HQ")
def shared_images(run: LintRun) -> Iterator[Found]:
    """No source image is in training and in the test of a fold, under whatever person's name."""
    sentence = "Clips of training from a source image of the test: {clips:,}."
    yield from without(run, "source_image", "source_sha256")
    yield from _leaks(run, {"image"}, TRAIN, TEST, sentence)


@rule("error", "the rule of `equime audit`: a counterfactual differs by one intervention only")
def counterfactuals(run: LintRun) -> Iterator[Found]:
    """No clip of the test has its original or a counterfactual where it is learnt from."""
    sentence = "Clips learnt from whose original or counterfactual is tested: {clips:,}."
    yield from without(run, "counterfactual_of")
    yield from _leaks(run, {"counterfactual"}, TRAIN | VALIDATION, TEST, sentence)


@rule("error", f"{_HSTA}: their files use_macro_exp_train_fold_*")
def macro_clips(run: LintRun) -> Iterator[Found]:
    """Training holds no macro-expressions of people of the test."""
    sentence = "People of the test whose macro-expressions are in training: {people}."
    yield from _leaks(run, {"macro"}, TRAIN, TEST, sentence)


@rule("error", "MiE-X, section 5.1")
def donors(run: LintRun) -> Iterator[Found]:
    """No action units of people of the test are learnt from, whoever shows them."""
    sentence = (
        "Clips learnt from with action units of people of the test: {clips:,} (donors: "
        "{donors:,}). `equime_hub.splits.folds.drop_donors` takes such clips out."
    )
    yield from without(run, "au_source_subject")
    yield from _leaks(run, {"donor"}, TRAIN | VALIDATION | PRETRAIN, TEST, sentence)


@rule("error", f"{_EQUIME}: early stopping on one half of SAMM, test on the other half")
def validation_in_test(run: LintRun) -> Iterator[Found]:
    """Nobody, and no source image, is both in validation and in the test of a fold."""
    sentence = "Clips of validation with people or images of the test: {clips:,}."
    yield from _leaks(run, {"macro", "person", "image"}, VALIDATION, TEST, sentence)


@rule("warning", "CCAC 2024 on DFME: a fifth of training, by person, is for validation")
def validation_in_train(run: LintRun) -> Iterator[Found]:
    """Nobody, and no source image, is both in training and in validation of a fold."""
    sentence = "Clips of training with people or images of validation: {clips:,}."
    wanted: set[Reason] = {"counterfactual", "macro", "person", "image"}
    yield from _leaks(run, wanted, TRAIN, VALIDATION, sentence)


@rule("error", "Kapoor & Narayanan 2023, leakage L3.2; self-supervision on all of CAS(ME)³")
def pretraining(run: LintRun) -> Iterator[Found]:
    """The weights were pretrained on no clip, person or source image of the test."""
    sentence = "Clips of pretraining with people or images of the test: {clips:,}."
    wanted: set[Reason] = {"clip", "counterfactual", "macro", "person", "image"}
    yield from _leaks(run, wanted, PRETRAIN, TEST, sentence)
    declared = run.manifest.pretraining
    tested, pretrained = (_datasets(run, role) for role in (TEST, PRETRAIN))
    if declared is None and not pretrained:
        yield unchecked("run.json does not say pretraining.")
    # Of datasets with rows of pretraining, the rows have told already.
    undetailed = set(map(plain, declared or ())) - set(map(plain, pretrained))
    for name in sorted(tested.union(run.manifest.test_sets or ())):
        if plain(name) in undetailed:
            yield Found(
                f"The weights were pretrained on {name}, which is tested, and no rows with the "
                "role pretrain say that the people of the test were left out."
            )


def _leaks(
    run: LintRun, wanted: set[Reason], seen: int, held: int, sentence: str
) -> Iterator[Found]:
    """Folds with clips of a role of `seen` that know one of `held` for a wanted reason.

    In the sentence {clips}, {people} and {donors} stand for how many.
    """
    for fold in run.rows:
        if not (fold.has(seen).any() and fold.has(held).any()):
            continue
        found = np.zeros(len(fold.roles), bool)
        for reason, those in _reasons(run, fold, seen, held):
            if reason in wanted:
                found |= those
        if found.any():
            clips, who = np.flatnonzero(found), run.people
            shown, tested = (len(np.unique(who.person[of])) for of in (clips, fold.has(TEST)))
            words = sentence.format(
                clips=len(clips),
                people=f"{shown:,} of {tested:,} (clips: {len(clips):,})",
                donors=len(np.unique(who.donor[clips])),
            )
            yield Found(words, fold.title, clips)


def _reasons(run: LintRun, fold: FoldRoles, seen: int, held: int) -> Iterator[tuple[Reason, Mask]]:
    """Clips with a role of `seen` that know one with a role of `held`, by the nearest reason."""
    tested = fold.has(held)
    people = run.people.of(tested)
    name, content = run.images
    same_person = people[run.people.person]
    by_reason: tuple[tuple[Reason, Mask], ...] = (
        ("clip", tested),
        ("counterfactual", shared(run.families, tested)),
        ("macro", same_person & run.macro),
        ("person", same_person),
        ("image", shared(name, tested) | shared(content, tested)),
        ("donor", np.append(people, False)[run.people.donor]),
    )
    rest = fold.has(seen)
    # Whoever is counted under one reason is not counted again under the next.
    for reason, clips in by_reason:
        yield reason, rest & clips
        rest &= ~clips


def _datasets(run: LintRun, role: int) -> set[str]:
    """Datasets of the clips that have a role in any fold."""
    found = run.rows.ever(role)
    return set(run.column("source_dataset").filter(found).unique().drop_null().to_pylist())
