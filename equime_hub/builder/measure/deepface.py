"""Attributes by DeepFace (Serengil and Ozpinar 2021), in true batches and without a detector.

The numbers are those of `DeepFace.analyze(crop, detector_backend="skip")`, which takes one image
at a time. The crop is the one that a clip starts from; DeepFace's detectors would cut tighter.
"""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from equime_hub import optional
from equime_hub.builder.measure.attributes import AttributeEstimate
from equime_hub.errors import EquimeError

_EXTRA = "attributes"
_ENGINE = "DEEPFACE_BACKEND_ENGINE"
_GENDERS = ("woman", "man")
_RACES = ("asian", "indian", "black", "white", "middle eastern", "latino hispanic")
"""Our names of its classes, in its order."""
_CLASSES = {"Age": 101, "Gender": len(_GENDERS), "Race": len(_RACES)}
"""Models, and how many probabilities each gives."""
_AGE_MARGIN = 5
"""Years."""
_MEGABYTES = 540
"""Size of each weight file, roughly."""

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class DeepFace:
    """Age, gender and race by three VGG-Face networks; see `Estimator`.

    ONNX Runtime runs them, unless the environment variable DEEPFACE_BACKEND_ENGINE names another
    engine of DeepFace. The weights are looked for where DeepFace keeps them:
    `$DEEPFACE_HOME/.deepface/weights`, by default under the home folder.

    Gender and race are the most probable class, and their scores its probability. The age is the
    expectation over 101 classes, one a year; its score is the probability of the ages at most 5
    years from it.

    Attributes:
        download: Let DeepFace fetch weights that are missing, 1.6 GB in all. It compares them
            with no checksum, so it is not done unasked.
    """

    download: bool = False

    size: ClassVar[int] = 224

    @cached_property
    def tool(self) -> str:
        """Such as "deepface 0.0.103 onnx".

        Raises:
            MissingDependencyError: DeepFace is not installed.
            EquimeError: It cannot run on the engine asked for.
        """
        package = optional.require("deepface", extra=_EXTRA)
        engines = optional.require("deepface.commons.backend_utils", extra=_EXTRA)
        os.environ[_ENGINE] = os.environ.get(_ENGINE) or "onnx"
        try:
            return f"deepface {package.__version__} {engines.get_backend_engine()}"
        except ValueError as error:
            raise EquimeError(str(error)) from error

    def estimate(self, crops: npt.NDArray[np.uint8]) -> list[AttributeEstimate]:
        """One estimate a crop, in order.

        Args:
            crops: n×224×224×3 RGB, aligned faces.

        Raises:
            MissingDependencyError: DeepFace is not installed.
            EquimeError: Weights are missing or damaged.
        """
        # As `analyze` feeds them: BGR in [0, 1].
        images = (crops[..., ::-1] / 255).astype(np.float32)
        answers = (_probabilities(*model, images) for model in self._models)
        return [_estimate(*of_one) for of_one in zip(*answers, strict=True)]

    @cached_property
    def _models(self) -> list[tuple[Any, Path, int]]:
        """Networks, their weights, and how many probabilities each should give."""
        found = models(_CLASSES, _MEGABYTES, self.download)
        return [(*model, count) for model, count in zip(found, _CLASSES.values(), strict=True)]


def _probabilities(
    client: Any, path: Path, classes: int, images: npt.NDArray[np.float32]
) -> Probabilities:
    """n×`classes`, for n×224×224×3 BGR in [0, 1]."""
    step = _batch_size(client) or len(images)
    batches = (images[start : start + step] for start in range(0, len(images), step))
    try:
        # `predict` would give the age without its distribution. One image comes without axis.
        answers = [np.atleast_2d(client._predict_internal(batch)) for batch in batches]
        rows: Probabilities = np.concatenate(answers)
        if rows.shape != (len(images), classes) or np.any(np.abs(rows.sum(1) - 1) > 0.01):
            raise ValueError(f"it does not give {classes} probabilities an image")
    except Exception as error:  # each engine has errors of its own
        raise _damaged(path, error) from error
    return rows


