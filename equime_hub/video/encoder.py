"""Frames to H.264 bytes, on one thread of x264.

One thread makes the encoder repeatable: same frames and same library versions, same bytes.
"""

from __future__ import annotations

import io
from collections.abc import Iterable
from dataclasses import dataclass
from fractions import Fraction
from itertools import chain

import av
import cv2
import numpy as np
import numpy.typing as npt
from av.codec.context import Flags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc
from av.video.stream import VideoStream

from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.timing import as_stored

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
    rate = as_stored(fps)
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
