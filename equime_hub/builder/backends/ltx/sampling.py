"""Jobs to frames: one pipeline call a batch, then each clip decoded on its own.

Every number that a clip depends on comes from the clip: its seed makes a generator on the CPU,
which draws in the order of diffusers' own call for one clip, the noise of the decoder last. So a
clip has the same pixels whatever its neighbours and its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from equime_hub.builder.backends.ltx.config import LtxConfig
from equime_hub.builder.backends.ltx.embeddings import Embedding
from equime_hub.builder.backends.ltx.pipeline import quiet
from equime_hub.builder.spec import BrokenClip, Image, RenderJob
from equime_hub.video import codec
from equime_hub.video.clip import Clip

if TYPE_CHECKING:
    import torch


Embed = Callable[[str], Embedding]
"""Gives the embedding of a prompt."""


def generate(pipe: Any, jobs: Sequence[RenderJob], embed: Embed, config: LtxConfig) -> list[Clip]:
    """Make the clips of one batch.

    A clip that cannot be shown, because its numbers are not finite or its frames too few, is a
    `BrokenClip`.

    Args:
        pipe: What `load_video` loaded.
        jobs: At most `config.batch_size`, of one size and length.
        embed: Gives the embeddings of their prompts.
        config: Settings.
    """
    import torch

    # A batch of another size may take other kernels, so a short one is filled up.
    padded = [*jobs, *[jobs[-1]] * (config.batch_size - len(jobs))]
    generators = [torch.Generator().manual_seed(job.spec.seed) for job in padded]
    latents = _sample(pipe, padded, generators, embed, config)
    spec = jobs[0].spec
    shape = (spec.num_frames, spec.height, spec.width, 3)
    pinned = latents.is_cuda
    frames = torch.empty((len(jobs), *shape), dtype=torch.uint8, pin_memory=pinned)
    faults: list[str | None] = []
    for i in range(len(jobs)):
        pixels = _decode(pipe, latents[i : i + 1], generators[i], config)
        if pixels is None:
            faults.append("not finite")
        elif pixels.shape != shape:
            faults.append("wrong frame count")
        else:
            faults.append(None)
            frames[i].copy_(pixels, non_blocking=pinned)
    if pinned:
        torch.cuda.synchronize(latents.device)
    return [
        BrokenClip.of(job.spec, fault) if fault else Clip(clip.numpy(), job.spec.fps)
        for clip, fault, job in zip(frames, faults, jobs, strict=True)
    ]


def _sample(
    pipe: Any,
    jobs: Sequence[RenderJob],
    generators: list[torch.Generator],
    embed: Embed,
    config: LtxConfig,
) -> torch.Tensor:
    """Latents of a batch, B×C×F×H×W float32, normalised as the transformer makes them."""
    import torch

    spec = jobs[0].spec
    faces = np.stack([_conditioned(job.image, config.conditioning_crf) for job in jobs])
    arguments: dict[str, Any] = _stack([embed(job.spec.prompt) for job in jobs], pipe, "")
    if config.guidance_scale > 1:
        negative = [embed(job.spec.negative_prompt) for job in jobs]
        arguments |= _stack(negative, pipe, "negative_")
    late = hasattr(pipe, "add_noise_to_image_conditioning_latents")
    if late:
        arguments["image_cond_noise_scale"] = config.image_cond_noise_scale
    if config.timesteps:
        arguments["timesteps"] = list(config.timesteps)
    with quiet():
        latents: torch.Tensor = pipe(
            # A list would be several conditions on one clip in the later pipeline.
            image=torch.from_numpy(faces).permute(0, 3, 1, 2).float() / 255,
            width=spec.width,
            height=spec.height,
            num_frames=spec.num_frames,
            frame_rate=config.frame_rate,
            num_inference_steps=config.steps,
            guidance_scale=config.guidance_scale,
            generator=generators,
            output_type="latent",
            **arguments,
        ).frames
    if late:
        return latents
    return pipe._unpack_latents(  # type: ignore[no-any-return]
        latents,
        (spec.num_frames - 1) // pipe.vae_temporal_compression_ratio + 1,
        spec.height // pipe.vae_spatial_compression_ratio,
        spec.width // pipe.vae_spatial_compression_ratio,
        pipe.transformer_spatial_patch_size,
        pipe.transformer_temporal_patch_size,
    )


def _decode(
    pipe: Any, latents: torch.Tensor, generator: torch.Generator, config: LtxConfig
) -> torch.Tensor | None:
    """Frames of one clip, T×H×W×3 uint8 where the model is; None if they are not finite.

    The arithmetic, types and roundings are those of the pipeline's own way to PIL images, whose
    pixels these equal. Its own call cannot decode with one generator a clip.
    """
    import torch
    from diffusers.utils.torch_utils import randn_tensor

    vae = pipe.vae
    latents = pipe._denormalize_latents(
        latents, vae.latents_mean, vae.latents_std, vae.config.scaling_factor
    ).to(vae.dtype)
    timestep = None
    if vae.config.timestep_conditioning:
        same: Any = {"device": latents.device, "dtype": latents.dtype}
        noise = randn_tensor(latents.shape, generator=generator, **same)
        timestep = torch.tensor([config.decode_timestep], **same)
        scale = torch.tensor([config.decode_noise_scale], **same)[:, None, None, None, None]
        latents = (1 - scale) * latents + scale * noise
    with torch.no_grad():
        video = vae.decode(latents, timestep, return_dict=False)[0][0]
    if not torch.isfinite(video).all():
        return None
    pixels: torch.Tensor = ((video * 0.5 + 0.5).clamp(0, 1).float() * 255).round_().to(torch.uint8)
    return pixels.permute(1, 2, 3, 0)


def _stack(found: Sequence[Embedding], pipe: Any, prefix: str) -> dict[str, torch.Tensor]:
    import torch

    device = pipe.transformer.device
    return {
        f"{prefix}prompt_embeds": torch.stack([each.tokens for each in found]).to(device),
        f"{prefix}prompt_attention_mask": torch.stack([each.mask for each in found]).to(device),
    }


def _conditioned(image: Image, crf: int | None) -> Image:
    """The face as a frame of compressed video, which is what the model was trained on."""
    if crf is None:
        return image
    # Lightricks' script encodes one frame at one frame a second, untuned; of x264's tunings film
    # comes nearest to that (38 dB at crf 29).
    encoder = codec.EncoderConfig(preset="veryfast", crf=crf, tune="film")
    frame: Image = codec.decode(codec.encode(Clip(image[None], 1.0), encoder)).frames[0]
    return frame
