"""An evaluation as tables of words, and as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import Any

from equime_hub.evaluation.evaluate import Evaluation, PartScores
from equime_hub.metrics.report import NAMES, Row
from equime_hub.metrics.scores import Label
from equime_hub.tables import Table, fixed

HEADS = {
    "uf1": "UF1",
    "uar": "UAR",
    "accuracy": "accuracy",
    "weighted_f1": "weighted F1",
    "macro_f1": "macro F1",
}
"""Score → its name in a table's head."""


def marked(title: str, leaky: bool) -> str:
    """A title that says so if the test had a say in what was selected."""
    return f"{title} (leaky: selected on the test)" if leaky else title


def baseline_rows(
    baselines: dict[str, Row], constant_class: Label | None, scores: Iterable[str] = NAMES
) -> Iterator[tuple[str, ...]]:
    """Name and scores of each predictor that looks at no clip."""
    for name, row in baselines.items():
        label = f"always {constant_class}" if name == "constant" else name
        yield label, *(fixed(getattr(row, score)) for score in scores)


def interval_json(level: float | None, draws: int) -> dict[str, Any] | None:
    """How intervals were made; None without."""
    return None if level is None else {"level": level, "draws": draws, "resampled": "subjects"}


def tables(found: Evaluation) -> list[Table]:
    """All tables, the scores first."""
    listed = [_scores(found)]
    if found.fold_averaged is not None:
        listed.append(_fold_averaged(found))
    if len(found.seeds) > 1:
        listed += [_by_seed(found, part) for part in found.parts]
    for part in found.parts:
        listed += [_classes(part), _confusion(part)]
    return listed


def as_json(found: Evaluation) -> dict[str, Any]:
    """The evaluation for programs; null where a number is not known or not defined."""
    return {
        "protocol": found.protocol,
        "selection": found.selection,
        "leaky": found.leaky,
        "aggregation": "pooled",
        "classes": found.classes,
        "seeds": found.seeds,
        "interval": interval_json(found.level, found.draws),
        "unlikely_predictions": found.unlikely,
        "parts": [_plain(part) for part in found.parts],
        "fold_averaged": None
        if found.fold_averaged is None
        else [{"aggregation": "fold-averaged", **asdict(each)} for each in found.fold_averaged],
    }


def _plain(part: PartScores) -> dict[str, Any]:
    plain = asdict(part)
    report = plain.pop("report")
    del report["model"], report["labels"]
    return {**plain, **report, "constant_seeds": part.constant_seeds}


def _scores(found: Evaluation) -> Table:
    rows = []
    size = len(found.classes)
    for part in found.parts:
        predicted = sorted(set(part.classes_predicted.values()))
        said = str(predicted[0]) if len(predicted) == 1 else f"{predicted[0]} to {predicted[-1]}"
        scores = (str(part.scores[name]) for name in NAMES)
        counts = (f"{part.clips:,}", f"{part.subjects:,}")
        rows.append((part.name, *counts, *scores, f"{said} of {size}"))
        known = sum(row.references > 0 for row in part.report.classes)
        guesses = _baselines(part, part.report.baselines)
        for (name, *cells), spoken in zip(guesses, (1, known, size), strict=True):
            rows.append((name, "", "", *cells, f"{spoken} of {size}"))
    header = ("", "clips", "people", *HEADS.values(), "classes predicted")
    pooled = any(part.folds > 1 for part in found.parts)
    title = "Pooled scores" if pooled else "Scores"
    return Table(marked(title, found.leaky), header, tuple(rows), tuple(_notes(found)))


def _baselines(part: PartScores, baselines: dict[str, Row]) -> Iterator[tuple[str, ...]]:
    for name, *cells in baseline_rows(baselines, part.report.constant_class):
        yield f"{part.name}: {name}", *cells


