"""Full-size LTX-Video models with random weights, saved and loaded as real ones are.

Speed does not depend on the values, as long as they are not zero and nothing overflows: these are
the random values that every layer starts from. Configurations are those of diffusers' conversion
script for 0.9.0 and 0.9.5 and of google/t5-v1_1-xxl (`ltx_networks.json`), held by the number of
parameters.
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

from benchmarks.ltx_measure import DEVICE
from equime_hub.files import written
from tests.support import tiny_ltx as tiny

Part = Callable[[], Any]
KINDS = {"paper": "LTXImageToVideoPipeline", "distilled": "LTXConditionPipeline"}
"""Folder → pipeline class. Both hold the same transformer and T5."""

NETWORKS: dict[str, dict[str, Any]] = json.loads(
    Path(__file__).with_name("ltx_networks.json").read_text(encoding="utf-8")
)
"""Name → its class, its published number of parameters, and its configuration."""


def network(name: str) -> Any:
    """One of `NETWORKS`, with the weights that its layers start from."""
    known = NETWORKS[name]
    kind = getattr(transformers if name == "text_encoder" else diffusers, known["class"])
    if name == "text_encoder":
        return kind(kind.config_class(**known["config"]))
    return kind(**known["config"])


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
    with _default_dtype(torch.bfloat16), torch.device(DEVICE):
        made = network(name).eval()
    count, wanted = made.num_parameters(), NETWORKS[name]["parameters"]
    if count != wanted:
        raise ValueError(f"{name} has {count} parameters, not {wanted}")
    return made


@contextmanager
def _default_dtype(dtype: torch.dtype) -> Iterator[None]:
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)


def tflop(model: Path, clip: Any, guided: bool, tokens: int) -> dict[str, float]:
    """Arithmetic of one clip, 10¹² operations, counted on shapes alone.

    Args:
        model: Folder.
        clip: Has width, height and num_frames.
        guided: With classifier-free guidance, which doubles a step.
        tokens: Of a prompt.

    Returns:
        "step" of the transformer, "encode" of the face and "decode" of the clip by the VAE.
    """
    with torch.device("meta"):
        transformer = _from_config("LTXVideoTransformer3DModel", model / "transformer")
        vae = _from_config("AutoencoderKLLTXVideo", model / "vae")
        frames = (clip.num_frames - 1) // vae.temporal_compression_ratio + 1
        rows, columns = (
            side // vae.spatial_compression_ratio for side in (clip.height, clip.width)
        )
        both, sequence = 1 + guided, frames * rows * columns
        timestep = torch.ones(1) if vae.config.timestep_conditioning else None
        arguments: dict[str, Any] = {
            "hidden_states": torch.randn(both, sequence, transformer.config.in_channels),
            "encoder_hidden_states": torch.randn(both, tokens, transformer.config.caption_channels),
            "timestep": torch.ones(both, sequence),
            "encoder_attention_mask": torch.ones(both, tokens),
            "num_frames": frames,
            "height": rows,
            "width": columns,
            "rope_interpolation_scale": (1.0, 1.0, 1.0),
        }
        face = torch.randn(1, 3, 1, clip.height, clip.width)
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
    kind = getattr(diffusers, name)
    return kind.from_config(kind.load_config(folder)).eval()
