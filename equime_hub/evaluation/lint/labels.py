"""Whether labels became the classes that their dataset means by them."""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.evaluation.lint.rule import Found, rule, unchecked
from equime_hub.evaluation.lint.run import LintRun, plain
from equime_hub.schema.taxonomy import EMOTION_TO_3, EMOTIONS_3

_MEGC = dict(enumerate(EMOTIONS_3))
_CK = ("anger", "contempt", "disgust", "fear", "happiness", "sadness", "surprise")
NUMBERED: dict[str, dict[str, str]] = {
    name: {str(number): meaning for number, meaning in meanings.items()}
    for name, meanings in {
        "miex": _MEGC,
        "megc2019": _MEGC,
        "ck+": dict(enumerate(_CK, 1)),
        "ckplus": dict(enumerate(_CK, 1)),
    }.items()
}
"""Dataset, as `plain` writes it → label → what it means."""


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
        numbers = NUMBERED.get(plain(dataset), {})
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
    emotion = NUMBERED.get(plain(dataset), {}).get(label, label.strip().lower())
    return [name for name in (emotion, EMOTION_TO_3.get(emotion)) if name in known]
