"""Toy LTX-Video pipelines with random weights and the real compression, under a megabyte."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import diffusers
import numpy as np
import torch
import transformers

from equime_hub.builder import prompts
from equime_hub.builder.spec import Image, RenderJob
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import AU_NUMBERS, EMOTIONS

models: Any = diffusers  # their constructors say nothing of types
texts: Any = transformers
KINDS = ("image", "image-timestep", "condition", "condition-timestep")
_LANDMARKS = Landmarks.from_flat(tuple(float(i) for i in range(22)))


def save(folder: Path, kind: str = "image", seed: int = 0) -> Path:
    """Make a pipeline and save it as a model folder.

    Args:
        folder: Where.
        kind: One of `KINDS`.
        seed: Of its weights.
    """
    late = kind.startswith("condition")
    pipeline = models.LTXConditionPipeline if late else models.LTXImageToVideoPipeline
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        parts: dict[str, Any] = {
            "scheduler": scheduler(shifting=not late),
            "vae": _vae(timestep_conditioning=kind.endswith("timestep")),
            "text_encoder": _text_encoder(),
            "tokenizer": tokenizer(),
            "transformer": _transformer(),
        }
    pipeline(**parts).save_pretrained(folder)
    return folder


def tokenizer() -> Any:
    # An explicit vocabulary: a trained one differs from process to process.
    pieces = [("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0), ("▁", -2.0)]
    pieces += [("▁" + word, -3.0) for word in _words()]
    pieces += [(letter, -6.0) for letter in "abcdefghijklmnopqrstuvwxyz,.-:"]
    return texts.T5TokenizerFast(
        vocab=pieces, extra_ids=0, additional_special_tokens=[], model_max_length=128
    )


def _words() -> list[str]:
    """All that a plan's prompts are made of, so that they fit into the tokens."""
    none, full = (0.0,) * len(AU_NUMBERS), (1.0,) * len(AU_NUMBERS)
    text = [prompts.negative_prompt(none), *(prompts.prompt(name, none) for name in EMOTIONS)]
    text += [prompts.prompt("fear", [i * value for i in full]) for value in (0.1, 0.2, 0.3, 0.6)]
    return sorted(set(re.findall(r"[A-Za-z]+", " ".join(text))))


def _text_encoder() -> Any:
    config = texts.T5Config(
        vocab_size=256, d_model=32, d_kv=8, d_ff=37, num_layers=2, num_heads=4,
        feed_forward_proj="gated-gelu", pad_token_id=0, eos_token_id=1,
    )  # fmt: skip
    return texts.T5EncoderModel(config).eval()


def _transformer() -> Any:
    return models.LTXVideoTransformer3DModel(
        in_channels=8, out_channels=8, num_attention_heads=4, attention_head_dim=8,
        cross_attention_dim=32, num_layers=2, caption_channels=32,
    ).eval()  # fmt: skip


def _vae(timestep_conditioning: bool) -> Any:
    scaling = (True, True, True, False)
    return models.AutoencoderKLLTXVideo(
        in_channels=3, out_channels=3, latent_channels=8, block_out_channels=(8,) * 4,
        decoder_block_out_channels=(8,) * 4, layers_per_block=(1,) * 5,
        decoder_layers_per_block=(1,) * 5, spatio_temporal_scaling=scaling,
        decoder_spatio_temporal_scaling=scaling, decoder_inject_noise=(False,) * 5,
        upsample_residual=(False,) * 4, upsample_factor=(1,) * 4,
        timestep_conditioning=timestep_conditioning, patch_size=4, patch_size_t=1,
        encoder_causal=True, decoder_causal=False,
    ).eval()  # fmt: skip


def scheduler(shifting: bool) -> Any:
    if not shifting:
        return models.FlowMatchEulerDiscreteScheduler()
    return models.FlowMatchEulerDiscreteScheduler(
        use_dynamic_shifting=True, base_shift=0.95, max_shift=2.05, base_image_seq_len=1024,
        max_image_seq_len=4096, shift_terminal=0.1,
    )  # fmt: skip


def job(seed: int = 0, size: int = 32, num_frames: int = 9, **changes: Any) -> RenderJob:
    """A clip of its own face, unit, prompts and noise."""
    units = tuple(0.3 * (i == 5 * seed % len(AU_NUMBERS)) for i in range(len(AU_NUMBERS)))
    spec: dict[str, Any] = {
        "clip_id": f"{seed:016x}",
        "split": "train",
        "face": Face("someone", "toy", f"{seed}.png", "0" * 64, _LANDMARKS),
        "emotion": "happiness",
        "au_onset": (0.0,) * len(AU_NUMBERS),
        "au_apex": units,
        "au_source": "expert",
        "au_source_subject": None,
        "num_frames": num_frames,
        "fps": 25.0,
        "onset_frame": 0,
        "apex_frame": 2,
        "offset_frame": 4,
        "width": size,
        "height": size,
        "prompt": prompts.prompt("happiness", units),
        "negative_prompt": prompts.negative_prompt(units),
        "seed": 1000 + seed,
    }
    return RenderJob(ClipSpec(**{**spec, **changes}), _face(seed, size), _LANDMARKS)


def _face(seed: int, size: int) -> Image:
    rows, columns = np.mgrid[:size, :size] / size
    waves = [np.sin(7 * rows + seed + i) * np.cos(5 * columns - i) for i in range(3)]
    return np.asarray(127.5 + 127.5 * np.stack(waves, -1), np.uint8)
