from __future__ import annotations

import importlib
import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from skimage import data

deepface = pytest.importorskip("deepface")
onnx = pytest.importorskip("onnx")
pytest.importorskip("equime_hub.builder.measure.deepface")

from equime_hub.builder.observers import EMOTION_OBSERVERS, Apex, EmotionObserver  # noqa: E402
from equime_hub.errors import EquimeError  # noqa: E402
from equime_hub.video import codec  # noqa: E402
from equime_hub.video.clip import Clip  # noqa: E402
from tests.support import weights  # noqa: E402

deepface_home = weights.deepface_home
NAMES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", "neutral")
FILE = "facial_expression_model_weights.onnx"


def save(home: Path, slope: Sequence[float], offset: Sequence[float]) -> Path:
    """Softmax of a linear map of the mean grey of a 48×48 image."""
    helper, numpy_helper = onnx.helper, onnx.numpy_helper
    graph = helper.make_graph(
        [
            helper.make_node("ReduceMean", ["image"], ["grey"], axes=[1, 2], keepdims=0),
            helper.make_node("MatMul", ["grey", "slope"], ["mapped"]),
            helper.make_node("Add", ["mapped", "offset"], ["logits"]),
            helper.make_node("Softmax", ["logits"], ["probabilities"], axis=1),
        ],
        "emotion",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["n", 48, 48, 1])],
        [helper.make_tensor_value_info("probabilities", onnx.TensorProto.FLOAT, ["n", len(slope)])],
        [
            numpy_helper.from_array(np.array([slope], np.float32), "slope"),
            numpy_helper.from_array(np.array(offset, np.float32), "offset"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path = weights.folder(home) / FILE
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(model, path)
    return path


def apex(image: npt.NDArray[np.uint8]) -> Apex:
    video = codec.encode(Clip(image[None].repeat(3, 0), 50.0), codec.EncoderConfig(crf=0))
    return Apex("x", 1, 3, video)


def observer(**options: bool) -> EmotionObserver:
    made: EmotionObserver = EMOTION_OBSERVERS.get("deepface")(**options)
    return made


@pytest.mark.parametrize("place", range(7))
def test_every_class_has_our_name(deepface_home: Path, place: int) -> None:
    save(deepface_home, [0.0] * 7, np.eye(7)[place].tolist())
    seen = observer().emotion(apex(data.astronaut()[:256, 96:352]))
    assert seen is not None
    assert seen.emotion == NAMES[place]
    assert seen.score == pytest.approx(np.e / (np.e + 6))


def test_the_answer_is_that_of_analyze(deepface_home: Path) -> None:
    save(deepface_home, [5, -3, 8, 1, -9, 2, 0], [0, 1, -2, 1, 3, 0, 2])
    answers = set()
    for scale in (0.2, 0.6, 1.0):
        image = (data.astronaut()[:256, 96:352] * scale).astype(np.uint8)
        moment = apex(image)
        ours = observer().emotion(moment)  # first, for it chooses the engine
        assert ours is not None
        with warnings.catch_warnings():  # its import silences all warnings, for everybody
            (theirs,) = importlib.import_module("deepface.DeepFace").analyze(
                moment.image[..., ::-1], ("emotion",), detector_backend="skip", silent=True
            )
        place = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral").index(
            theirs["dominant_emotion"]
        )
        assert ours.emotion == NAMES[place]
        assert ours.score == pytest.approx(max(theirs["emotion"].values()) / 100, abs=1e-5)
        answers.add(round(ours.score, 3))
    assert len(answers) == 3


def test_a_frame_that_is_not_square_is_cut(deepface_home: Path) -> None:
    save(deepface_home, [10, 0, 0, 0, 0, 0, 0], [0, 0, 0, 0, 0, 0, 5])
    wide = np.full((64, 192, 3), 255, np.uint8)
    wide[:, 64:128] = 0
    seen = observer().emotion(apex(wide))
    assert seen is not None and seen.emotion == "neutral"


def test_missing_weights_are_named_and_not_fetched(deepface_home: Path) -> None:
    with pytest.raises(EquimeError, match=f"{FILE}, about 6 MB.*--download"):
        observer().emotion(apex(data.astronaut()[:64, :64]))
    assert not (weights.folder(deepface_home) / FILE).exists()


@pytest.mark.parametrize("damage", ["cut", "other"])
def test_damaged_weights_are_a_sentence(deepface_home: Path, damage: str) -> None:
    path = save(deepface_home, [0.0] * 5, [0.0] * 5)
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:40])
    with pytest.raises(EquimeError, match="facial_expression_model_weights"):
        observer().emotion(apex(data.astronaut()[:64, :64]))


def test_the_tool_has_a_version(deepface_home: Path) -> None:
    assert observer().tool == f"deepface {deepface.__version__} onnx"