def _notes(found: Evaluation) -> Iterator[str]:
    how = "; ".join(
        f"{what}: {value}" if value else f"{what}: not stated"
        for what, value in (("Protocol", found.protocol), ("selection", found.selection))
    )
    yield f"{how}."
    if found.leaky:
        yield "The selection is leaky: the test chose what is reported on it."
    if any(part.folds > 1 for part in found.parts):
        yield "Counts are summed over folds before any score is computed."
    seeds = f"mean ± sample standard deviation over {len(found.seeds)} seeds"
    interval = f"{100 * (found.level or 0):g} % bootstrap intervals over people"
    intervals = any(part.scores["uf1"].low is not None for part in found.parts)
    if len(found.seeds) > 1:
        yield f"Cells: {seeds}{f', [{interval}]' if intervals else ''}."
    elif intervals:
        yield f"Cells: score [{interval}]."
    for part in found.parts:
        constant = part.report.constant_prediction
        if constant is not None:
            yield f"{part.name}: a constant predictor, it always says {constant!r}."
        elif part.constant_seeds:
            named = ", ".join(map(str, part.constant_seeds))
            yield f"{part.name}: a constant predictor with the seeds {named}."
        absent = [c.label for c in part.report.classes if not c.references and not c.predictions]
        if absent:
            yield (
                f"{part.name}: {', '.join(map(str, absent))} has neither references nor "
                "predictions; UF1 counts it with F1 = 0, macro F1 leaves it out."
            )
        if part.report.mean_confidence is not None:
            rest = part.clips * len(found.seeds) - part.probable
            yield (
                f"{part.name}: mean confidence {fixed(part.report.mean_confidence)}, expected "
                f"calibration error {fixed(part.report.expected_calibration_error)}"
                + (f"; {rest:,} predictions have no probabilities." if rest else ".")
            )
    if found.unlikely:
        yield f"{found.unlikely:,} predictions are not the class of their largest probability."


def _fold_averaged(found: Evaluation) -> Table:
    assert found.fold_averaged is not None
    rows: list[tuple[str, ...]] = []
    for part, each in zip(found.parts, found.fold_averaged, strict=True):
        folds = f"{each.folds:,}"
        rows.append((each.name, folds, *(str(each.scores[name]) for name in NAMES)))
        rows += [(name, folds, *cells) for name, *cells in _baselines(part, each.baselines)]
    return Table(
        marked("Fold-averaged scores, not comparable with pooled ones", found.leaky),
        ("fold-averaged", "folds", *HEADS.values()),
        tuple(rows),
        ("Each fold is scored over the classes that occur in it, and the scores are averaged.",),
    )


def _by_seed(found: Evaluation, part: PartScores) -> Table:
    rows = tuple(
        (str(seed), *(fixed(getattr(row, name)) for name in NAMES),
         f"{part.classes_predicted[seed]} of {len(found.classes)}")
        for seed, row in part.by_seed.items()
    )  # fmt: skip
    header = ("seed", *HEADS.values(), "classes predicted")
    return Table(marked(f"Scores by seed: {part.name}", found.leaky), header, rows)


def _classes(part: PartScores) -> Table:
    rows = tuple(
        (str(row.label), f"{row.references:,}", f"{row.predictions:,}",
         *map(fixed, (row.precision, row.recall, row.f1)))
        for row in part.report.classes
    )  # fmt: skip
    header = ("class", "references", "predictions", "precision", "recall", "F1")
    return Table(_summed(f"Classes: {part.name}", part), header, rows)


def _confusion(part: PartScores) -> Table:
    labels = tuple(map(str, part.report.labels))
    rows = tuple(
        (label, *(f"{count:,}" for count in line))
        for label, line in zip(labels, part.report.confusion, strict=True)
    )
    title = _summed(f"Confusion: {part.name}", part)
    return Table(title, ("reference \\ prediction", *labels), rows)


def _summed(title: str, part: PartScores) -> str:
    seeds = len(part.by_seed)
    return f"{title} (counts of {seeds} seeds together)" if seeds > 1 else title
