from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import torch
from PIL import Image

from equime_hub import configs
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend, LtxConfig
from equime_hub.builder.spec import BrokenClip, RenderJob
from equime_hub.errors import BackendError
from tests.support import forks
from tests.support import tiny_ltx as tiny

Frames = npt.NDArray[np.uint8]
Models = dict[str, Path]
TINY: LtxConfig = replace(PRESETS["tiny"].config, batch_size=1)


def config(model: Path, **changes: Any) -> LtxConfig:
    return replace(TINY, model=str(model), **changes)


def rendered(jobs: list[RenderJob], settings: LtxConfig) -> list[Frames]:
    return [clip.frames for clip in LtxBackend(settings).render(jobs)]


def published(kind: str, jobs: list[RenderJob], settings: LtxConfig) -> list[Frames]:
    """The loop of EquiME's script: one call of the pipeline a clip, PIL images out."""
    late = kind.startswith("condition")
    name = "LTXConditionPipeline" if late else "LTXImageToVideoPipeline"
    pipeline = getattr(tiny.models, name)
    pipe = pipeline.from_pretrained(settings.model, dtype=getattr(torch, settings.dtype))
    pipe.to(settings.device or "cpu").set_progress_bar_config(disable=True)
    more: dict[str, Any] = {"image_cond_noise_scale": 0.025} if late else {}
    if settings.timesteps:
        more["timesteps"] = list(settings.timesteps)
    clips = []
    for job in jobs:
        frames = pipe(
            image=Image.fromarray(job.image),
            prompt=job.spec.prompt,
            negative_prompt=job.spec.negative_prompt,
            width=job.spec.width,
            height=job.spec.height,
            num_frames=job.spec.num_frames,
            num_inference_steps=settings.steps,
            guidance_scale=settings.guidance_scale,
            decode_timestep=0.05,
            decode_noise_scale=0.025,
            generator=torch.Generator().manual_seed(job.spec.seed),
            output_type="pil",
            **more,
        ).frames[0]
        clips.append(np.stack([np.asarray(frame) for frame in frames]))
    return clips


