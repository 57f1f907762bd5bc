"""Mild changes of clips in training, the same for all frames of one."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub.errors import EquimeError
from equime_hub.models.inputs import Kind, Values


@dataclass(frozen=True)
class Augment:
    """How far a clip may be altered; every number is drawn evenly from ± the bound.

    A micro-expression is a motion of a pixel or two, so one transform is drawn for a clip and
    all its frames get it: nothing moves that did not move. Vectors of flow turn with the picture.

    Attributes:
        flip: Probability of a mirror image.
        rotate: Degrees.
        scale: Share of the size.
        shift: Share of the side, each way.
        brightness: Share of the white level; pictures only.
        contrast: Share of the contrast; pictures only.

    Raises:
        EquimeError: A negative number, or a probability above 1.
    """

    flip: float = 0.5
    rotate: float = 5.0
    scale: float = 0.05
    shift: float = 0.03
    brightness: float = 0.1
    contrast: float = 0.1

    def __post_init__(self) -> None:
        wrong = {name: value for name, value in vars(self).items() if not value >= 0}
        if wrong or self.flip > 1 or self.scale >= 1:
            raise EquimeError(
                "An augmentation has bounds of 0 or more, a probability flip up to 1 and a scale "
                f"below 1; got {wrong or {'flip': self.flip, 'scale': self.scale}}."
            )

    def __call__(self, values: Values, kind: Kind, seed: int, epoch: int, clip: str) -> Values:
        """An altered copy of a clip.

        Args:
            values: T×H×W×C, as `Inputs.prepare` gives them: uint8 pictures, or float16 flow whose
                first two channels are its x and y.
            kind: What they are.
            seed: Seed of the run.
            epoch: Its epoch.
            clip: Name of the clip.

        Returns:
            The same shape and type.
        """
        draw = seeds.generator("augment", seed, epoch, clip)
        mirrored = draw.random() < self.flip
        turn, scale, right, down, bright, contrast = draw.uniform(-1, 1, 6)
        angle = np.deg2rad(self.rotate * turn)
        cosine, sine = np.cos(angle), np.sin(angle)
        # 2×2, places of the clip → places of the copy, both from the middle.
        turned = (1 + self.scale * scale) * np.array([[cosine, -sine], [sine, cosine]])
        linear = turned @ np.diag([-1.0 if mirrored else 1.0, 1.0])
        size = np.array(values.shape[2:0:-1])
        middle = (size - 1) / 2
        moved = middle - linear @ middle + self.shift * size * (right, down)
        altered = _warped(values, np.column_stack([linear, moved]))
        if kind == "flow":
            # Where the picture is turned or mirrored, so is the direction that things move in.
            altered[..., :2] @= linear.T.astype(altered.dtype)
            return altered
        levels = np.arange(256) - 127.5
        levels = 127.5 + levels * (1 + self.contrast * contrast) + 255 * self.brightness * bright
        table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
        return cv2.LUT(altered, table).reshape(values.shape)


def _warped(values: Values, transform: npt.NDArray[np.float64]) -> Values:
    """Every frame under a 2×3 transform; what comes in from outside repeats the edge."""
    if np.allclose(transform, np.eye(2, 3)):
        return values.copy()
    # OpenCV cannot warp half floats.
    frames = values.astype(np.float32) if values.dtype == np.float16 else values
    size = (values.shape[2], values.shape[1])
    edge = cv2.BORDER_REPLICATE
    made = np.stack([cv2.warpAffine(one, transform, size, borderMode=edge) for one in frames])
    return made.reshape(values.shape).astype(values.dtype)
