"""LTX-Video: clips from a face and a prompt, by Lightricks' diffusion model on diffusers."""

from __future__ import annotations

from equime_hub.builder.backends.ltx.backend import LtxBackend
from equime_hub.builder.backends.ltx.config import PRESETS, LtxConfig
from equime_hub.builder.backends.ltx.embeddings import encode_prompts

__all__ = ["LtxBackend", "LtxConfig", "PRESETS", "encode_prompts"]
