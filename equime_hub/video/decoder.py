"""A lazy video decoder with torchcodec's reading interface, over PyAV.

PyAV's wheel carries FFmpeg, so nothing has to be installed beside it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from equime_hub.errors import VideoError
from equime_hub.video import codec, timing
from equime_hub.video.clip import Clip

if TYPE_CHECKING:
    from torch import Tensor

DimensionOrder = Literal["NCHW", "NHWC"]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame.

    Attributes:
        data: C×H×W (or H×W×C) uint8.
        pts_seconds: When it is shown.
        duration_seconds: For how long.
    """

    data: Tensor
    pts_seconds: float
    duration_seconds: float


@dataclass(frozen=True, eq=False)
class FrameBatch:
    """Several frames.

    Attributes:
        data: N×C×H×W (or N×H×W×C) uint8.
        pts_seconds: N float64, when each is shown.
        duration_seconds: N float64, for how long.
    """

    data: Tensor
    pts_seconds: Tensor
    duration_seconds: Tensor

    def __len__(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class VideoMetadata(codec.VideoInfo):
    """What is known of a video without decoding it, under torchcodec's names.

    Attributes:
        begin_stream_seconds: When the first frame is shown.
        end_stream_seconds: When the last frame ends.
    """

    begin_stream_seconds: float
    end_stream_seconds: float

    @property
    def average_fps(self) -> float:
        """Frames per second."""
        return self.fps

    @property
    def duration_seconds(self) -> float:
        """From the first frame shown to the end of the last."""
        return self.end_stream_seconds - self.begin_stream_seconds


class AvDecoder:
    """A video that is decoded when frames are asked for, and only as far as needed.

    Making one opens nothing. Each call decodes from the first frame to the last one wanted, so
    one call with many indices is much cheaper than many calls. Negative indices count from the
    end. Safe to pickle and to share.

    A decoder *is* its encoded video: `AvDecoder(data)` is a `bytes` and `AvDecoder(path)` a
    `str`, with frames instead of characters. So whatever carries bytes and paths carries
    decoders: the formats of `datasets` and the default collate of torch pass them on undecoded,
    and a function given to `Dataset.map` may return them.

    Args:
        source: The bytes of a file, or its path.
        dimension_order: "NCHW" as torch models want it, or "NHWC".
        fetch: Reads the bytes of a source that is not a local path; called once, when needed.

    Raises:
        VideoError: Unknown dimension order. Every method: no readable video, cut short, or an
            index or time out of range.
    """

    dimension_order: DimensionOrder
    _fetch: Callable[[str], bytes] | None

    def __new__(
        cls,
        source: codec.VideoSource,
        dimension_order: DimensionOrder = "NCHW",
        fetch: Callable[[str], bytes] | None = None,
    ) -> AvDecoder:
        """Choose the type that carries the source."""
        if isinstance(source, bytes):
            return bytes.__new__(_EmbeddedVideo, source)
        return str.__new__(_VideoFile, source)

    def __init__(
        self,
        source: codec.VideoSource,
        dimension_order: DimensionOrder = "NCHW",
        fetch: Callable[[str], bytes] | None = None,
    ) -> None:
        if dimension_order not in ("NCHW", "NHWC"):
            raise VideoError(f"dimension_order must be NCHW or NHWC, got {dimension_order!r}")
        self.dimension_order = dimension_order
        self._fetch = fetch

    @cached_property
    def _info(self) -> codec.VideoInfo:
        return codec.probe(self._source)

    @cached_property
    def _timeline(self) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
        return codec.timeline(self._source)

    @property
    def encoded(self) -> bytes | str:
        """The encoded video without the decoder: its bytes or its path."""
        raise NotImplementedError

    @property
    def _source(self) -> codec.VideoSource:
        return self.encoded

    @property
    def metadata(self) -> VideoMetadata:
        """Size, rate, length; reads the file but decodes no pixel."""
        starts, durations = self._timeline
        begin, end = float(starts[0]), float(starts[-1] + durations[-1])
        return VideoMetadata(**vars(self._info), begin_stream_seconds=begin, end_stream_seconds=end)

    def clip(self, indices: Sequence[int] | None = None) -> Clip:
        """Frames as a NumPy `Clip`; None is all."""
        return codec.decode(self._source, None if indices is None else self._resolve(indices))

    def reader(self) -> codec.Reader:
        """Open it to read length, rate and frames, one by one, in one go."""
        return codec.Reader(self._source)

    def __len__(self) -> int:
        return self._info.num_frames

    def __iter__(self) -> Iterator[Tensor]:
        return iter(self[:])

    def __getitem__(self, key: int | slice) -> Tensor:
        if isinstance(key, slice):
            return self._tensor(range(*key.indices(len(self))))
        return self._tensor(self._resolve([key]))[0]

    def get_frame_at(self, index: int) -> Frame:
        """One frame."""
        return _first(self.get_frames_at([index]))

    def get_frames_at(self, indices: Iterable[int]) -> FrameBatch:
        """Frames in any order, repeats allowed; each is decoded once."""
        import torch

        wanted = self._resolve(indices)
        starts, durations = self._timeline
        return FrameBatch(
            data=self._tensor(wanted),
            pts_seconds=torch.from_numpy(starts[wanted]),
            duration_seconds=torch.from_numpy(durations[wanted]),
        )

    def get_frames_in_range(self, start: int, stop: int, step: int = 1) -> FrameBatch:
        """Frames in [start, stop), with the rules of a slice."""
        return self.get_frames_at(range(*slice(start, stop, step).indices(len(self))))

    def get_frame_played_at(self, seconds: float) -> Frame:
        """The frame on screen at a time."""
        return _first(self.get_frames_played_at([seconds]))

    def get_frames_played_at(self, seconds: Iterable[float]) -> FrameBatch:
        """The frames on screen at some times, in any order; see `timing.SLACK`."""
        times = np.array([float(second) for second in seconds])
        starts, durations = self._timeline
        end = starts[-1] + durations[-1]
        # 9 / fps at 24000/1001 is, in floating point, just before frame 9 begins.
        begun = starts - float(timing.SLACK) * durations.min()
        if not np.all((times >= begun[0]) & (times < end)):
            raise VideoError(
                f"Times {times.tolist()} are not all in the video: "
                f"expected at least {starts[0]:g} and less than {end:g} seconds"
            )
        return self.get_frames_at(np.searchsorted(begun, times, side="right") - 1)

    def _resolve(self, indices: Iterable[int]) -> list[int]:
        """Plain indices from 0; negative ones counted from the end."""
        count = len(self)
        given = [operator.index(index) for index in indices]
        for index in given:
            if not -count <= index < count:
                raise VideoError(
                    f"Frame {index} is not in a video of {count} frames: "
                    f"expected an index from {-count} to {count - 1}"
                )
        return [index % count for index in given]

    def _tensor(self, indices: Sequence[int]) -> Tensor:
        import torch

        if len(indices):
            frames = codec.decode(self._source, indices).frames
        else:
            frames = np.empty((0, self._info.height, self._info.width, 3), np.uint8)
        tensor = torch.from_numpy(frames)
        return tensor if self.dimension_order == "NHWC" else tensor.permute(0, 3, 1, 2)


class _EmbeddedVideo(AvDecoder, bytes):  # type: ignore[misc]
    @property
    def encoded(self) -> bytes:
        return bytes(self)

    def __repr__(self) -> str:
        return f"AvDecoder({bytes.__len__(self)} bytes)"

    __str__ = __repr__


class _VideoFile(AvDecoder, str):  # type: ignore[misc]
    @property
    def encoded(self) -> str:
        return str(self)

    @cached_property
    def _source(self) -> codec.VideoSource:
        return self.encoded if self._fetch is None else self._fetch(self.encoded)

    def __repr__(self) -> str:
        return f"AvDecoder({self.encoded!r})"


def _first(batch: FrameBatch) -> Frame:
    return Frame(batch.data[0], float(batch.pts_seconds[0]), float(batch.duration_seconds[0]))
