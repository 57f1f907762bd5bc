"""How LTX-Video is asked for clips, and the presets that name a whole set of answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from equime_hub.builder.spec import Preset, setting
from equime_hub.errors import BackendError
from equime_hub.files import beside

DTYPES = ("bfloat16", "float16", "float32")
CACHES = ("pyramid", "taylorseer")
"""Caches whose skipped work follows a fixed schedule, so that a clip never feels its neighbours."""
PUBLISHED_STEPS = 80


@dataclass(frozen=True)
class LtxConfig:
    """Settings of the model. The defaults are those of EquiME's published script.

    Attributes:
        model: Hub id, or a folder that `save_pretrained` wrote.
        revision: Branch, tag or commit on the Hub; the rows hold the commit it stood for.
        preset: Name for the rows of the set of settings that these came from.
        steps: Denoising steps.
        timesteps: Fixed timesteps in [0, 1000], one a step, that distilled models were trained on;
            empty is the model's own schedule.
        guidance_scale: Classifier-free guidance; 1 is none, and halves the work.
        frame_rate: Frames per second that the model is told. The published script leaves 25
            whatever rate it writes, and so does this.
        decode_timestep: Timestep in [0, 1] at which a timestep-conditioned VAE (0.9.1 and later)
            decodes; others ignore it.
        decode_noise_scale: Share of noise in [0, 1] that such a VAE is given.
        image_cond_noise_scale: Noise on the face during sampling, 0.9.5 and later.
        max_sequence_length: Tokens of a prompt; None is the pipeline's own: 128, or 256 from
            0.9.5 on. T5 is run without a mask before that, so padding changes embeddings.
        batch_size: Clips at a time. Changes the last bits of a clip on some devices.
        device: "cuda", "cuda:1", "cpu"; None takes CUDA and refuses to fall back to the CPU with
            a model of full size.
        dtype: One of `DTYPES`.
        attention: Attention backend of diffusers, such as "_native_cudnn"; None is "native",
            PyTorch's.
        compile: Compile the transformer's blocks, once a batch size and clip size.
        conditioning_crf: Compress the face like a frame of video first, as Lightricks' own script
            does at 29 against frozen clips; None leaves it as it is.
        embeddings: File of prompt embeddings (`encode_prompts`); T5 is then never loaded.
        cache: One of `CACHES`: faster, and other pixels.

    Raises:
        BackendError: A value out of range, or a cache that mixes the clips of a batch.
    """

    # What is found there is known by its revision, so the place itself counts for nothing.
    model: str = setting("Lightricks/LTX-Video", "Hub id or folder of the model.", location=True)
    revision: str | None = setting(None, "branch, tag or commit of the model.")
    preset: str = "equime-paper"
    steps: int = PUBLISHED_STEPS
    timesteps: tuple[float, ...] = ()
    guidance_scale: float = 3.0
    frame_rate: int = 25
    decode_timestep: float = 0.05
    decode_noise_scale: float = 0.025
    image_cond_noise_scale: float = 0.025
    max_sequence_length: int | None = None
    batch_size: int = setting(
        8, "clips at a time; auto takes what fits into the GPU's memory.", auto=True
    )
    device: str | None = setting(None, "cuda, cuda:1 or cpu.", location=True)
    dtype: str = "bfloat16"
    attention: str | None = setting(None, "attention backend of diffusers.")
    compile: bool = setting(False, "compile the transformer's blocks, minutes at the start.")
    conditioning_crf: int | None = setting(
        None, "compress the face first, against frozen clips.", min=0, max=51
    )
    embeddings: Path | None = setting(  # noqa: RUF009 - it is a field
        None, "prompts encoded elsewhere (equime prompts encode).", location=True
    )
    cache: str | None = None

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "frame_rate", "max_sequence_length"):
            value = getattr(self, name)
            _demand(value is None or value >= 1, f"{name} must be at least 1", value)
        _demand(self.guidance_scale >= 1, "guidance_scale must be at least 1", self.guidance_scale)
        for name in ("decode_timestep", "decode_noise_scale", "image_cond_noise_scale"):
            value = getattr(self, name)
            _demand(0 <= value <= 1, f"{name} must be from 0 to 1", value)
        _demand(self.dtype in DTYPES, f"dtype must be one of {', '.join(DTYPES)}", self.dtype)
        crf = self.conditioning_crf
        _demand(crf is None or 0 <= crf <= 51, "conditioning_crf must be from 0 to 51", crf)
        _demand(
            not self.timesteps or len(self.timesteps) == self.steps,
            f"steps must be the number of timesteps, {len(self.timesteps)}",
            self.steps,
        )
        _demand(
            self.cache is None or self.cache in CACHES,
            f"cache must be one of {', '.join(CACHES)}. FirstBlockCache and its like decide by a "
            "mean over the batch, so a clip would change with its neighbours; MagCache needs "
            "ratios measured on the model",
            self.cache,
        )
        _demand(
            not (self.cache and self.compile), "cache and compile exclude each other", self.cache
        )

    @property
    def lossy(self) -> tuple[str, ...]:
        """What departs from the published generation to be faster or other, in words."""
        departures = {
            f"{self.steps} distilled steps": bool(self.timesteps),
            f"{self.steps} steps": not self.timesteps and self.steps < PUBLISHED_STEPS,
            "no guidance": self.guidance_scale == 1,
            f"{self.cache} cache": self.cache is not None,
            f"face compressed at crf {self.conditioning_crf}": self.conditioning_crf is not None,
        }
        return tuple(words for words, holds in departures.items() if holds)


def _demand(holds: bool, rule: str, got: object) -> None:
    if not holds:
        raise BackendError(f"{rule}; got {got}.")


def _preset(name: str, clip: tuple[int, int, int], settings: dict[str, Any], note: str) -> Preset:
    timesteps = tuple(settings.pop("timesteps", ()))
    return Preset(LtxConfig(preset=name, timesteps=timesteps, **settings), *clip, note)


PRESETS = {name: _preset(name, **line) for name, line in beside(__file__, "presets.json").items()}
"""Presets by name."""