def _batch_size(client: Any) -> int | None:
    """The only one that an ONNX graph takes, if it takes only one."""
    if not hasattr(client.model, "get_inputs"):
        return None
    axis = client.model.get_inputs()[0].shape[0]
    return axis if isinstance(axis, int) else None


def _estimate(age: Probabilities, gender: Probabilities, race: Probabilities) -> AttributeEstimate:
    """What the probabilities of one face say; a model that gave no numbers says nothing."""
    years = np.arange(len(age))
    found = AttributeEstimate()
    if np.isfinite(gender).all():
        best = int(gender.argmax())
        found = replace(found, gender=_GENDERS[best], gender_score=_score(gender[best]))
    if np.isfinite(race).all():
        best = int(race.argmax())
        score = _score(race[best] / race.sum())
        found = replace(found, race=_RACES[best], race_score=score)
    if np.isfinite(age).all():
        expected = float(np.sum(age * years))
        near = np.abs(years - expected) <= _AGE_MARGIN
        found = replace(found, age=expected, age_score=_score(age[near].sum()))
    return found


def _score(probability: float | np.floating) -> float:
    """As a Python number; rounding may have led it past 1."""
    return min(1.0, float(probability))


def models(names: Iterable[str], megabytes: int, download: bool) -> list[tuple[Any, Path]]:
    """Models of DeepFace, each with the file of its weights.

    Args:
        names: What they tell, such as "Age" or "Emotion".
        megabytes: Size of each weight file, roughly.
        download: Let DeepFace fetch weights that are missing.

    Raises:
        MissingDependencyError: DeepFace is not installed.
        EquimeError: It cannot run on the engine asked for; weights are missing or damaged.
    """
    assert DeepFace().tool  # chooses the engine
    modeling = optional.require("deepface.modules.modeling", extra=_EXTRA)
    kinds = [modeling.get_model_class("facial_attribute", name) for name in names]
    files = [_weights(kind) for kind in kinds]
    missing = {path: url for path, url in files if not path.is_file()}
    if missing and not download:
        each, them = (" each", "them") if len(missing) > 1 else ("", "it")
        raise EquimeError(
            f"DeepFace's weights are not in {next(iter(missing)).parent}: "
            f"{', '.join(path.name for path in missing)}, about {megabytes} MB{each}. Copy {them} "
            f"there from {next(iter(missing.values())).rpartition('/')[0]} , name another folder "
            f"in DEEPFACE_HOME, or let DeepFace fetch {them} with --download; it compares {them} "
            "with no checksum."
        )
    return [(_load(kind, path), path) for kind, (path, _) in zip(kinds, files, strict=True)]


def _weights(kind: type) -> tuple[Path, str]:
    """Where the weights of a model class belong, and where they are published."""
    folders = optional.require("deepface.commons.folder_utils", extra=_EXTRA)
    urls = sys.modules[kind.__module__].WEIGHTS_URL
    url = urls if isinstance(urls, str) else urls[0]
    folder = Path(folders.get_deepface_home()) / ".deepface" / "weights"
    return folder / url.rpartition("/")[2], url


def _load(kind: type, path: Path) -> Any:
    """A DeepFace model, with its weights from a file or fetched into it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with contextlib.redirect_stdout(sys.stderr):  # where it tells of downloads
            return kind()
    except Exception as error:  # each engine has errors of its own
        if path.is_file():
            raise _damaged(path, error) from error
        raise EquimeError(
            f"{path.name} could not be fetched ({error.__cause__ or error}). Copy it to "
            f"{path.parent} by hand."
        ) from error


def _damaged(path: Path, error: Exception) -> EquimeError:
    return EquimeError(
        f"{path} ({path.stat().st_size:,} bytes) is damaged or not DeepFace's: "
        f"{error.__cause__ or error}. Delete it and get it again."
    )
