"""CLIP-IQA of some frames of a clip, with one model for all clips.

The definition is that of Wang, Chan and Loy (AAAI 2023) as piq computes it: how much nearer an
image is to "Good photo." than to "Bad photo." in CLIP's space. The network is piq's; it is built
once, keeps only what looks at images, and runs in bfloat16 where the processor has it.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.builder.measure import weights
from equime_hub.builder.measure.weights import UnusableWeights

_MEAN = (0.48145466, 0.4578275, 0.40821073)
_STD = (0.26862954, 0.26130258, 0.27577711)


@dataclass(frozen=True, eq=False)
class ClipIqa:
    """The image tower of CLIP, and the two prompts.

    Attributes:
        tower: Images to features.
        anchors: 2×E, the features of both prompts, of length 1, times CLIP's scale.
        device: Where it runs.
        reduced: Whether it runs in bfloat16; scores then differ by about 0.002.
    """

    tower: Any
    anchors: Any
    device: str
    reduced: bool

    @classmethod
    def load(cls, rn50: Path, tokens: Path, device: str = "cpu") -> ClipIqa:
        """Build the model.

        `rn50` is a TorchScript archive: opening it runs the code stored in it. That code is no
        Python and cannot call any, but it can read and write files. So the file must be the one
        that OpenAI published, or come from somebody who is trusted.

        Raises:
            UnusableWeights: One of them is not such a file.
        """
        import torch
        from piq.feature_extractors import clip  # type: ignore[import-untyped]

        # The layers are filled at random before the weights replace that: not from the stream
        # of numbers that the caller draws from.
        with torch.no_grad(), torch.random.fork_rng(devices=[]), warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # TorchScript is on its way out
            try:
                archive: Any = torch.jit.load(str(rn50), map_location="cpu")  # type: ignore[no-untyped-call]
                model = clip.build_model(archive.state_dict()).float()
            except Exception as error:  # a damaged archive makes torch raise almost anything
                raise UnusableWeights(weights.unreadable(rn50, error)) from error
            try:
                prompts = torch.load(tokens, map_location="cpu", weights_only=True)
                good, bad = model.encode_text(prompts)
            except Exception as error:
                raise UnusableWeights(weights.unreadable(tokens, error)) from error
            anchors = torch.stack([good / good.norm(), bad / bad.norm()])
            anchors *= model.logit_scale.exp()
        tower = model.visual.requires_grad_(False).to(device, memory_format=torch.channels_last)
        return cls(tower, anchors.to(device), device, _has_bfloat16(device))

    def scores(self, grays: npt.NDArray[np.uint8]) -> npt.NDArray[np.float64]:
        """CLIP-IQA of each frame in [0, 1]; higher is better.

        Args:
            grays: T×H×W, at least 32×32; the three channels of a frame are equal.

        Returns:
            T values.
        """
        import torch

        mean, std = (torch.tensor(x, device=self.device).view(1, 3, 1, 1) for x in (_MEAN, _STD))
        # One at a time on a processor, where more only leave the cache.
        step = 1 if self.device == "cpu" else len(grays)
        scores: list[float] = []
        with (
            torch.inference_mode(),
            torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self.reduced),
        ):
            for at in range(0, len(grays), step):
                batch = torch.from_numpy(grays[at : at + step, None]).to(self.device)
                images = (batch / 255 - mean) / std
                images = images.contiguous(memory_format=torch.channels_last)
                features = self.tower(images, pos_embedding=False).float()
                features /= features.norm(dim=-1, keepdim=True)
                logits = (features[:, None] * self.anchors).sum(dim=-1)
                scores += logits.softmax(dim=-1)[:, 0].tolist()
        return np.array(scores)


def _has_bfloat16(device: str) -> bool:
    """Whether it computes in bfloat16 rather than imitating it."""
    import torch

    if torch.device(device).type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    able = torch.cpu.get_capabilities()
    return any(able.get(name) for name in ("amx_bf16", "avx512_bf16", "bf16"))
