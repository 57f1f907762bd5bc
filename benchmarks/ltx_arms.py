"""What is compared: an arm is a way to make the same clips."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

from benchmarks.common import drawn
from equime_hub.builder.backends.ltx import PRESETS, LtxConfig
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.builder.spec import Preset
from equime_hub.schema.records import ClipSpec

FPS = 24.0
"""At which the published script writes; it tells the model 25."""


@dataclass(frozen=True)
class Arm:
    """A way to make clips.

    Attributes:
        name: Of the row in the table.
        published: The published loop, one pipeline call a clip; else a worker of this package.
        preset: One of `PRESETS`.
        batch_size: Clips at a time.
        compile: Compile the transformer's blocks.
        attention: Attention backend of diffusers.
        cache: A lossy cache.
        timed: Measure it; else it only makes clips to compare.
        neighbours: Make the first clip again among other clips.
    """

    name: str
    published: bool = False
    preset: str = "equime-paper"
    batch_size: int = 8
    compile: bool = False
    attention: str | None = None
    cache: str | None = None
    timed: bool = True
    neighbours: bool = False

    @property
    def model(self) -> str:
        """Folder of its model."""
        return "distilled" if self.preset == "distilled" else "paper"

    @property
    def lossless(self) -> bool:
        """Whether it makes the clips of the published settings."""
        return self.preset == "equime-paper" and not self.cache


ARMS = (
    Arm("reference", published=True, batch_size=1),
    Arm("batch-1", batch_size=1),
    Arm("batch-4", batch_size=4, neighbours=True),
    Arm("batch-8", neighbours=True),
    Arm("batch-8-again", timed=False),
    Arm("batch-16", batch_size=16),
    Arm("compile", compile=True),
    Arm("native-cudnn", attention="_native_cudnn"),
    Arm("native-flash", attention="_native_flash"),
    Arm("native-efficient", attention="_native_efficient"),
    Arm("flash-2", attention="flash"),
    Arm("flash-3", attention="_flash_3"),
    Arm("compile-cudnn", compile=True, attention="_native_cudnn"),
    Arm("fast", preset="fast"),
    Arm("pyramid", cache="pyramid"),
    Arm("taylorseer", cache="taylorseer"),
    Arm("distilled", preset="distilled"),
)
BY_NAME = {arm.name: arm for arm in ARMS}


@dataclass(frozen=True)
class Run:
    """What all arms share.

    Attributes:
        models: Folder of the model folders.
        scratch: Folder of prompt embeddings and of frames to compare.
        clips: At least so many an arm; rounded up to whole batches.
        steps: Denoising steps in place of the published 80; `fast` takes as much fewer.
        tiny: Toy models and small clips.
    """

    models: Path
    scratch: Path
    clips: int = 8
    steps: int | None = None
    tiny: bool = False

    @property
    def clip(self) -> Preset:
        """Size and length of a clip, the same for every arm."""
        return PRESETS["tiny" if self.tiny else "equime-paper"]

    @property
    def published_steps(self) -> int:
        """Steps of the arms that make what was published; toys take enough to use a cache."""
        return self.steps or (16 if self.tiny else PRESETS["equime-paper"].config.steps)

    def config(self, arm: Arm, device: str) -> LtxConfig:
        """Settings of an arm."""
        preset: LtxConfig = PRESETS[arm.preset].config
        paper: LtxConfig = PRESETS["equime-paper"].config
        steps = preset.steps
        if not preset.timesteps:
            # The scheduler cannot do one step.
            steps = max(2, self.published_steps * preset.steps // paper.steps)
        return replace(
            preset,
            model=str(self.models / arm.model),
            device=device,
            dtype=self.clip.config.dtype,
            steps=steps,
            batch_size=arm.batch_size,
            compile=arm.compile,
            attention=arm.attention,
            cache=arm.cache,
            embeddings=None if arm.published else self.embeddings(arm.model),
        )

    def embeddings(self, model: str) -> Path:
        """File of the prompts of all clips."""
        return self.scratch / f"prompts-{model}.safetensors"

    def frames(self, arm: Arm) -> Path:
        """File of the first clips of an arm, before they were encoded."""
        return self.scratch / f"frames-{arm.name}.npy"

    @cached_property
    def plan(self) -> Plan:
        """Clips enough for every arm."""
        most = max(self._count(arm) for arm in ARMS)
        config = PlanConfig(
            width=self.clip.width,
            height=self.clip.height,
            num_frames=self.clip.num_frames,
            fps=FPS,
        )
        return drawn(-(-most // len(config.emotions)), config)

    def specs(self, arm: Arm) -> tuple[ClipSpec, ...]:
        """Clips of an arm; every arm begins with the same ones."""
        return self.plan.specs[: self._count(arm)]

    def _count(self, arm: Arm) -> int:
        return -(-self.clips // arm.batch_size) * arm.batch_size