def differing(first: list[Frames], second: list[Frames]) -> int:
    return sum(int((a != b).sum()) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("kind", tiny.KINDS)
def test_one_at_a_time_equals_the_published_loop(models: Models, kind: str, dtype: str) -> None:
    jobs, settings = [tiny.job(0), tiny.job(3, 64, 17)], config(models[kind], dtype=dtype)
    ours = rendered(jobs, settings)
    assert [clip.shape for clip in ours] == [(9, 32, 32, 3), (17, 64, 64, 3)]
    assert differing(ours, published(kind, jobs, settings)) == 0


def test_distilled_settings_equal_the_published_loop(models: Models) -> None:
    distilled = replace(PRESETS["distilled"].config, image_cond_noise_scale=0.025)
    settings = replace(
        distilled, model=str(models["condition-timestep"]), dtype="float32", batch_size=1
    )
    jobs = [tiny.job(1)]
    expected = published("condition-timestep", jobs, settings)
    assert differing(rendered(jobs, settings), expected) == 0
    assert differing(rendered(jobs, replace(settings, timesteps=())), expected) > 0


@pytest.mark.parametrize("kind", tiny.KINDS)
def test_a_clip_feels_neither_neighbours_nor_place_nor_padding(models: Models, kind: str) -> None:
    jobs = [tiny.job(seed) for seed in range(6)]
    backend = LtxBackend(config(models[kind], batch_size=4))

    def make(*numbers: int) -> list[Frames]:
        return [clip.frames for clip in backend.render([jobs[i] for i in numbers])]

    all_six = make(0, 1, 2, 3, 4, 5)  # the last two in a batch filled up with 5
    assert differing(make(5, 4, 3, 2, 1, 0), all_six[::-1]) == 0
    assert differing(make(2, 2, 5, 2), [all_six[i] for i in (2, 2, 5, 2)]) == 0
    assert differing(make(4), all_six[4:5]) == 0
    assert differing(make(0, 1, 2, 3, 4, 5), all_six) == 0
    alone = rendered(jobs, config(models[kind]))
    assert max(np.abs(a.astype(int) - b).max() for a, b in zip(all_six, alone, strict=True)) <= 1


def test_sizes_may_be_mixed(models: Models) -> None:
    jobs = [tiny.job(0), tiny.job(1, 64), tiny.job(2), tiny.job(3, 64), tiny.job(4, 32, 17)]
    settings = config(models["image"], batch_size=2)
    mixed = rendered(jobs, settings)
    assert [clip.shape[:2] for clip in mixed] == [(9, 32), (9, 64), (9, 32), (9, 64), (17, 32)]
    assert differing(mixed[1:4:2], rendered(jobs[1:4:2], settings)) == 0


@pytest.mark.parametrize("change", ["seed", "prompt", "negative_prompt", "image", "steps", "crf"])
def test_everything_asked_for_counts(models: Models, change: str) -> None:
    job, settings = tiny.job(0), config(models["image"])
    other, changed = job, settings
    if change == "steps":
        changed = replace(settings, steps=3)
    elif change == "crf":
        changed = replace(settings, conditioning_crf=29)
    elif change == "image":
        other = replace(job, image=tiny.job(1).image)
    else:
        value = getattr(tiny.job(3).spec, change)  # its negative prompt lets the mouth open
        other = replace(job, spec=replace(job.spec, **{change: value}))
    assert differing(rendered([job], settings), rendered([other], changed)) > 0


def test_same_bytes_in_another_process(models: Models) -> None:
    code = (
        "import hashlib, sys; from pathlib import Path; "
        "from tests.builder.backends.ltx import test_ltx as here; "
        "from tests.support import tiny_ltx as tiny; "
        "made = here.rendered([tiny.job(2)], here.config(tiny.save(Path('again')))); "
        "print(hashlib.sha256(made[0].tobytes()).hexdigest())"
    )
    there = forks.succeeded("-c", code, env=forks.environment())
    here = rendered([tiny.job(2)], config(models["image"]))[0]
    assert there.strip() == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.parametrize("cache", ["pyramid", "taylorseer"])
def test_caches_change_pixels_but_mix_no_clips(models: Models, cache: str) -> None:
    jobs = [tiny.job(seed) for seed in range(3)]
    plain = config(models["image"], batch_size=2, steps=12)
    backend = LtxBackend(replace(plain, cache=cache))
    first = [clip.frames for clip in backend.render(jobs)]
    again = [clip.frames for clip in backend.render(jobs[::-1])][::-1]
    assert differing(first, again) == 0
    assert differing(first, rendered(jobs, plain)) > 0
    assert f"{cache} cache" in backend.generation.software
    assert backend.generation.generator == f"ltx (tiny: 12 steps, {cache} cache)"


@pytest.mark.gpu
@pytest.mark.parametrize("kind", ["image", "condition"])
def test_on_a_gpu_too(models: Models, kind: str) -> None:
    if not torch.cuda.is_available():
        assert "EQUIME_REQUIRE_GPU" not in os.environ, "there is no CUDA device"
        pytest.skip("needs a CUDA device")
    jobs = [tiny.job(seed) for seed in range(3)]
    settings = config(models[kind], device="cuda", dtype="bfloat16")
    assert differing(rendered(jobs, settings), published(kind, jobs, settings)) == 0
    batched = replace(settings, batch_size=2)
    assert differing(rendered(jobs, batched), rendered(jobs[::-1], batched)[::-1]) == 0


@pytest.mark.slow
def test_compiled_blocks_make_the_same_clip(models: Models) -> None:
    jobs = [tiny.job(0)]
    plain = rendered(jobs, config(models["image"]))[0]
    compiled = rendered(jobs, config(models["image"], compile=True))[0]
    assert np.abs(plain.astype(int) - compiled).max() <= 1


def test_native_attention_can_be_named_and_unknown_is_refused(models: Models) -> None:
    jobs, settings = [tiny.job(0)], config(models["image"])
    named = rendered(jobs, replace(settings, attention="native"))
    assert differing(named, rendered(jobs, settings)) == 0
    with pytest.raises(BackendError, match="attention backend 'fastest' cannot be used"):
        rendered(jobs, replace(settings, attention="fastest"))


def test_a_clip_gone_bad_is_black_and_rejected_and_its_neighbour_is_not(models: Models) -> None:
    jobs, settings = [tiny.job(0), tiny.job(1)], config(models["image"], batch_size=2)
    good = rendered(jobs, settings)
    backend = LtxBackend(settings)
    backend.render(jobs[:1])
    decoded = []

    def spoil_a_frame_of_the_second(module: Any, inputs: Any, output: Any) -> None:
        decoded.append(output)
        if len(decoded) == 2:
            output[:, :, 3, 0, 0] = float("nan")

    handle = backend._pipe.vae.decoder.register_forward_hook(spoil_a_frame_of_the_second)
    made = backend.render(jobs)
    handle.remove()
    assert differing([made[0].frames], good[:1]) == 0
    broken = made[1]
    assert isinstance(broken, BrokenClip)
    assert broken.reason == "not finite"
    assert not broken.frames.any()
    assert broken.frames.shape == good[1].shape
    assert differing([backend.render(jobs)[1].frames], good[1:]) == 0


def test_out_of_memory_names_a_size_to_try(models: Models) -> None:
    def fail(module: Any, inputs: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.")

    for size, advice in ((4, "try --batch-size 2"), (1, "use a GPU with more memory")):
        backend = LtxBackend(config(models["image"], batch_size=size))
        backend._pipe.transformer.register_forward_pre_hook(fail)
        with pytest.raises(BackendError, match=f"for {size} clips of 32×32×9 at a time: {advice}"):
            backend.render([tiny.job(0)])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"num_frames": 144}, "got 144: it would silently make 137. Ask for 137 or 145"),
        ({"num_frames": 8}, "Ask for 1 or 9"),
        ({"width": 250}, "multiples of 32, got width 250. Ask for 256"),
        ({"height": 16}, "multiples of 32, got height 16. Ask for 32"),
        ({"au_apex": (0.0,) * 17}, "names no action unit"),
    ],
)  # fmt: skip
def test_what_diffusers_would_round_is_refused(
    models: Models, changes: dict[str, Any], message: str
) -> None:
    backend = LtxBackend(config(models["image"]))
    with pytest.raises(BackendError, match=message):
        backend.check(tiny.job(0, **changes).spec)
    backend.check(tiny.job(0).spec)
    assert "_pipe" not in vars(backend)


