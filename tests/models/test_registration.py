"""Whatever is imported first, Transformers knows all models, those of other packages too."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from equime_hub.errors import EquimeError, ModelError
from equime_hub.models import CONFIGURATIONS, MODELS
from equime_hub.models.registration import install
from tests.support import toy_model as toy

_CHECK = """
from transformers import AutoConfig, AutoModelForVideoClassification
from transformers.models.auto.video_processing_auto import VIDEO_PROCESSOR_MAPPING
from equime_hub.models import MODELS, configuration_of
for name in MODELS.names():
    config = configuration_of(name)
    assert MODELS.get(name).config_class is config, name
    assert type(AutoConfig.for_model(config.model_type)) is config, name
    assert AutoModelForVideoClassification._model_mapping[config] is MODELS.get(name), name
    assert "MicroExpressionVideoProcessor" in str(VIDEO_PROCESSOR_MAPPING[config]), name
print(*MODELS.names())
"""
ROOT = Path(__file__).parents[2]


def run(code: str, *paths: Path) -> str:
    """What a process of its own prints that finds packages in `paths` too."""
    where = os.pathsep.join(map(str, (ROOT, *paths)))
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": where},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_model_has_a_configuration() -> None:
    assert MODELS.names() == CONFIGURATIONS.names()


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(
            "import equime_hub; from transformers import PreTrainedModel", marks=pytest.mark.slow
        ),
        "import equime_hub.models.evolution.modeling_evolution",
    ],
)
def test_any_order_of_imports_will_do(first: str) -> None:
    assert run(f"{first}\n{_CHECK}").split() == MODELS.names()


def test_another_package_adds_a_model(tmp_path: Path) -> None:
    """And Transformers is imported before us."""
    toy.install(tmp_path, "toy", model="ToyForVideoClassification", configuration="ToyConfig")
    first = "from transformers import AutoModelForVideoClassification; import equime_hub"
    again = """
model = MODELS.get("toy")(configuration_of("toy")())
model.save_pretrained("toy")
print(type(AutoModelForVideoClassification.from_pretrained("toy")).__name__)
"""
    *names, loaded = run(f"{first}\n{_CHECK}\n{again}", tmp_path).split()
    assert names == [*MODELS.names(), "toy"]
    assert loaded == "ToyForVideoClassification"


def test_a_name_of_ours_is_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toy.install(tmp_path, "stcnn", model="ToyForVideoClassification", configuration="ToyConfig")
    monkeypatch.syspath_prepend(tmp_path)
    for registry in (MODELS, CONFIGURATIONS):
        with pytest.raises(EquimeError, match=r"Two packages register the model 'stcnn'"):
            registry.names()


def test_a_model_type_of_transformers_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.install(tmp_path, "toy", model="ToyForVideoClassification", configuration="TakenConfig")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match="model_type 'videomae', which is taken by VideoMAEConfig"):
        install()


def test_a_model_without_a_configuration_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    toy.install(tmp_path, "toy", model="TakenConfig")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModelError, match=r"'toy' needs its configuration in .*:TakenConfigConfig"):
        install()
