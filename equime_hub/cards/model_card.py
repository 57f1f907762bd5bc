"""The card of a trained classifier: README.md of its repository."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from equime_hub.cards.text import fill, listed
from equime_hub.tables import compact, counted

NAME = "README.md"
OURS = "this model"
"""Predictor of the scores that are the model's own."""
BASELINES = ("constant", "prior", "chance")
"""Predictors that look at no clip: always the most frequent class, classes drawn as often as they
occur, classes drawn evenly."""


@dataclass(frozen=True)
class TrainingData:
    """Data that a model was trained on.

    Attributes:
        name: Of the dataset, on the Hub "ORG/NAME".
        licence: Of the dataset.
        revision: Tag or commit, or the fingerprint of a local one; None if it has none.
        clips: Clips that were used.
        people: Different people in them.
    """

    name: str
    licence: str
    revision: str | None
    clips: int
    people: int


@dataclass(frozen=True)
class Score:
    """Scores of one predictor on one test set.

    Attributes:
        predictor: `OURS`, one of `BASELINES`, or the name of another model.
        dataset: What it was tested on.
        split: Which part of it, or which folds.
        clips: How many.
        values: Metric, such as "uf1" → score.
        revision: Of the dataset.
    """

    predictor: str
    dataset: str
    split: str
    clips: int
    values: Mapping[str, float]
    revision: str | None = None


@dataclass(frozen=True)
class ModelFacts:
    """All that a model card says.

    Attributes:
        name: Of the model.
        license: As an identifier the Hub knows.
        model_type: Of its Transformers configuration.
        parameters: How many can be trained.
        labels: Classes, in the order of the outputs.
        training: What it was trained on.
        protocol: How people were parted into training and test, one sentence or more.
        selection: How the epoch and the settings were chosen, and on which data.
        scores: On every test set the model's own, and at least one of `BASELINES`.
        preprocessing: Step or setting → value, such as "frames" → "16, evenly spaced".
        limits: What it cannot do, one sentence each.
        base_model: Repository of the weights that it started from; None if from none.
        started: Sentence about weights that it started from and that are in no repository.
        usage: Python code that loads it; empty says nothing.

    Raises:
        ValueError: No labels, or scores of the model beside which no baseline stands.
    """

    name: str
    license: str
    model_type: str
    parameters: int
    labels: tuple[str, ...]
    training: tuple[TrainingData, ...]
    protocol: str
    selection: str
    scores: tuple[Score, ...]
    preprocessing: Mapping[str, str]
    limits: tuple[str, ...]
    base_model: str | None = None
    started: str = ""
    usage: str = ""

    def __post_init__(self) -> None:
        if not self.labels:
            raise ValueError("a classifier has labels; got none")
        judged = {(s.dataset, s.split) for s in self.scores if s.predictor in BASELINES}
        for score in self.scores:
            if score.predictor == OURS and (score.dataset, score.split) not in judged:
                raise ValueError(
                    f"scores on {score.split} of {score.dataset} need one of "
                    f"{', '.join(BASELINES)} beside them"
                )


def render(facts: ModelFacts) -> str:
    """The card as text. Nothing in it depends on when or where it is written."""
    return fill(
        "model_card",
        {
            "head": _head(facts),
            "name": facts.name,
            "model_type": facts.model_type,
            "parameters": counted(facts.parameters, "parameter", "parameters"),
            "classes": counted(len(facts.labels), "class", "classes"),
            "started": f"It started from the weights of {facts.base_model}."
            if facts.base_model
            else facts.started or "It was trained from random weights.",
            "usage": facts.usage.strip(),
            "training": _training(facts),
            "protocol": facts.protocol,
            "selection": facts.selection,
            "scores": _scores(facts),
            "labels": compact(
                ("output", "class"),
                ((str(index), label) for index, label in enumerate(facts.labels)),
                left=2,
            ),
            "preprocessing": listed(
                f"{name}: {what}" for name, what in facts.preprocessing.items()
            ),
            "limits": listed(facts.limits),
            "license": facts.license,
        },
    )


def _head(facts: ModelFacts) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    own = [score for score in facts.scores if score.predictor == OURS]
    results = [
        EvalResult(
            task_type="video-classification",
            dataset_type=score.dataset,
            dataset_name=score.dataset,
            dataset_split=score.split,
            dataset_revision=score.revision,
            metric_type=metric,
            metric_value=round(value, 6),
        )
        for score in own
        for metric, value in score.values.items()
    ]
    data = ModelCardData(
        license=facts.license,
        library_name="transformers",
        pipeline_tag="video-classification",
        tags=["micro-expressions", "emotion-recognition"],
        base_model=facts.base_model,
        datasets=[data.name for data in facts.training],
        metrics=list(dict.fromkeys(metric for score in own for metric in score.values)) or None,
        model_name=facts.name,
        eval_results=results or None,
    )
    text: str = data.to_yaml()
    return text.rstrip()


def _training(facts: ModelFacts) -> str:
    rows = [
        (data.name, data.revision or "–", data.licence, f"{data.clips:,}", f"{data.people:,}")
        for data in facts.training
    ]
    header = ("dataset", "revision", "licence", "clips", "people")
    return compact(header, rows, left=3) if rows else ""


def _scores(facts: ModelFacts) -> str:
    """Best first in each test set, so that a baseline above the model is seen."""
    if not facts.scores:
        return ""
    metrics = list(dict.fromkeys(metric for score in facts.scores for metric in score.values))
    places = list(dict.fromkeys((score.dataset, score.split) for score in facts.scores))
    ordered = sorted(
        facts.scores,
        key=lambda s: (places.index((s.dataset, s.split)), -s.values.get(metrics[0], -1.0)),
    )
    rows = []
    for score in ordered:
        who = f"**{OURS}**" if score.predictor == OURS else score.predictor
        values = (
            f"{score.values[metric]:.4f}" if metric in score.values else "–" for metric in metrics
        )
        rows.append((score.dataset, score.split, who, f"{score.clips:,}", *values))
    return compact(("dataset", "split", "predictor", "clips", *metrics), rows, left=3)
