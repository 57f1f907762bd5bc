"""Frames to H.264 bytes and any video to frames, through PyAV, on one codec thread.

One thread a clip is faster than several at face size.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.encoder import EncoderConfig as EncoderConfig
from equime_hub.video.encoder import encode as encode
from equime_hub.video.encoder import encode_frames as encode_frames
from equime_hub.video.picture import Decoded

VideoSource = bytes | str | Path
"""A video file as its bytes, or where it lies."""

# A title or comment need not be UTF-8. PyAV 19 takes it as it comes and knows no such option;
# older ones stop at it unless they are told to replace what they cannot read.
_TAGS: dict[str, Any] = (
    {} if int(av.__version__.split(".")[0]) >= 19 else {"metadata_errors": "replace"}
)


@dataclass(frozen=True)
class VideoInfo:
    """What a file says about its video.

    Attributes:
        num_frames: Frames that a full decode gives.
        fps: Average frames per second.
        width: Pixels.
        height: Pixels.
        codec: FFmpeg's name of the format, such as "h264".
        bit_rate: Bits per second of the video stream; of the whole file if it does not say.
    """

    num_frames: int
    fps: float
    width: int
    height: int
    codec: str
    bit_rate: int


def decode(source: VideoSource, indices: Sequence[int] | None = None) -> Clip:
    """Decode a video, or some of its frames.

    The pixels are FFmpeg's default conversion to RGB, equal to PyAV's and torchcodec's (which
    darkens by about one grey level, every frame alike). Decoding starts at the first frame, as
    short clips have one keyframe, and ends at the last one wanted.

    Args:
        source: Any file that PyAV reads; audio is ignored.
        indices: Frames in the wanted order, repeats allowed, from 0; None is all.

    Returns:
        The frames, with the rate of the file.

    Raises:
        VideoError: No readable video, damaged before the last frame wanted, no index, or an index
            out of range.
    """
    reader = Reader(source)
    if indices is None:
        return Clip(_stacked(reader.pictures(range(reader.count)), reader.count), reader.fps)
    wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
    if not wanted.size or wanted.min() < 0 or wanted.max() >= reader.count:
        raise VideoError(
            f"Frames {wanted.tolist()} are not all in a video of {reader.count} frames: "
            f"give at least one index from 0 to {reader.count - 1}"
        )
    unique, positions = np.unique(wanted, return_inverse=True)
    frames = _stacked(reader.pictures(unique.tolist()), len(unique))
    return Clip(frames if np.array_equal(unique, wanted) else frames[positions], reader.fps)


class Reader:
    """A video that is opened once: first it says its length and rate, then it gives frames.

    Opening takes longer than shrinking sixteen frames. One by one, frames of a video that is too
    large to be held are read too.

    Args:
        source: As for `decode`.

    Attributes:
        count: Frames.
        fps: Frames per second.

    Raises:
        VideoError: No readable video.
    """

    def __init__(self, source: VideoSource) -> None:
        self._source = source
        self._opened: _Session | None = _session(source)
        self.count, self.fps = next(self._opened)

    def pictures(self, indices: Iterable[int]) -> Iterator[Decoded]:
        """Decode frames one by one.

        Args:
            indices: From 0, at least one.

        Yields:
            Each in the order of the file and none twice; pixels are made when asked for.

        Raises:
            VideoError: It ends or is damaged before the last frame wanted.
        """
        session, self._opened = self._opened, None
        if session is None:
            session = _session(self._source)
            next(session)
        yield session.send(sorted(set(indices)))
        yield from session


_Session = Generator[Any, Sequence[int], None]
"""A file that stays open from its length and rate, which come first, to the frames whose indices
it is then sent."""


def _session(source: VideoSource) -> _Session:
    with _opened(source) as (container, stream):
        wanted = yield _count(source, stream), float(_rate(stream))
        yield from _pictures(container, stream, wanted)


def _stacked(pictures: Iterator[Decoded], count: int) -> npt.NDArray[np.uint8]:
    """`count` RGB frames as one array, without a second copy of them all."""
    first = next(pictures).rgb()
    stacked = np.empty((count, *first.shape), np.uint8)
    stacked[0] = first
    for index, picture in enumerate(pictures, 1):
        stacked[index] = picture.rgb()
    return stacked


def _pictures(
    container: InputContainer, stream: VideoStream, wanted: Sequence[int]
) -> Iterator[Decoded]:
    """Frames at ascending, distinct indices."""
    reformatter = VideoReformatter()
    size: tuple[int, int] | None = None
    coming = iter(wanted)
    due = next(coming, None)
    decoded = (frame for packet in _packets(container, stream) for frame in packet.decode())
    for index, frame in enumerate(decoded):
        if index != due:
            continue
        size = size or (frame.width, frame.height)
        yield Decoded(frame, *size, reformatter)
        due = next(coming, None)
        if due is None:
            return
    raise VideoError(
        f"The video is cut short ({container.name}): its frame {due} cannot be decoded; "
        "fetch or make it again"
    )


def probe(source: VideoSource) -> VideoInfo:
    """Read what a file says about its video, without decoding a pixel.

    Raises:
        VideoError: No readable video.
    """
    with _opened(source) as (_, stream):
        count, fps = _count(source, stream), float(_rate(stream))
        size = len(memoryview(source)) if isinstance(source, bytes) else Path(source).stat().st_size
        context = stream.codec_context
        return VideoInfo(
            num_frames=count,
            fps=fps,
            width=context.width,
            height=context.height,
            codec=context.codec.canonical_name,
            bit_rate=stream.bit_rate or round(8 * size / (count / fps)),
        )


def timeline(source: VideoSource) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each frame is shown and for how long, in seconds, without decoding a pixel.

    Raises:
        VideoError: No readable video, or cut short.
    """
    with _opened(source) as (container, stream):
        shown = [p.pts for p in _packets(container, stream) if p.size and not p.is_discard]
        rate = _rate(stream)
        if not stream.time_base or None in shown:  # a bare stream, without a container
            base = 1 / rate
            shown = list(range(len(shown)))
        else:
            base = Fraction(stream.time_base.numerator, stream.time_base.denominator)
        ticks = np.array(sorted(pts or 0 for pts in shown), dtype=np.int64)
        lengths = np.diff(ticks, append=ticks[-1:] + round(1 / (rate * base)))
        # Times the numerator first: only the division rounds.
        begin, last = (whole * base.numerator / base.denominator for whole in (ticks, lengths))
        return begin, last


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    """Packets in file order; the last is empty and flushes the decoder."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise VideoError(
                f"The video is cut short or damaged ({container.name}); fetch or make it again"
            )
        yield packet


@contextlib.contextmanager
def _opened(source: VideoSource) -> Iterator[tuple[InputContainer, VideoStream]]:
    file: io.BytesIO | str
    if isinstance(source, bytes):
        file = io.BytesIO(source)
        file.name = f"{memoryview(source).nbytes} bytes"  # what messages call it
    else:
        file = str(source)
    try:
        with av.open(file, "r", **_TAGS) as container:
            stream = container.streams.best("video")
            if not isinstance(stream, VideoStream) or not stream.codec_context:
                raise VideoError(
                    f"Expected a video file such as MP4, found no video in {container.name}"
                )
            stream.thread_type = "NONE"
            yield container, stream
    except av.FFmpegError as error:
        name = file if isinstance(file, str) else file.name
        raise VideoError(
            f"Expected a video file such as MP4, cannot read {name}: {error.strerror}"
        ) from error


def _count(source: VideoSource, stream: VideoStream) -> int:
    """Frames that a full decode gives, from the index of the file or else by its packets."""
    entries = stream.index_entries
    if stream.frames and stream.frames == len(entries):
        # Edit lists discard frames; AVI holds empty ones.
        count = sum(1 for entry in entries if entry.size and not entry.is_discard)
    else:
        with _opened(source) as (container, other):
            count = sum(1 for p in _packets(container, other) if p.size and not p.is_discard)
    if not count:
        raise VideoError(f"The video has no frame ({stream.container.name}); make it again")
    return count


def _rate(stream: VideoStream) -> Fraction:
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise VideoError(
            f"The video does not say its frame rate ({stream.container.name}); convert it to MP4"
        )
    # From version 19 on, PyAV has a rational number of its own, which cannot be reckoned with.
    return Fraction(rate.numerator, rate.denominator)
