"""Video files of all kinds, written with PyAV."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt

Frames = npt.NDArray[np.uint8]


def write(
    path: Path,
    frames: Iterable[Frames],
    *,
    fps: int = 25,
    codec: str = "libx264",
    pix_fmt: str = "yuv420p",
    ticks: Sequence[int] | None = None,
    sound: bool = False,
) -> Path:
    """Encode frames, H×W×3 RGB each.

    Args:
        path: Its ending names the container.
        frames: The pictures.
        fps: Frames per second.
        codec: FFmpeg's name of an encoder.
        pix_fmt: Such as "gray" or "yuv444p".
        ticks: When each frame is shown in thousandths of a second, instead of evenly.
        sound: Add a stream of sound.
    """
    with av.open(str(path), "w") as container:
        settings = {"crf": "10", "preset": "ultrafast"} if codec == "libx264" else {}
        stream: Any = container.add_stream(codec, rate=fps, options=settings)
        stream.pix_fmt = pix_fmt
        audio: Any = container.add_stream("aac", rate=16000) if sound else None
        if ticks is not None:
            stream.time_base = stream.codec_context.time_base = Fraction(1, 1000)
        for number, picture in enumerate(frames):
            if not number:
                stream.height, stream.width = picture.shape[:2]
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if ticks is not None:
                frame.pts, frame.time_base = ticks[number], Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
        if audio is not None:
            tone = np.zeros((1, 16000), np.float32)
            heard = av.AudioFrame.from_ndarray(tone, format="fltp", layout="mono")
            heard.sample_rate = 16000
            container.mux(audio.encode(heard))
            container.mux(audio.encode())
    return path
