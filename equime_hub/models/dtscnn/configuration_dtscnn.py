"""Configuration of DTSCNN."""

from __future__ import annotations

from typing import Any, ClassVar

from equime_hub.errors import ModelError
from equime_hub.models.configuration_fixed import FixedConfig


class DTSCNNConfig(FixedConfig):
    """DTSCNN (Peng et al. 2017, Frontiers in Psychology 8:1745), which has no released code.

    From the paper: two streams of one shallow 3-D network each, fed with optical flow of the clip
    interpolated to 64 and to 128 frames, their features joined and classified by a linear SVM.
    Here a linear layer, trained with the rest, takes the SVM's place; `features` of the model
    gives what an SVM would see. The processor samples 128 frames, where the paper interpolates,
    and the short scale is made from them: the flow between frames that are further apart is
    about the sum of the flows between them, and their mean is that up to a factor.

    Every other number is a guess of ours and not the paper's, the size of the input too.

    Attributes:
        num_frames: Fields of flow of the long scale.
        short_frames: Fields of the short scale, at most `num_frames`.
        flow_channels: Channels of the input that are used: 2 for u and v (the paper's flow), 3
            for optical strain too.
        num_layers: Convolutions a stream, each with ReLU and max pooling of 2×2×2. A guess.
        filters: Channels of the first convolution; each layer doubles them. A guess.
        kernel_size: Frames, height and width of each kernel, odd. A guess.
        dropout: Share of the features dropped before the classifier, in [0, 1). A guess.

    Raises:
        ModelError: A size below 1, an even kernel, or a short scale that is the longer one.
    """

    model_type: ClassVar[str] = "equime_dtscnn"
    inputs: ClassVar[dict[str, Any]] = {
        "span": "expression",
        "input_kind": "flow",
        "flow_from": "previous",
    }
    layouts: ClassVar[tuple[str, ...]] = ("conv3d",)
    sizes: ClassVar[tuple[str, ...]] = (
        "short_frames",
        "flow_channels",
        "num_layers",
        "filters",
        "kernel_size",
    )

    layout: str = "conv3d"
    num_frames: int | None = 128
    num_channels: int = 3
    image_size: int = 64
    short_frames: int = 64
    flow_channels: int = 2
    num_layers: int = 4
    filters: int = 16
    kernel_size: int = 3
    dropout: float = 0.5

    def __post_init__(self, **kwargs: Any) -> None:
        super().__post_init__(**kwargs)
        if self.short_frames > (self.num_frames or 0):
            raise ModelError(
                f"short_frames must be at most num_frames={self.num_frames}, "
                f"got {self.short_frames}."
            )
        if self.flow_channels > self.num_channels:
            raise ModelError(
                f"flow_channels must be at most num_channels={self.num_channels}, "
                f"got {self.flow_channels}."
            )
        if self.kernel_size % 2 == 0:
            raise ModelError(f"kernel_size must be odd, got {self.kernel_size}.")