def test_an_image_of_another_size_is_refused(models: Models) -> None:
    job = replace(tiny.job(0), image=tiny.job(0, 64).image)
    with pytest.raises(BackendError, match="must be 32×32×3, got shape"):
        rendered([job], config(models["image"]))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"cache": "first-block"}, "cache must be one of pyramid, taylorseer.*FirstBlockCache"),
        ({"cache": "pyramid", "compile": True}, "exclude each other"),
        ({"steps": 0}, "steps must be at least 1; got 0"),
        ({"batch_size": 0}, "batch_size must be at least 1"),
        ({"guidance_scale": 0.5}, "guidance_scale must be at least 1; got 0.5"),
        ({"dtype": "int8"}, "dtype must be one of bfloat16, float16, float32; got int8"),
        ({"conditioning_crf": 60}, "conditioning_crf must be from 0 to 51; got 60"),
        ({"decode_timestep": 2.0}, "decode_timestep must be from 0 to 1; got 2.0"),
        ({"timesteps": (1000.0, 500.0)}, "steps must be the number of timesteps, 2; got 80"),
    ],
)
def test_wrong_settings_are_refused(wrong: dict[str, Any], message: str) -> None:
    with pytest.raises(BackendError, match=message):
        LtxConfig(**wrong)


def test_timesteps_need_the_later_pipeline(models: Models) -> None:
    settings = config(models["image"], timesteps=(1000.0, 500.0))
    with pytest.raises(BackendError, match="LTXImageToVideoPipeline, which takes no timesteps"):
        LtxBackend(settings).check(tiny.job(0).spec)


def test_a_single_step_needs_the_later_pipeline_too(models: Models) -> None:
    backend = LtxBackend(config(models["image"], steps=1))
    with pytest.raises(BackendError, match="cannot do a single step"):
        backend.check(tiny.job(0).spec)
    assert len(rendered([tiny.job(0)], config(models["condition"], steps=1))) == 1


def test_an_attention_backend_that_fails_at_work_is_named(models: Models) -> None:
    with pytest.raises(BackendError, match="'_native_cudnn' cannot be used here"):
        rendered([tiny.job(0)], config(models["image"], attention="_native_cudnn", device="cpu"))
    rendered([tiny.job(0)], config(models["image"]))  # diffusers has not kept it


@pytest.mark.parametrize("name", PRESETS)
def test_presets(name: str) -> None:
    preset = PRESETS[name]
    assert preset.config.preset == name
    assert configs.from_json(LtxConfig, configs.to_json(preset.config)) == preset.config
    assert preset.num_frames % 8 == 1
    assert not preset.width % 32
    assert not preset.height % 32
    assert bool(preset.config.lossy) == (not name.startswith("equime"))


def test_generation_names_what_made_the_pixels(models: Models) -> None:
    backend = LtxBackend(config(models["image"], batch_size=3))
    generation = backend.generation
    assert generation.generator == "ltx (tiny: 2 steps)"
    assert generation.model_id == "image"
    assert generation.model_revision
    assert generation.model_revision.startswith("sha256:")
    assert (generation.steps, generation.guidance_scale, generation.batch_size) == (2, 3.0, 3)
    for part in ("preset tiny", "diffusers ", "torch ", "transformers ", "cpu", "float32", "eager"):
        assert part in generation.software
    assert LtxConfig().lossy == ()
