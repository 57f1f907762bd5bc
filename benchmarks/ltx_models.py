"""Full-size LTX-Video models with random weights, saved and loaded as real ones are.

Speed does not depend on the values, as long as they are not zero and nothing overflows: these are
the random values that every layer starts from. Configurations are those of diffusers' conversion
script for 0.9.0 and 0.9.5 and of google/t5-v1_1-xxl, held by the number of parameters.
"""

from __future__ import annotations

import gc
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any

import diffusers
import torch
import transformers
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

from equime_hub.files import written
from tests.support import tiny_ltx as tiny

Part = Callable[[], Any]
KINDS = {"paper": "LTXImageToVideoPipeline", "distilled": "LTXConditionPipeline"}
"""Folder → pipeline class. Both hold the same transformer and T5."""
_models: Any = diffusers  # their constructors say nothing of types
_texts: Any = transformers

TRANSFORMER_2B: dict[str, Any] = {
    "in_channels": 128, "out_channels": 128, "num_attention_heads": 32, "attention_head_dim": 64,
    "cross_attention_dim": 2048, "num_layers": 28, "caption_channels": 4096,
}  # fmt: skip
_VAE: dict[str, Any] = {
    "in_channels": 3, "out_channels": 3, "latent_channels": 128, "patch_size": 4,
    "patch_size_t": 1, "encoder_causal": True, "decoder_causal": False,
}  # fmt: skip
VAE_090: dict[str, Any] = _VAE | {
    "block_out_channels": (128, 256, 512, 512),
    "decoder_block_out_channels": (128, 256, 512, 512),
    "layers_per_block": (4, 3, 3, 3, 4),
    "decoder_layers_per_block": (4, 3, 3, 3, 4),
    "spatio_temporal_scaling": (True, True, True, False),
    "decoder_spatio_temporal_scaling": (True, True, True, False),
    "timestep_conditioning": False,
}
VAE_095: dict[str, Any] = _VAE | {
    "block_out_channels": (128, 256, 512, 1024, 2048),
    "down_block_types": ("LTXVideo095DownBlock3D",) * 4,
    "downsample_type": ("spatial", "temporal", "spatiotemporal", "spatiotemporal"),
    "decoder_block_out_channels": (256, 512, 1024),
    "layers_per_block": (4, 6, 6, 2, 2),
    "decoder_layers_per_block": (5, 5, 5, 5),
    "spatio_temporal_scaling": (True,) * 4,
    "decoder_spatio_temporal_scaling": (True,) * 3,
    "decoder_inject_noise": (False,) * 4,
    "upsample_residual": (True,) * 3,
    "upsample_factor": (2,) * 3,
    "timestep_conditioning": True,
    "spatial_compression_ratio": 32,
    "temporal_compression_ratio": 8,
}
T5_XXL: dict[str, Any] = {
    "vocab_size": 32128, "d_model": 4096, "d_ff": 10240, "d_kv": 64, "num_heads": 64,
    "num_layers": 24, "feed_forward_proj": "gated-gelu", "pad_token_id": 0, "eos_token_id": 1,
}  # fmt: skip

NETWORKS: dict[str, Part] = {
    "transformer": lambda: _models.LTXVideoTransformer3DModel(**TRANSFORMER_2B),
    "vae 0.9.0": lambda: _models.AutoencoderKLLTXVideo(**VAE_090),
    "vae 0.9.5": lambda: _models.AutoencoderKLLTXVideo(**VAE_095),
    "text_encoder": lambda: _texts.T5EncoderModel(_texts.T5Config(**T5_XXL)),
}
PARAMETERS = {
    "transformer": 1_923_385_472,
    "vae 0.9.0": 419_193_649,
    "vae 0.9.5": 1_246_913_522,
    "text_encoder": 4_762_310_656,
}


def parameters() -> dict[str, int]:
    """Parameters of every network, counted without making one."""
    found = {}
    for name, make in NETWORKS.items():
        with torch.device("meta"):
            found[name] = _count(make())
    return found


def build(folder: Path, toy: bool) -> None:
    """Save one model folder a kind, unless complete ones are there.

    Args:
        folder: Where; full-size ones take 17 GB.
        toy: The tests' toy pipelines instead.

    Raises:
        ValueError: A network does not have the published number of parameters.
    """
    for kind in KINDS:
        target = folder / kind
        if (target / "model_index.json").exists():  # written last
            continue
        if toy:
            tiny.save(target, "condition-timestep" if kind == "distilled" else "image")
        else:
            _save(folder, kind)


