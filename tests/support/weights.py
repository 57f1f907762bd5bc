"""Tiny ONNX files where DeepFace looks for its weights: softmax of a linear map of mean colour."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

FILES = {
    "age": "age_model_weights.onnx",
    "gender": "gender_model_weights.onnx",
    "race": "race_model_single_batch.onnx",
}
CLASSES = {"age": 101, "gender": 2, "race": 6}

Weights = tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
"""3×classes for blue, green, red in [0, 1]; and what is added, before the softmax."""


def folder(home: Path) -> Path:
    return home / ".deepface" / "weights"


def drawn(name: str) -> Weights:
    """Weights with which the answer depends on every channel, and on which is which."""
    rng = np.random.default_rng([CLASSES[name], 10])
    slope = rng.normal(0, 12, (3, CLASSES[name])).astype(np.float32)
    return slope, rng.normal(0, 1, CLASSES[name]).astype(np.float32)


def save(home: Path, name: str, weights: Weights | None = None, batch: int | str = "n") -> Path:
    """Write one file; `batch` is the only size it takes, or a name for any."""
    slope, offset = drawn(name) if weights is None else weights
    nodes = [
        # In two steps, which rounds less than one, and hardly otherwise for other batches.
        helper.make_node("ReduceMean", ["image"], ["rows"], axes=[1], keepdims=0),
        helper.make_node("ReduceMean", ["rows"], ["colour"], axes=[1], keepdims=0),
        helper.make_node("MatMul", ["colour", "slope"], ["mapped"]),
        helper.make_node("Add", ["mapped", "offset"], ["logits"]),
        helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
    ]
    graph = helper.make_graph(
        nodes,
        name,
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, [batch, 224, 224, 3])],
        [helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, [batch, len(offset)])],
        [numpy_helper.from_array(slope, "slope"), numpy_helper.from_array(offset, "offset")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = folder(home) / FILES[name]
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def save_all(home: Path, batch: int | str = "n") -> None:
    for name in FILES:
        save(home, name, batch=batch)


@pytest.fixture
def deepface_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where DeepFace looks for weights: an empty folder; it has chosen no engine yet."""
    home = tmp_path / "home"
    monkeypatch.setenv("DEEPFACE_HOME", str(home))
    monkeypatch.setenv("DEEPFACE_BACKEND_ENGINE", "")
    for name in [*sys.modules]:  # it remembers its engine and its models until imported anew
        if name.partition(".")[0] == "deepface":
            del sys.modules[name]
    return home
