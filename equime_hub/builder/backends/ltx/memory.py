"""How many clips at a time a GPU has room for, decided before the first one."""

from __future__ import annotations

from equime_hub.builder.backends.ltx.config import LtxConfig
from equime_hub.builder.backends.ltx.pipeline import Model, device, find
from equime_hub.errors import BackendError

_SIZES = (8, 4, 2, 1)
"""Above eight the matrices are large enough for any GPU, and waiting for a batch only grows."""
_GIB = 2**30
_SAMPLE, _DECODE = 0.30 * _GIB, 0.98 * _GIB
"""Bytes to sample one clip with guidance, and to decode one, in 2-byte numbers: counted from the
shapes of the 2B model at 256×256×161, not measured on a device."""
_VAE = {"0.9.0": 0.42e9, "0.9.1": 0.93e9, "0.9.5": 1.25e9}
_T5 = 4.76e9
"""Parameters, of the VAEs and of T5-XXL."""


def auto_batch_size(config: LtxConfig, width: int, height: int, num_frames: int) -> int:
    """Batch size for the memory that is free now; call it before anything is loaded.

    Args:
        config: Settings; its own `batch_size` is what a CPU gets.
        width: Pixels.
        height: Pixels.
        num_frames: Frames in a clip.

    Raises:
        BackendError: No model, no device, or not even one clip fits.
    """
    import torch

    model = find(config)
    where = device(config, model)
    if where == "cpu":
        return config.batch_size
    free, _ = torch.cuda.mem_get_info(where)
    return fitting(free, config, model, width, height, num_frames)


def fitting(
    free: float, config: LtxConfig, model: Model, width: int, height: int, num_frames: int
) -> int:
    """Largest usual batch size that fits into so many bytes.

    Raises:
        BackendError: Not even one clip fits.
    """
    number = 4 if config.dtype == "float32" else 2
    # T5 has gone before the others come, but must fit alone.
    text = 0.0 if config.embeddings or model.is_toy else _T5
    kind = "0.9.5" if model.takes_timesteps else "0.9.1" if model.timestep_conditioned else "0.9.0"
    vae = 0.0 if model.is_toy else _VAE[kind]
    weights = number * (model.parameters + vae)
    clip = width * height * num_frames / (256 * 256 * 161)
    # Activations grow with the width of the model, weights with its square and its depth.
    sample = clip * _SAMPLE * number / 2 * (model.parameters / 1.88e9) ** 0.5
    left = 0.9 * free - weights - clip * _DECODE * number / 2
    if number * text > 0.9 * free:
        raise BackendError(
            f"{free / 1e9:.1f} GB of free GPU memory are too few for T5, which encodes prompts: "
            "run `equime prompts encode` on another machine and give its file with --embeddings."
        )
    for size in _SIZES:
        if size * sample <= left:
            return size
    raise BackendError(
        f"{free / 1e9:.1f} GB of free GPU memory are too few for one clip of "
        f"{width}×{height}×{num_frames} by {model.name}: try smaller clips."
    )
