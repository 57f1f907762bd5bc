from __future__ import annotations

from typing import Any

import pytest

from equime_hub import configs
from equime_hub.errors import EquimeError, PlanError
from equime_hub.training.fit import recipes
from equime_hub.training.fit.recipes import PRESETS, TrainConfig


def test_recipes_are_those_of_their_papers() -> None:
    paper = PRESETS["equime-paper"]
    assert (paper.optimizer, paper.learning_rate, paper.batch_size) == ("adam", 1e-4, 16)
    assert (paper.epochs, paper.patience, paper.schedule) == (100, 15, "plateau")
    assert (PRESETS["he"].model, PRESETS["he"].learning_rate) == ("evolution", 0.005)
    mie_x = PRESETS["mie-x"]
    assert (mie_x.weight_decay, mie_x.clip, mie_x.batch_size) == (5e-4, 1.0, 32)
    net = PRESETS["ststnet"]
    assert (net.learning_rate, net.batch_size, net.epochs) == (5e-5, 256, 800)
    assert net.selection == "last"


def test_options_of_a_recipe_belong_to_its_model() -> None:
    same = recipes.preset("small-cpu", model_options={"num_frames": 4})
    assert same.model_options["num_frames"] == 4 and same.model_options["layout"] == "conv3d"
    assert recipes.preset("small-cpu", model="apexme").model_options == {}
    assert recipes.preset("small-cpu", init="folder").input_options == {}


@pytest.mark.parametrize("name", PRESETS)
def test_json_and_back(name: str) -> None:
    config = recipes.preset(name, data=("equime",), classes=("anger", "fear"), seeds=(0, 7))
    assert configs.from_json(TrainConfig, configs.to_json(config)) == config


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"epochs": 0}, "epochs is 0"),
        ({"learning_rate": float("nan")}, "learning_rate is nan"),
        ({"weight_decay": -1.0}, "weight_decay is -1"),
        ({"optimizer": "lion"}, "no optimizer 'lion'. Choose one of: adam, adamw, sgd"),
        ({"selection": "best"}, "no selection 'best'"),
        ({"seeds": (1, 1)}, r"seeds are \(1, 1\)"),
        ({"seeds": ()}, "give different ones"),
        ({"folds": 1}, "folds is 1"),
    ],
)
def test_values_that_cannot_be(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        TrainConfig(**changes)


def test_best_on_test_must_be_called_leaky() -> None:
    with pytest.raises(EquimeError, match="say leaky"):
        TrainConfig(selection="best-on-test")
    assert TrainConfig(selection="best-on-test", leaky=True).leaky


def test_unknown_recipes_and_fields() -> None:
    with pytest.raises(PlanError, match=r"no recipe 'fast'\. Choose one of: default"):
        recipes.preset("fast")
    with pytest.raises(PlanError, match="A recipe has no speed"):
        recipes.preset("default", speed=3)
