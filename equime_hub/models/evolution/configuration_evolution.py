"""Configuration of Evolution."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration import MicroExpressionConfig
from equime_hub.models.evolution.regions import REGIONS


class EvolutionConfig(MicroExpressionConfig):
    """A model after He et al., whose code and details are not public.

    What they say: faces are aligned, optical flow of regions of action units is taken from *all*
    frames at 100 a second, and a Transformer of five layers reads it. Every other number here is a
    guess, and says so.

    Attributes:
        frame_rate: Frames a second of the input, which its processor picks. Published. Positions
            are in time, so a model for another rate sees the same waves.
        regions: Which of `regions.REGIONS` are read. Number, places and shape are a guess.
        relative_to_head: Subtract the flow of the bridge of the nose from every region's: a guess
            at their alignment to the nose, which leaves what the face does and not the head.
        gains: What flow to the right, flow down (hundredths of the side) and strain (percent) are
            multiplied by at first; they are learned. A guess: typical values become about 1.
        hidden_size: Width of the Transformer; a guess.
        num_hidden_layers: Published: five.
        num_attention_heads: A guess.
        intermediate_size: Width inside the feed-forward parts; a guess.
        dropout: A guess.
        wavelengths_ms: Shortest and longest wave of the sinusoidal positions; a guess: four frames
            at 100 a second, and 20 s.
        pooling: "mean" over a clip's frames, or "cls", a token that reads along; a guess.

    Raises:
        ModelError: An option that no model can be made with.
    """

    model_type: ClassVar[str] = "equime_evolution"

    image_size: int = 28
    frame_rate: float = 100.0
    regions: Sequence[str] = tuple(REGIONS)
    relative_to_head: bool = True
    gains: Sequence[float] = (10.0, 10.0, 1.0)
    hidden_size: int = 64
    num_hidden_layers: int = 5
    num_attention_heads: int = 4
    intermediate_size: int = 128
    dropout: float = 0.1
    wavelengths_ms: Sequence[float] = (40.0, 20_000.0)
    pooling: str = "mean"

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if unknown := [name for name in self.regions if name not in REGIONS]:
            raise ModelError(f"There is no region {unknown[0]!r}. There are: {', '.join(REGIONS)}.")
        if not self.regions or self.num_channels != 3 or len(self.gains) != 3:
            raise ModelError(
                "Evolution reads three channels (flow to the right, flow down, strain) of at least "
                f"one region, each with a gain; got num_channels={self.num_channels}, "
                f"{len(self.gains)} gains and {len(self.regions)} regions."
            )
        if self.hidden_size % (2 * self.num_attention_heads):
            raise ModelError(
                f"hidden_size must be a multiple of 2 × {self.num_attention_heads} attention "
                f"heads, got {self.hidden_size}."
            )
        if self.frame_rate <= 0 or not 0 < self.wavelengths_ms[0] < self.wavelengths_ms[-1]:
            raise ModelError(
                "frame_rate must be positive and wavelengths_ms a shorter and a longer time, got "
                f"{self.frame_rate} and {self.wavelengths_ms}."
            )
        if self.pooling not in ("mean", "cls"):
            raise ModelError(f"pooling is 'mean' or 'cls', got {self.pooling!r}.")

    @property
    def inputs(self) -> dict[str, Any]:
        """All frames at `frame_rate`, as flow from the first, of a face aligned to the regions."""
        return {
            "sampling": "all",
            "normalize_fps": self.frame_rate,
            "input_kind": "flow",
            "flow_from": "onset",
            "face_crop": "face",
            "crop_margin": 1.0,
        }
