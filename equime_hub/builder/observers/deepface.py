"""The emotion in a face by DeepFace (Serengil and Ozpinar 2021): seven classes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.builder.measure import deepface
from equime_hub.builder.observers import NEUTRAL, Apex, SeenEmotion
from equime_hub.builder.spec import Image
from equime_hub.errors import EquimeError

_CLASSES = ("anger", "disgust", "fear", "happiness", "sadness", "surprise", NEUTRAL)
"""Our names of its classes, in its order."""
_SIDE = 224
_MEGABYTES = 6
"""Size of its weights, roughly."""


@dataclass(frozen=True)
class DeepFaceEmotion:
    """See `EmotionObserver`. The most probable class, and its probability.

    The numbers are those of `DeepFace.analyze(square, detector_backend="skip")`, where the square
    is the largest centred one of the frame: an aligned face fills it. Its weights were trained on
    expressions that everybody sees; of micro-expressions, expect much "neutral".

    Attributes:
        download: Let DeepFace fetch weights that are missing, 6 MB. It compares them with no
            checksum, so it is not done unasked.
    """

    download: bool = False

    @cached_property
    def tool(self) -> str:
        """Such as "deepface 0.0.103 onnx".

        Raises:
            MissingDependencyError: DeepFace is not installed.
            EquimeError: It cannot run on the engine asked for.
        """
        return deepface.DeepFace().tool

    def emotion(self, apex: Apex) -> SeenEmotion | None:
        """What it sees at the apex; None if it gives no number.

        Raises:
            MissingDependencyError: DeepFace is not installed.
            EquimeError: Weights are missing or damaged.
        """
        image = _face(apex.image)
        client = self._client
        try:
            answer = np.ravel(client.predict(image))
            if answer.shape != (len(_CLASSES),):
                raise ValueError(f"it gives {answer.size} numbers, not {len(_CLASSES)}")
        except Exception as error:  # each engine has errors of its own
            raise EquimeError(
                f"DeepFace's weights of emotions cannot be used: {error}. Delete "
                "facial_expression_model_weights and get them again."
            ) from error
        if not np.isfinite(answer).all() or not answer.sum() > 0:
            return None
        best = int(answer.argmax())
        return SeenEmotion(_CLASSES[best], min(1.0, float(answer[best] / answer.sum())))

    @cached_property
    def _client(self) -> Any:
        ((client, _),) = deepface.models(["Emotion"], _MEGABYTES, self.download)
        return client


def _face(image: Image) -> npt.NDArray[np.float32]:
    """The largest centred square as `analyze` feeds it: 224×224×3 BGR in [0, 1]."""
    height, width = image.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = image[top : top + side, left : left + side, ::-1] / 255
    return cv2.resize(square, (_SIDE, _SIDE)).astype(np.float32)
