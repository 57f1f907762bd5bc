"""Finds an LTX-Video model, on the Hub or in a folder, and loads the half of it that is needed.

The text encoder is by far the larger half (T5-XXL, 9.5 GB) and is needed once a prompt; so it is
loaded on its own, and the rest without it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

from equime_hub import seeds
from equime_hub.builder.backends.ltx.config import LtxConfig
from equime_hub.errors import BackendError
from equime_hub.files import sha256

VIDEO = ("scheduler", "transformer", "vae")
TEXT = ("text_encoder", "tokenizer")
_IMAGE, _CONDITION = "LTXImageToVideoPipeline", "LTXConditionPipeline"
_TOY = 50_000_000

_SIZES = (8, 4, 2, 1)
"""Above eight the matrices are large enough for any GPU, and waiting for a batch only grows."""
_GIB = 2**30
_SAMPLE, _DECODE = 0.30 * _GIB, 0.98 * _GIB
"""Bytes to sample one clip with guidance, and to decode one, in 2-byte numbers: counted from the
shapes of the 2B model at 256×256×161, not measured on a device."""
_VAE = {"0.9.0": 0.42e9, "0.9.1": 0.93e9, "0.9.5": 1.25e9}
_T5 = 4.76e9
"""Parameters, of the VAEs and of T5-XXL."""


@dataclass(frozen=True)
class LtxModel:
    """A model that exists.

    Attributes:
        name: For the rows: its Hub id, or the name of its folder.
        source: Its Hub id or its folder.
        commit: Commit on the Hub; None for a folder.
        pipeline: Name of the diffusers class that runs it.
        timestep_conditioned: Whether its VAE decodes at a timestep and with noise.
        parameters: Of its transformer, to about a twentieth.
    """

    name: str
    source: str
    commit: str | None
    pipeline: str
    timestep_conditioned: bool
    parameters: int

    @property
    def revision(self) -> str:
        """The commit; for a folder a hash of the files that make video from embeddings."""
        return self.commit or _folder_revision(Path(self.source))

    @property
    def max_sequence_length(self) -> int:
        """Tokens of a prompt that its pipeline takes by default."""
        return 256 if self.pipeline == _CONDITION else 128

    @property
    def takes_timesteps(self) -> bool:
        """Whether its pipeline accepts timesteps of the caller."""
        return self.pipeline == _CONDITION

    @property
    def is_toy(self) -> bool:
        """Whether a CPU can be expected to run it."""
        return self.parameters < _TOY


def find(config: LtxConfig) -> LtxModel:
    """Look a model up without loading its weights.

    Raises:
        BackendError: It does not exist, cannot be reached, lacks files, or is no LTX-Video model.
    """
    folder = Path(config.model)
    index_file = _file(config, "model_index.json")
    commit = None if folder.is_dir() else index_file.parent.name
    config = replace(config, revision=commit)  # a branch may move between two files
    name = _json(index_file).get("_class_name")
    transformer = _json(_file(config, "transformer/config.json"))
    vae = _json(_file(config, "vae/config.json"))
    if transformer.get("_class_name") != "LTXVideoTransformer3DModel":
        name = f"{name} around a {transformer.get('_class_name')}"
    if name not in ("LTXPipeline", _IMAGE, _CONDITION):
        raise BackendError(
            f"{config.model} is no LTX-Video model: its model_index.json names {name}, expected "
            f"{_IMAGE} or {_CONDITION}. Try --model Lightricks/LTX-Video."
        )
    # From 0.9.5 on the VAE has residual downsampling in place of convolutions.
    late = name == _CONDITION or "conv" not in vae.get("downsample_type", ["conv"])
    width = transformer.get("num_attention_heads", 32) * transformer.get("attention_head_dim", 64)
    if not commit:
        parts = ("transformer", "vae") if config.embeddings else ("transformer", "vae", TEXT[0])
        _demand_weights(folder, parts)
    return LtxModel(
        name=config.model if commit else folder.resolve().name,
        source=config.model,
        commit=commit,
        pipeline=_CONDITION if late else _IMAGE,
        timestep_conditioned=bool(vae.get("timestep_conditioning")),
        parameters=16 * transformer.get("num_layers", 28) * width**2,
    )


def device(config: LtxConfig, model: LtxModel) -> str:
    """Where to run.

    Raises:
        BackendError: No CUDA device, and the CPU was not asked for with a model of full size.
    """
    import torch

    if torch.cuda.is_available():
        where = config.device or "cuda"
        _, _, number = where.partition(":")
        if number and int(number) >= torch.cuda.device_count():
            raise BackendError(
                f"There are {torch.cuda.device_count()} CUDA devices here, counted from 0; got "
                f"--device {where}."
            )
        return where
    if config.device == "cpu" or (config.device is None and model.is_toy):
        return "cpu"
    raise BackendError(
        f"There is no CUDA device here for {model.name} ({model.parameters / 1e9:.1f} billion "
        "parameters, very slow without one). Run on a machine with a GPU, or say --device cpu."
    )


def versions(where: str) -> str:
    """Packages and device that the numbers depend on."""
    import diffusers
    import torch
    import transformers

    name = torch.cuda.get_device_name(where) if where.startswith("cuda") else "cpu"
    return (
        f"diffusers {diffusers.__version__}, torch {torch.__version__}, "
        f"transformers {transformers.__version__} on {name}"
    )


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
    free: float, config: LtxConfig, model: LtxModel, width: int, height: int, num_frames: int
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


def load_video(config: LtxConfig, model: LtxModel) -> Any:
    """Load all but the text encoder, ready to sample.

    Returns:
        The diffusers pipeline, on its device.

    Raises:
        BackendError: A file is missing or damaged, or the attention backend is not to be had.
    """
    pipe = _load(config, model, without=TEXT)
    try:
        # Always, since diffusers remembers the last one of the process.
        with quiet():
            pipe.transformer.set_attention_backend(config.attention or "native")
    except (ValueError, RuntimeError, ImportError) as error:
        raise BackendError(
            f"The attention backend {config.attention!r} cannot be used: {error}"
        ) from error
    if config.cache:
        pipe.transformer.enable_cache(_cache(config.cache, pipe))
    if config.compile:
        pipe.transformer.compile_repeated_blocks(fullgraph=True, dynamic=False)
    return pipe


def load_text(config: LtxConfig, model: LtxModel) -> Any:
    """Load the text encoder and its tokenizer alone, as a pipeline that can only encode.

    Raises:
        BackendError: A file is missing or damaged.
    """
    return _load(config, model, without=VIDEO)


def _load(config: LtxConfig, model: LtxModel, without: tuple[str, ...]) -> Any:
    import diffusers
    import torch
    from safetensors import SafetensorError

    try:
        with quiet():
            pipe = getattr(diffusers, model.pipeline).from_pretrained(
                model.source,
                revision=model.commit,
                dtype=getattr(torch, config.dtype),
                use_safetensors=True,
                **dict.fromkeys(without),
            )
        pipe.set_progress_bar_config(disable=True)
        return pipe.to(device(config, model))
    except torch.OutOfMemoryError as error:
        raise BackendError(
            f"{model.name} does not fit into the memory of the GPU. Encode the prompts elsewhere "
            "and give them with --embeddings, so that T5 is not loaded, or use a larger GPU."
        ) from error
    except (OSError, ValueError, KeyError, RuntimeError, SafetensorError) as error:
        raise BackendError(f"{config.model} cannot be loaded: {_first_line(error)}") from error


def _cache(name: str, pipe: Any) -> Any:
    from diffusers import hooks

    configs: Any = hooks  # their constructors say nothing of types
    if name == "pyramid":
        return configs.PyramidAttentionBroadcastConfig(
            spatial_attention_block_skip_range=2,
            current_timestep_callback=lambda: pipe.current_timestep,
        )
    # The default pattern ends in "attn" and so misses this model's attn1 and attn2.
    return configs.TaylorSeerCacheConfig(
        cache_identifiers=[r"transformer_blocks\.\d+\.(attn1|attn2|ff)"],
    )


def _file(config: LtxConfig, name: str) -> Path:
    """A small file of the model, downloaded if need be."""
    folder = Path(config.model)
    if folder.is_dir():
        if config.revision:
            raise BackendError(
                f"{config.model} is a folder and has no revision {config.revision!r}; leave "
                "--revision out, or name a model of the Hub."
            )
        if not (folder / name).is_file():
            raise BackendError(
                f"{config.model} is no LTX-Video model in the form of diffusers: it has no {name}."
            )
        return folder / name
    return _hub_file(config, name)


def _hub_file(config: LtxConfig, name: str) -> Path:
    from huggingface_hub import errors, hf_hub_download

    model = config.model
    try:
        return Path(hf_hub_download(model, name, revision=config.revision))
    except errors.HFValidationError:
        why = f"{model} is neither a folder nor the id of a model on the Hub (owner/name)."
    except errors.GatedRepoError:
        why = f"{model} is gated: accept its terms on its page and run `hf auth login`."
    except errors.RepositoryNotFoundError:
        why = f"There is no model {model} on the Hub, and no folder of that name."
    except errors.RevisionNotFoundError:
        why = f"{model} has no revision {config.revision!r}; name a branch, a tag or a commit."
    except errors.LocalEntryNotFoundError:
        at = f" at revision {config.revision!r}" if config.revision else ""
        why = (
            f"{model}{at} is not in the cache and the Hub cannot be reached. Go online once "
            "(without HF_HUB_OFFLINE), or give --model a folder."
        )
    except errors.EntryNotFoundError:
        why = f"{model} is no LTX-Video model in the form of diffusers: it has no {name}."
    except (errors.HfHubHTTPError, errors.OfflineModeIsEnabled) as error:
        why = f"{model} cannot be read from the Hub: {_first_line(error)}"
    raise BackendError(why)


def _demand_weights(folder: Path, parts: tuple[str, ...]) -> None:
    for part in parts:
        index = next((folder / part).glob("*.safetensors.index.json"), None)
        if index:
            names = sorted(set(_json(index)["weight_map"].values()))
            missing = [name for name in names if not (folder / part / name).is_file()]
        else:
            missing = [] if any((folder / part).glob("*.safetensors")) else ["*.safetensors"]
        if missing:
            raise BackendError(
                f"{folder} lacks the weights {part}/{missing[0]}; download or save the model again."
            )


@lru_cache(maxsize=4)
def _folder_revision(folder: Path) -> str:
    parts = [folder / "model_index.json"]
    parts += [path for part in VIDEO for path in sorted((folder / part).glob("*.*"))]
    files = [(path.relative_to(folder).as_posix(), sha256(path)) for path in parts]
    return f"sha256:{seeds.digest(*files)}"


def _json(path: Path) -> dict[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise BackendError(f"{path} is no readable JSON: {error}.") from error
    return values if isinstance(values, dict) else {}


def _first_line(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}".splitlines()[0]


@contextmanager
def quiet() -> Iterator[None]:
    """Without the libraries' own bars, which would break into ours, and diffusers' remarks."""
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    libraries = (diffusers_logging, transformers_logging)
    shown = [library.is_progress_bar_enabled() for library in libraries]
    level = diffusers_logging.get_verbosity()
    diffusers_logging.set_verbosity_error()
    for library in libraries:
        library.disable_progress_bar()
    try:
        yield
    finally:
        diffusers_logging.set_verbosity(level)
        for library, bar in zip(libraries, shown, strict=True):
            if bar:
                library.enable_progress_bar()