def _save(folder: Path, kind: str) -> None:
    late = kind == "distilled"
    parts: dict[str, Part] = {
        "scheduler": partial(tiny.scheduler, shifting=not late),
        "vae": partial(_random, "vae 0.9.5" if late else "vae 0.9.0"),
        "text_encoder": partial(_random, "text_encoder"),
        "tokenizer": tiny.tokenizer,
        "transformer": partial(_random, "transformer"),
    }
    index: dict[str, Any] = {
        "_class_name": KINDS[kind],
        "_diffusers_version": diffusers.__version__,
    }
    for name, make in parts.items():
        target, first = folder / kind / name, folder / "paper" / name
        if late and name not in ("scheduler", "vae"):
            target.parent.mkdir(exist_ok=True)
            target.unlink(missing_ok=True)
            target.symlink_to(Path("..") / "paper" / name)
            index[name] = json.loads((first.parent / "model_index.json").read_text())[name]
            continue
        part = make()
        part.save_pretrained(target)
        index[name] = [type(part).__module__.split(".")[0], type(part).__name__]
        del part  # one at a time: together they are 15 GB
        gc.collect()
    with written(folder / kind / "model_index.json") as temporary:
        temporary.write_text(json.dumps(index, indent=2))


def _random(name: str) -> Any:
    """A network in bfloat16 with random weights, made on the GPU if there is one."""
    torch.manual_seed(0)
    with _default_dtype(torch.bfloat16), torch.device(device()):
        network = NETWORKS[name]().eval()
    if _count(network) != PARAMETERS[name]:
        raise ValueError(f"{name} has {_count(network)} parameters, not {PARAMETERS[name]}")
    return network


def device() -> str:
    """The GPU, or the CPU without one."""
    return "cuda" if torch.cuda.is_available() else "cpu"


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def _count(network: Any) -> int:
    return sum(parameter.numel() for parameter in network.parameters())


def tflop(
    model: Path, width: int, height: int, num_frames: int, guided: bool, tokens: int
) -> dict[str, float]:
    """Arithmetic of one clip, 10¹² operations, counted on shapes alone.

    Args:
        model: Folder.
        width: Pixels.
        height: Pixels.
        num_frames: Frames.
        guided: With classifier-free guidance, which doubles a step.
        tokens: Of a prompt.

    Returns:
        "step" of the transformer, "encode" of the face and "decode" of the clip by the VAE.
    """
    with torch.device("meta"):
        transformer = _from_config("LTXVideoTransformer3DModel", model / "transformer")
        vae = _from_config("AutoencoderKLLTXVideo", model / "vae")
        frames = (num_frames - 1) // vae.temporal_compression_ratio + 1
        rows, columns = (side // vae.spatial_compression_ratio for side in (height, width))
        both, sequence = 1 + guided, frames * rows * columns
        channels = transformer.config.in_channels
        latents = torch.randn(both, sequence, channels)
        timestep = torch.ones(1) if vae.config.timestep_conditioning else None
        arguments: dict[str, Any] = {
            "hidden_states": latents,
            "encoder_hidden_states": torch.randn(both, tokens, transformer.config.caption_channels),
            "timestep": torch.ones(both, sequence),
            "encoder_attention_mask": torch.ones(both, tokens),
            "num_frames": frames,
            "height": rows,
            "width": columns,
            "rope_interpolation_scale": (1.0, 1.0, 1.0),
        }
        face = torch.randn(1, 3, 1, height, width)
        compressed = torch.randn(1, vae.config.latent_channels, frames, rows, columns)
        return {
            "step": counted(lambda: transformer(**arguments)),
            "encode": counted(lambda: vae.encode(face)),
            "decode": counted(lambda: vae.decode(compressed, timestep)),
        }


def counted(work: Callable[[], object]) -> float:
    """Arithmetic of some work, 10¹² operations: what layers, convolutions and attention multiply.

    Counted by our own rule: torch's counter sees the kernels that a release happens to choose, and
    that of 2.14.1 counts no attention on a CPU.
    """
    operations = _Operations()
    with torch.no_grad(), operations:
        work()
    return operations.count / 1e12


class _Operations(TorchFunctionMode):
    """Counts one multiplication and one addition as two operations."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (F.linear, F.conv2d, F.conv3d):
            given = dict(zip(("input", "weight"), args, strict=False)) | (kwargs or {})
            # A number of the result is a row of weights times as many inputs.
            self.count += 2 * result.numel() * given["weight"][0].numel()
        elif func is F.scaled_dot_product_attention:
            given = dict(zip(("query", "key", "value"), args, strict=False)) | (kwargs or {})
            # Every query meets every key, and every number of the result sums over all values.
            keys = given["key"].shape[-2]
            self.count += 2 * (given["query"].numel() + result.numel()) * keys
        return result


def _from_config(name: str, folder: Path) -> Any:
    kind = getattr(_models, name)
    return kind.from_config(kind.load_config(folder)).eval()
