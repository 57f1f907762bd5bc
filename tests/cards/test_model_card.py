from __future__ import annotations

from dataclasses import replace

import pytest
from huggingface_hub import ModelCard, ModelCardData

from equime_hub.cards.model_card import BASELINES, OURS, ModelFacts, Score, TrainingData, render

FACTS = ModelFacts(
    name="A small one",
    license="cc-by-nc-sa-4.0",
    model_type="tiny-video",
    parameters=12_345,
    labels=("negative", "positive", "surprise"),
    training=(TrainingData("lab/equime", "cc-by-nc-sa-4.0", "v1.0.0", 4000, 80),),
    protocol="Leave one subject out over 28 subjects.",
    selection="The last of 30 epochs, whatever its scores.",
    scores=(
        Score(OURS, "samm", "all folds", 133, {"uf1": 0.25, "uar": 1 / 3}, "2018"),
        Score("constant", "samm", "all folds", 133, {"uf1": 0.2725, "uar": 1 / 3}),
        Score("chance", "samm", "all folds", 133, {"uf1": 0.26}),
    ),
    preprocessing={"frames": "16, evenly spaced", "size": "64 × 64"},
    limits=("It has seen drawn faces alone.",),
    usage="import transformers\n\nprint(transformers)",
)


def read(card: str) -> ModelCardData:
    data = ModelCard(card).data
    assert isinstance(data, ModelCardData)
    return data


def test_the_head_is_what_the_hub_reads() -> None:
    data = read(render(FACTS))
    assert data.library_name == "transformers"
    assert data.pipeline_tag == "video-classification"
    assert data.license == "cc-by-nc-sa-4.0"
    assert data.datasets == ["lab/equime"]
    assert data.metrics == ["uf1", "uar"]
    assert data.model_name == "A small one"
    assert data.eval_results
    told = {(r.metric_type, r.metric_value, r.dataset_revision) for r in data.eval_results}
    assert told == {("uf1", 0.25, "2018"), ("uar", 0.333333, "2018")}, "no baseline is ours"


def test_a_baseline_that_is_better_stands_above() -> None:
    card = render(FACTS)
    table = card[card.index("## Scores") : card.index("## Classes")]
    order = [line.split(" | ")[2] for line in table.splitlines() if line.startswith("| samm")]
    assert order == ["constant", "chance", f"**{OURS}**"]
    assert "| samm | all folds | chance | 133 | 0.2600 | – |" in table
    for baseline in BASELINES:
        assert f"`{baseline}`" in table


def test_everything_that_is_known_is_said() -> None:
    card = render(FACTS)
    for said in (
        "12,345 parameters",
        "| lab/equime | v1.0.0 | cc-by-nc-sa-4.0 | 4,000 | 80 |",
        "Leave one subject out",
        "whatever its scores",
        "| 2 | surprise |",
        "- frames: 16, evenly spaced",
        "- It has seen drawn faces alone.",
        "```python\nimport transformers\n\nprint(transformers)\n```",
        "random weights",
    ):
        assert said in card
    other = render(replace(FACTS, base_model="lab/base"))
    assert "started from the weights of lab/base" in other
    assert read(other).base_model == "lab/base"


def test_what_is_not_known_has_no_heading() -> None:
    card = render(replace(FACTS, scores=(), training=(), preprocessing={}, limits=(), usage=""))
    for absent in ("## Scores", "## Training data", "## Preprocessing", "## Limits", "```"):
        assert absent not in card
    assert read(card).eval_results is None
    assert "## Protocol" in card


def test_scores_without_a_baseline_are_refused() -> None:
    with pytest.raises(ValueError, match="scores on all folds of samm need one of constant"):
        replace(FACTS, scores=FACTS.scores[:1])
    elsewhere = replace(FACTS.scores[1], dataset="casme2")
    with pytest.raises(ValueError, match="of samm need"):
        replace(FACTS, scores=(FACTS.scores[0], elsewhere))


def test_a_classifier_without_classes_is_refused() -> None:
    with pytest.raises(ValueError, match="got none"):
        replace(FACTS, labels=())
