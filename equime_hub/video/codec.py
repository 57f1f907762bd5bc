"""Frames to H.264 bytes and any video to frames, through PyAV, on one codec thread.

One thread a clip is faster than several at face size, and it makes the encoder repeatable: same
frames and same library versions, same bytes.
"""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.container import InputContainer
from av.video.reformatter import (
    ColorPrimaries,
    ColorRange,
    Colorspace,
    ColorTrc,
    VideoReformatter,
)
from av.video.stream import VideoStream

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip

Source = bytes | str | Path
"""A video file as its bytes, or where it lies."""

_AVX_512F = 13  # cv::CPU_AVX_512F, which OpenCV's Python module does not name


@dataclass(frozen=True)
class EncoderConfig:
    """Settings of the encoder.

    The defaults suit noisy clips at about the size of EquiME's own encoding (x264 medium,
    crf 25); tuned for PSNR, x264 spends no bits on grain that only looks sharp. Quiet clips
    need a smaller crf to keep their motion (`benchmarks/codec.py`).

    Attributes:
        codec: Encoder of FFmpeg that makes H.264.
        preset: x264's trade of time for size.
        crf: Constant rate factor, 0 (lossless) to 51.
        tune: What x264 optimises for.

    Raises:
        VideoError: crf out of range.
    """

    codec: str = "libx264"
    preset: str = "medium"
    crf: int = 26
    tune: str = "psnr"

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise VideoError(f"crf must be from 0 to 51, got {self.crf}")

    def describe(self) -> str:
        """All that the bytes depend on besides the frames, for the row that holds them."""
        libavcodec = ".".join(str(part) for part in av.library_versions["libavcodec"])
        return (
            f"{self.codec} preset={self.preset} crf={self.crf} tune={self.tune} threads=1 "
            f"yuv420p bt601 (PyAV {av.__version__}, libavcodec {libavcodec})"
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
        duration_seconds: Frames over rate.
        size_bytes: Size of the whole file.
    """

    num_frames: int
    fps: float
    width: int
    height: int
    codec: str
    bit_rate: int
    duration_seconds: float
    size_bytes: int


def encode(clip: Clip, config: EncoderConfig | None = None) -> bytes:
    """Encode a clip as MP4 with one H.264 stream, its header first.

    The colours are BT.601 limited range with sRGB primaries and transfer, and are tagged so. The
    rate is kept exactly if it has at most three decimals or is k/1001.

    Args:
        clip: Even width and height.
        config: Settings; None is `EncoderConfig()`.

    Returns:
        The file. The same frames give the same bytes, in any process, with or without
        AVX-512.

    Raises:
        VideoError: Odd size, or settings or a rate that the encoder refuses.
    """
    return encode_frames(clip.frames, clip.fps, config)


def encode_frames(
    frames: Iterable[npt.NDArray[np.uint8]], fps: float, config: EncoderConfig | None = None
) -> bytes:
    """The same for frames that come one by one, so that long recordings need not fit in memory.

    Args:
        frames: H×W×3 each, uint8, RGB, all of one even size; at least one.
        fps: Frames per second.
        config: Settings; None is `EncoderConfig()`.

    Raises:
        VideoError: No frame, frames of several sizes, and what `encode` raises.
    """
    config = config or EncoderConfig()
    coming = iter(frames)
    first = next(coming, None)
    if first is None:
        raise VideoError("A clip needs a frame, got none")
    height, width = first.shape[:2]
    if width % 2 or height % 2:
        raise VideoError(
            f"H.264 in yuv420p needs even sizes, got {width}×{height}: "
            "crop or pad the frames by one pixel"
        )
    rate = Fraction(fps).limit_denominator(1001)
    if not Fraction(1, 1001) <= rate <= 100_000:
        raise VideoError(f"fps must be from 0.001 to 100000 to be stored in MP4, got {fps}")
    file = io.BytesIO()
    try:
        if av.Codec(config.codec, "w").canonical_name != "h264":
            raise ValueError("it makes no H.264")
        _write(file, chain([first], coming), (width, height), rate, config)
    except (av.FFmpegError, ValueError) as error:
        raise VideoError(f"The encoder refused {config}: {error}") from error
    return file.getvalue()


def _write(
    file: io.BytesIO,
    frames: Iterable[npt.NDArray[np.uint8]],
    size: tuple[int, int],
    rate: Fraction,
    config: EncoderConfig,
) -> None:
    with av.open(
        file,
        "w",
        format="mp4",
        options={"movflags": "+faststart", "fflags": "+bitexact"},
        # To move the header to the front, the muxer reads back what it has written.
        io_open=lambda url, flags, options: io.BytesIO(file.getvalue()),
    ) as container:
        options = {"preset": config.preset, "crf": str(config.crf), "tune": config.tune}
        if cv2.checkHardwareSupport(_AVX_512F):
            # x264's AVX-512 code for macroblock trees reads memory that it never wrote, so the
            # bytes changed with the heap and from processor to processor. AVX2 and SSE agree.
            options["x264-params"] = "asm=avx2"
        stream = container.add_stream(config.codec, rate=rate, options=options)
        assert isinstance(stream, VideoStream)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        context = stream.codec_context
        context.thread_count = 1
        context.flags |= Flags.bitexact
        context.colorspace = Colorspace.ITU601
        context.color_range = ColorRange.MPEG
        context.color_primaries = ColorPrimaries.BT709
        context.color_trc = ColorTrc.IEC61966_2_1
        for frame in frames:
            if frame.shape != (size[1], size[0], 3):
                raise VideoError(
                    f"All frames of a clip have one size, got {frame.shape[1]}×{frame.shape[0]} "
                    f"after {size[0]}×{size[1]}"
                )
            # OpenCV's conversion is exact BT.601 and a third of the time of FFmpeg's.
            planes = np.asarray(cv2.cvtColor(frame, cv2.COLOR_RGB2YUV_I420), np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(planes, format="yuv420p")))
        container.mux(stream.encode())


def decode(source: Source, indices: Sequence[int] | None = None) -> Clip:
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
    with _opened(source) as (container, stream):
        count, fps = _count(source, stream), _fps(stream)
        if indices is None:
            return Clip(_pixels(container, stream, np.arange(count)), fps)
        wanted = np.asarray(indices, dtype=np.int64).reshape(-1)
        if not wanted.size or wanted.min() < 0 or wanted.max() >= count:
            raise VideoError(
                f"Frames {wanted.tolist()} are not all in a video of {count} frames: "
                f"give at least one index from 0 to {count - 1}"
            )
        unique, positions = np.unique(wanted, return_inverse=True)
        frames = _pixels(container, stream, unique)
        return Clip(frames if np.array_equal(unique, wanted) else frames[positions], fps)


def _pixels(
    container: InputContainer, stream: VideoStream, wanted: npt.NDArray[np.int64]
) -> npt.NDArray[np.uint8]:
    """Frames at sorted, distinct indices."""
    reformatter = VideoReformatter()  # one for all frames: it keeps its tables
    frames: npt.NDArray[np.uint8] | None = None
    done = 0
    decoded = (frame for packet in _packets(container, stream) for frame in packet.decode())
    for index, frame in enumerate(decoded):
        if index != wanted[done]:
            continue
        if frames is None:
            width, height = frame.width, frame.height
            frames = np.empty((len(wanted), height, width, 3), np.uint8)
        # A changed size inside a stream is scaled to that of the first frame. At this size more
        # threads cost more time than one.
        rgb = reformatter.reformat(frame, width, height, format="rgb24", threads=1)
        frames[done] = rgb.to_ndarray()
        done += 1
        if done == len(wanted):
            return frames
    raise VideoError(
        f"The video is cut short ({container.name}): its frame {wanted[done]} cannot be decoded; "
        "fetch or make it again"
    )


def probe(source: Source) -> VideoInfo:
    """Read what a file says about its video, without decoding a pixel.

    Raises:
        VideoError: No readable video.
    """
    with _opened(source) as (_, stream):
        count, fps = _count(source, stream), _fps(stream)
        duration = count / fps
        if isinstance(source, bytes):
            size = memoryview(source).nbytes
        else:
            size = Path(source).stat().st_size
        context = stream.codec_context
        return VideoInfo(
            num_frames=count,
            fps=fps,
            width=context.width,
            height=context.height,
            codec=context.codec.canonical_name,
            bit_rate=stream.bit_rate or round(8 * size / duration),
            duration_seconds=duration,
            size_bytes=size,
        )


def timeline(source: Source) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """When each frame is shown and for how long, in seconds, without decoding a pixel.

    Raises:
        VideoError: No readable video, or cut short.
    """
    with _opened(source) as (container, stream):
        shown = [p.pts for p in _packets(container, stream) if p.size and not p.is_discard]
        fps, base = _fps(stream), stream.time_base
        if base is None or None in shown:  # a bare stream, without a container
            base = 1 / Fraction(fps)
            shown = list(range(len(shown)))
        ticks = np.array(sorted(pts or 0 for pts in shown), dtype=np.int64)
        lengths = np.diff(ticks, append=ticks[-1:] + round(1 / (fps * base)))
        scale = base.numerator, base.denominator
        return ticks * scale[0] / scale[1], lengths * scale[0] / scale[1]


def _packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet[VideoStream]]:
    """Packets in file order; the last is empty and flushes the decoder."""
    for packet in container.demux(stream):
        if packet.is_corrupt:
            raise VideoError(
                f"The video is cut short or damaged ({container.name}); fetch or make it again"
            )
        yield packet


@contextlib.contextmanager
def _opened(source: Source) -> Iterator[tuple[InputContainer, VideoStream]]:
    file: io.BytesIO | str = str(source)
    if isinstance(source, bytes):
        file = io.BytesIO(source)
        file.name = f"{memoryview(source).nbytes} bytes"  # what messages call it
    try:
        with av.open(file, "r") as container:
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


def _count(source: Source, stream: VideoStream) -> int:
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


def _fps(stream: VideoStream) -> float:
    rate = stream.average_rate or stream.guessed_rate
    if not rate:
        raise VideoError(
            f"The video does not say its frame rate ({stream.container.name}); convert it to MP4"
        )
    return float(rate)
