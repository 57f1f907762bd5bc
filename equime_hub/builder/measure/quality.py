"""Quality of a clip by the paper's definition (EquiME, Table 2), in floating point and fast.

All five columns are taken on grey frames and averaged over the clip: PSNR and SSIM between
consecutive frames, total variation, BRISQUE and CLIP-IQA of the frames. PSNR and SSIM therefore
tell how much moves rather than how good a frame is; real and synthetic clips are compared by
how near their distributions lie.

Two equal frames count 100 dB, as in the published tables; their PSNR would be infinite. CLIP-IQA
is the mean over 16 evenly spaced frames; the published one is over all.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub.builder.measure import pixels, weights
from equime_hub.builder.measure.brisque import Brisque
from equime_hub.builder.measure.clip_iqa import ClipIqa
from equime_hub.builder.measure.weights import UnusableWeights
from equime_hub.errors import VideoError
from equime_hub.video import sampling
from equime_hub.video.clip import check_frames
from equime_hub.video.threads import one_thread

SMALLEST = 32
"""Pixels a side must have: CLIP halves an image five times."""


@dataclass(frozen=True)
class QualityScores:
    """Means over a clip; None is "not measured".

    The names are those of the columns and of `Quality`, so that
    `replace(quality, **asdict(scores))` fills them in.

    Attributes:
        psnr: Of consecutive frames, dB; None for a single frame.
        ssim: Of consecutive frames, at most 1; None for a single frame.
        tv: Total variation of a frame: root of the sum of squared differences of neighbouring
            pixels, whose values are in [0, 1].
        brisque: None without weights, or if every frame is of one grey level. Frames that are
            so are left out of the mean.
        clip_iqa: In [0, 1]; None without weights.
    """

    psnr: float | None
    ssim: float | None
    tv: float
    brisque: float | None = None
    clip_iqa: float | None = None


@dataclass(frozen=True, eq=False)
class Scorers:
    """The models of two of the columns, loaded once and used for any number of clips.

    Attributes:
        brisque: None if its weights are not there.
        clip_iqa: The same.
        missing: Column → sentence that says why it stays empty and what to do; said here once
            and not again for every clip.
    """

    brisque: Brisque | None = None
    clip_iqa: ClipIqa | None = None
    missing: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))

    @classmethod
    def load(
        cls, folder: Path | None = None, *, download: bool = False, device: str = "cpu"
    ) -> Scorers:
        """Load what is there; nothing that is absent or unusable is an error.

        Args:
            folder: Where `brisque_svm_weights.pt`, `RN50.pt` and `clipiqa_tokens.pt` are. What
                it holds is trusted (see `ClipIqa.load`). None looks where piq keeps them, and
                takes only the `RN50.pt` that OpenAI published.
            download: Fetch what is absent. Otherwise the network is not touched.
            device: Where CLIP-IQA runs, such as "cpu" or "cuda"; the rest is for the processor.
        """
        missing: dict[str, str] = {}
        brisque = clip_iqa = None
        try:
            brisque = Brisque.load(weights.BRISQUE.find(folder, download=download))
        except UnusableWeights as reason:
            missing["brisque"] = str(reason)
        try:
            both = weights.RN50, weights.TOKENS
            rn50, tokens = weights.find_all(both, folder, download=download)
            clip_iqa = ClipIqa.load(rn50, tokens, device)
        except UnusableWeights as reason:
            missing["clip_iqa"] = str(reason)
        return cls(brisque, clip_iqa, MappingProxyType(missing))


def measure_quality(
    frames: npt.NDArray[np.uint8],
    scorers: Scorers | None = None,
    *,
    wrapped: bool = False,
    clip_frames: int = 16,
) -> QualityScores:
    """Measure the decoded frames of a clip.

    Args:
        frames: T×H×W×3, uint8, RGB, at least 32×32.
        scorers: The models, from `Scorers.load`; None leaves BRISQUE and CLIP-IQA empty.
        wrapped: Compute PSNR as the published script does, whose 8-bit squares wrap at 256, to
            compare with its tables. It is never below 24 dB, and too high where something
            moves by 16 levels or more.
        clip_frames: Frames that CLIP-IQA is averaged over, evenly spaced.

    Raises:
        VideoError: Wrong shape, type or size; the message prints what came.
    """
    check_frames(frames)
    if min(frames.shape[1:3]) < SMALLEST:
        raise VideoError(
            f"frames must be at least {SMALLEST}×{SMALLEST} to be measured, got "
            f"{frames.shape[2]}×{frames.shape[1]} (width × height)"
        )
    scorers = scorers or Scorers()
    brisque = clip_iqa = None
    with one_thread():
        grays = np.stack([cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in frames])
        moving = len(grays) > 1
        psnr = pixels.psnr(grays, wrapped=wrapped) if moving else None
        ssim = pixels.ssim(grays) if moving else None
        tv = pixels.total_variation(grays)
        if scorers.brisque:
            defined = scorers.brisque.scores(grays)
            defined = defined[np.isfinite(defined)]
            brisque = float(defined.mean()) if len(defined) else None
    if scorers.clip_iqa:
        some = grays[sampling.uniform(len(grays), min(clip_frames, len(grays)))]
        clip_iqa = float(scorers.clip_iqa.scores(some).mean())
    return QualityScores(psnr, ssim, tv, brisque, clip_iqa)
