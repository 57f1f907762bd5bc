"""What a run says of itself in its manifest, or leaves out."""

from __future__ import annotations

import functools
from collections.abc import Iterator

from equime_hub.evaluation import selection as selections
from equime_hub.evaluation.lint.rule import Found, rule, unchecked
from equime_hub.evaluation.lint.run import LintRun, plain
from equime_hub.evaluation.rows import VALIDATION
from equime_hub.loading_script.real.dataset import declared as declared_datasets
from equime_hub.schema.taxonomy import EMOTION_TO_3


@rule("error", "MEB, Table 3: test F1 rises by 6 to 14 points; MMNet's, HTNet's, SKD-TSTSAN's code")
def selection(run: LintRun) -> Iterator[Found]:
    """The test does not choose the epoch or the settings it is reported for."""
    name = run.manifest.selection
    if name is None:
        yield unchecked("run.json does not say selection.")
    elif selections.is_leaky(name):
        yield Found(f"The selection is {name!r}: the test chose what it is reported for.")
    elif name == selections.INNER_VALIDATION:
        if without := [fold.title for fold in run.rows if not fold.has(VALIDATION).any()]:
            yield unchecked(
                f"The selection is {name!r}, but {len(without):,} of {len(run.rows):,} folds have "
                f"no rows of validation, such as {without[0]}."
            )
    elif name != selections.LAST:
        yield unchecked(
            f"The selection {name!r} is not known; known are {', '.join(selections.RULES)}."
        )


@rule("error", "Kapoor & Narayanan 2023, leakage L1.2 (preprocessing on training and test)")
def normalisation(run: LintRun) -> Iterator[Found]:
    """Means, deviations and the like are fitted on training alone."""
    sentence = "Normalisation was fitted on all clips, those of the test included."
    yield from _unless(run, "normalisation", "all", sentence)


@rule("error", "Vandewiele et al. 2021: oversampling before the split makes scores near perfect")
def oversampling(run: LintRun) -> Iterator[Found]:
    """Rare classes are repeated inside the training part of each fold."""
    sentence = "Classes were oversampled before the split, so copies of a test may be learnt from."
    yield from _unless(run, "oversampling", "before-split", sentence)


@rule("error", "Kapoor & Narayanan 2023, leakage L1.4 (duplicates)")
def augmentation(run: LintRun) -> Iterator[Found]:
    """Altered copies of clips are made inside the training part of each fold."""
    sentence = "Clips were augmented before the split, so copies of a test may be learnt from."
    yield from _unless(run, "augmentation", "before-split", sentence)


@rule("error", "EquiME's released training code: 23 % of what it sees of SAMM is zeros")
def zero_padding(run: LintRun) -> Iterator[Found]:
    """No model takes padding for pictures."""
    sentence = (
        "Short clips were filled up with zeros, so their length is learnt along with their face."
    )
    yield from _unless(run, "padding", "zero", sentence)


@rule("error", "MEB, Figure 2: F1 of the same predictions is 66.6 averaged, 73.9 pooled")
def fold_averaging(run: LintRun) -> Iterator[Found]:
    """Scores come from the counts of all folds together."""
    sentence = "The score is the mean of the scores of the folds; most folds lack some class."
    yield from _unless(run, "aggregation", "fold-averaged", sentence)


@rule("warning", "MiE-X: the mean of 3 runs; He et al., supplement: of 30 seeds")
def one_seed(run: LintRun) -> Iterator[Found]:
    """Training is repeated with several seeds."""
    seeds = set(run.manifest.seeds or ())
    if not seeds and run.log is not None:
        seeds = set(run.log.table["seed"].unique().to_pylist())
    if not seeds:
        yield unchecked("run.json does not say seeds, and there are no predictions.")
    elif len(seeds) == 1:
        yield Found(f"All predictions are of one seed, {seeds.pop()}: nobody knows the deviation.")


def _unless(run: LintRun, field: str, bad: str, sentence: str) -> Iterator[Found]:
    """What is to be said if a field of the manifest, or of its preprocessing, has a bad value."""
    value = {**vars(run.manifest), **vars(run.manifest.preprocessing)}[field]
    if value is None:
        yield unchecked(f"run.json does not say {field}.")
    elif value == bad:
        yield Found(sentence)


@functools.cache
def numbered() -> dict[str, dict[str, str]]:
    """Dataset, as `plain` writes it → label, a number → what it means."""
    return {
        plain(name): {str(number): meaning for number, meaning in dataset.numbers.items()}
        for dataset in declared_datasets()
        for name in (dataset.name, dataset.title)
    }


@rule(
    "error",
    "EquiME's released training code swaps 0 and 1 of MiE-X; MiE-X's reads sadness of CK+ as "
    "positive",
)
def label_map(run: LintRun) -> Iterator[Found]:
    """Every label means what its dataset means by it: 0 of MiE-X is negative, 1 positive."""
    declared, classes = run.manifest.label_map, run.manifest.classes
    if declared is None:
        yield unchecked("run.json does not say label_map.")
    known = set(classes or ())
    for dataset, labels in (declared or {}).items():
        known_here = known or {name for name in labels.values() if name is not None}
        wrong = [
            f"{label} as {name} instead of {meant[0]}"
            for label, name in labels.items()
            if (meant := _meanings(dataset, label, known_here)) and name not in (None, *meant)
        ]
        if wrong:
            yield Found(f"Labels of {dataset} are misread: {', '.join(wrong)}.")
    if classes is not None:
        yield from _by_order(run, classes)


def _by_order(run: LintRun, classes: tuple[str, ...]) -> Iterator[Found]:
    """Numbered datasets without a label map, whose numbers may have been taken for classes."""
    manifest = run.manifest
    mapped = {plain(name) for name in manifest.label_map or {}}
    for dataset in sorted({*(manifest.train_sets or ()), *(manifest.test_sets or ())}):
        numbers = numbered().get(plain(dataset), {})
        if plain(dataset) in mapped or set(numbers.values()) != set(classes):
            continue
        if list(numbers.values()) != list(classes):
            yield Found(
                f"The classes are in the order {', '.join(classes)}, and {dataset} numbers them "
                f"{', '.join(numbers.values())}; say in label_map how its numbers were read.",
                severity="warning",
            )


def _meanings(dataset: str, label: str, known: set[str]) -> list[str]:
    """Classes that a label may have become; none if that cannot be told."""
    emotion = numbered().get(plain(dataset), {}).get(label, label.strip().lower())
    return [name for name in (emotion, EMOTION_TO_3.get(emotion)) if name in known]
