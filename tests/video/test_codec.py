from __future__ import annotations

import hashlib
import io
import itertools
import os
import subprocess
import sys
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import numpy.typing as npt
import pytest
from av.video.stream import VideoStream

from equime_hub import seeds
from equime_hub.errors import VideoError
from equime_hub.video.clip import Clip
from equime_hub.video.codec import EncoderConfig, decode, encode, probe, timeline


def textured_clip(num_frames: int = 24, size: int = 64, fps: float = 24) -> Clip:
    """A random texture, coarser in colour than in light, that drifts by half a pixel a frame."""
    random = seeds.generator("codec test")
    light, colour = random.uniform(40, 215, (24, 24, 1)), random.uniform(-40, 40, (4, 4, 3))
    layers = [
        cv2.resize(part.astype(np.float32).repeat(3 // part.shape[2], 2), (2 * size, 2 * size))
        for part in (light, colour)
    ]
    texture = layers[0] + layers[1]
    shifts = (np.array([[1, 0, -i / 2], [0, 1, -i / 4]], np.float32) for i in range(num_frames))
    frames = [cv2.warpAffine(texture, shift, (size, size)) for shift in shifts]
    return Clip(np.clip(np.stack(frames), 0, 255).astype(np.uint8), fps)


def plain_pyav(data: bytes) -> npt.NDArray[np.uint8]:
    with av.open(io.BytesIO(data), "r") as container:
        frames = [f.to_ndarray(format="rgb24") for f in container.decode(video=0)]
    return np.stack(frames).astype(np.uint8)


def write(file_format: str, codec: str, pix_fmt: str, frames: npt.NDArray[np.uint8]) -> bytes:
    file = io.BytesIO()
    with av.open(file, "w", format=file_format) as container:
        stream = container.add_stream(codec, rate=25)
        assert isinstance(stream, VideoStream)
        stream.height, stream.width = frames.shape[1:3]
        stream.pix_fmt = pix_fmt
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(stream.encode())
    return file.getvalue()


def with_audio(frames: npt.NDArray[np.uint8]) -> bytes:
    """One second of MP4 whose first stream is sound."""
    file = io.BytesIO()
    with av.open(file, "w", format="mp4") as container:
        sound = container.add_stream("aac", rate=16000, layout="mono")
        video = container.add_stream("libx264", rate=25)
        video.height, video.width = frames.shape[1:3]
        video.pix_fmt = "yuv420p"
        for index in range(16):
            samples = av.AudioFrame.from_ndarray(np.zeros((1, 1000), np.float32), "fltp", "mono")
            samples.sample_rate, samples.pts = 16000, 1000 * index
            container.mux(sound.encode(samples))
        for frame in frames:
            container.mux(video.encode(av.VideoFrame.from_ndarray(frame, format="rgb24")))
        container.mux(video.encode())
        container.mux(sound.encode())
    return file.getvalue()


CLIP = textured_clip()
DATA = encode(CLIP)


def test_same_bytes_again() -> None:
    held = [textured_clip(1, 16 * size) for size in range(1, 9)]  # the heap is not as it was
    assert {encode(CLIP) for _ in range(5)} == {DATA} and held


@pytest.mark.parametrize("filler", ["0", "85", "170"])
def test_same_bytes_in_another_process_with_another_heap(filler: str) -> None:
    code = (
        "import hashlib; from equime_hub.video.codec import encode; "
        "from tests.video.test_codec import CLIP; "
        "print(hashlib.sha256(encode(CLIP)).hexdigest())"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[2],
        # glibc fills what malloc returns with this byte: what is read unwritten shows.
        env={**os.environ, "MALLOC_PERTURB_": filler},
        capture_output=True,
        text=True,
        check=True,
    )
    assert printed.stdout.strip() == hashlib.sha256(DATA).hexdigest()


def test_one_h264_stream_with_the_header_first_and_tagged_colours() -> None:
    assert 0 < DATA.index(b"moov") < DATA.index(b"mdat")
    with av.open(io.BytesIO(DATA), "r") as container:
        assert [stream.type for stream in container.streams] == ["video"]
        assert "creation_time" not in container.metadata
        frame = next(container.decode(video=0))
        assert (frame.format.name, frame.color_range, frame.colorspace) == ("yuv420p", 1, 5)
        assert (frame.color_primaries, frame.color_trc) == (1, 13)


def test_round_trip_keeps_a_moving_texture() -> None:
    error = decode(DATA).frames.astype(float) - CLIP.frames
    assert 10 * np.log10(255**2 / np.mean(error**2)) > 34


def test_round_trip_keeps_colours() -> None:
    colours = seeds.generator("patches").integers(0, 256, (8, 8, 3), dtype=np.uint8)
    patches = cv2.resize(colours, (256, 256), interpolation=cv2.INTER_NEAREST)
    clip = Clip(np.repeat(patches[None], 5, axis=0), 24)
    centres = decode(encode(clip)).frames[:, 16::32, 16::32].astype(float)
    assert np.abs(centres - colours).mean() < 1.5
    assert np.abs(centres - colours).max() <= 6


@pytest.mark.parametrize(
    "fps", [24, 25, 100, 200, 29.97, 23.976, 59.94, 30000 / 1001, 7.5, 33.333, 1000, 0.5]
)
def test_rate_and_times_are_exact(fps: float) -> None:
    data = encode(Clip(CLIP.frames[:7], fps))
    info = probe(data)
    assert decode(data).fps == info.fps == fps
    assert info.num_frames == 7
    starts, durations = timeline(data)
    exact = Fraction(fps).limit_denominator(1001)
    assert starts.tolist() == [float(index / exact) for index in range(7)]
    assert durations == pytest.approx([1 / fps] * 7, rel=1e-12)


def test_one_frame() -> None:
    data = encode(Clip(CLIP.frames[:1], 24))
    assert (len(decode(data)), decode(data).fps) == (1, 24)


def test_equals_a_plain_pyav_decode() -> None:
    assert np.array_equal(decode(DATA).frames, plain_pyav(DATA))


@pytest.mark.parametrize("indices", [[0], [23], [3, 7], [7, 3, 7, 0], range(0, 24, 5)])
def test_chosen_frames_come_in_the_order_given(indices: list[int]) -> None:
    expected = plain_pyav(DATA)[list(indices)]
    assert np.array_equal(decode(DATA, indices).frames, expected)


@pytest.mark.parametrize("indices", [[-1], [24], [0, 24], []])
def test_indices_out_of_range_name_the_length(indices: list[int]) -> None:
    with pytest.raises(VideoError, match="24 frames"):
        decode(DATA, indices)


def test_a_file_reads_as_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    assert np.array_equal(decode(path).frames, decode(DATA).frames)
    assert probe(path) == probe(str(path)) == probe(DATA)


def test_probe() -> None:
    info = probe(DATA)
    assert (info.num_frames, info.fps, info.codec) == (24, 24, "h264")
    assert (info.width, info.height) == (64, 64)
    assert 0 < info.bit_rate <= 8 * len(DATA)


@pytest.mark.parametrize("size", [(64, 63), (63, 64)])
def test_odd_sizes_are_refused(size: tuple[int, int]) -> None:
    with pytest.raises(VideoError, match="even sizes"):
        encode(Clip(np.zeros((2, *size, 3), np.uint8), 24))


@pytest.mark.parametrize("fps", [1e-6, 1e9])
def test_rates_that_mp4_cannot_store_are_refused(fps: float) -> None:
    with pytest.raises(VideoError, match="fps must be from"):
        encode(Clip(CLIP.frames, fps))


@pytest.mark.parametrize(
    "config",
    [EncoderConfig(preset="odd"), EncoderConfig(tune="odd"), EncoderConfig(codec="odd")],
)
def test_settings_the_encoder_does_not_know(config: EncoderConfig) -> None:
    with pytest.raises(VideoError, match="odd"):
        encode(CLIP, config)


@pytest.mark.parametrize("codec", ["aac", "libx265"])
def test_encoders_of_something_else(codec: str) -> None:
    with pytest.raises(VideoError, match=r"no H\.264"):
        encode(CLIP, EncoderConfig(codec=codec))


def test_crf_out_of_range() -> None:
    with pytest.raises(VideoError, match="52"):
        EncoderConfig(crf=52)


def test_settings_are_described_and_followed() -> None:
    text = EncoderConfig().describe()
    assert text.startswith("libx264 preset=medium crf=26 tune=psnr threads=1 yuv420p bt601 (PyAV ")
    assert b"crf=26.0" in DATA and b" threads=1 " in DATA
    assert len(encode(CLIP, EncoderConfig(crf=40))) < len(DATA)


@pytest.mark.parametrize("read", [decode, probe, timeline])
@pytest.mark.parametrize("data", [b"", b"not a video\n" * 100, DATA[:60], DATA[:500]])
def test_no_video(read: Callable[[bytes], object], data: bytes) -> None:
    with pytest.raises(VideoError, match="Expected a video file"):
        read(data)


@pytest.mark.parametrize("kept", [0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_never_read_as_whole(kept: float) -> None:
    cut = DATA[: int(kept * len(DATA))]
    with pytest.raises(VideoError, match=f"{len(cut)} bytes"):
        decode(cut)
    with pytest.raises(VideoError):
        decode(cut, [23])


def test_a_file_cut_between_two_frames_is_not_read_as_whole() -> None:
    with av.open(io.BytesIO(DATA), "r") as container:
        last = max(p.pos or 0 for p in container.demux(video=0))
    with pytest.raises(VideoError, match="cut short"):
        decode(DATA[:last])
    assert np.array_equal(decode(DATA[:last], [0]).frames, decode(DATA, [0]).frames)


def test_a_missing_file_and_a_codec_nobody_knows(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r"nowhere\.mp4"):
        decode(tmp_path / "nowhere.mp4")
    unknown = DATA.replace(b"avc1\0\0", b"zzz1\0\0").replace(b"avcC", b"zzzC")
    with pytest.raises(VideoError, match="found no video"):
        decode(unknown)


def test_a_tag_that_is_not_utf_8_is_no_hindrance() -> None:
    file = io.BytesIO(DATA)
    titled = io.BytesIO()
    with av.open(file, "r") as container, av.open(titled, "w", format="mp4") as copy:
        copy.metadata["title"] = "A title"
        stream = copy.add_stream_from_template(container.streams.video[0])
        for packet in container.demux(video=0):
            if packet.size:
                packet.stream = stream
                copy.mux(packet)
    data = titled.getvalue()
    assert data.count(b"A title") == 1
    assert np.array_equal(
        decode(data.replace(b"A title", b"\xc1 \xff\xfele")).frames, decode(DATA).frames
    )


def test_sound_alone_is_no_video() -> None:
    file = io.BytesIO()
    with av.open(file, "w", format="wav") as container:
        stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), "s16", "mono")
        frame.sample_rate = 8000
        container.mux(stream.encode(frame))
    with pytest.raises(VideoError, match="found no video"):
        decode(file.getvalue())


def test_sound_beside_the_video_is_ignored() -> None:
    data = with_audio(CLIP.frames)
    assert np.array_equal(decode(data).frames, plain_pyav(data))
    assert probe(data).num_frames == len(timeline(data)[0]) == 24


FORMATS = [
    ("avi", "mjpeg", "yuvj420p", "mjpeg"),
    ("avi", "rawvideo", "gray", "rawvideo"),
    ("matroska", "ffv1", "yuv444p", "ffv1"),
    ("mpegts", "mpeg2video", "yuv420p", "mpeg2video"),
    ("h264", "libx264", "yuv420p", "h264"),
    ("mp4", "libx265", "yuv420p10le", "hevc"),
]


@pytest.mark.parametrize(("file_format", "codec", "pix_fmt", "name"), FORMATS)
def test_other_formats(file_format: str, codec: str, pix_fmt: str, name: str) -> None:
    data = write(file_format, codec, pix_fmt, CLIP.frames[:8])
    expected = plain_pyav(data)
    assert len(expected) == 8
    assert np.array_equal(decode(data).frames, expected)
    assert np.array_equal(decode(data, [6, 2]).frames, expected[[6, 2]])
    info, (starts, durations) = probe(data), timeline(data)
    assert (info.num_frames, info.fps, info.codec) == (8, 25, name)
    assert np.diff(starts) == pytest.approx([1 / 25] * 7, abs=1e-3)
    assert durations == pytest.approx([1 / 25] * 8, abs=1e-3)


def test_odd_sizes_can_be_read() -> None:
    frames = CLIP.frames[:4, :63, :61]
    data = write("matroska", "ffv1", "yuv444p", frames)
    assert decode(data).frames.shape == (4, 63, 61, 3)
    assert np.abs(decode(data).frames.astype(int) - frames).mean() < 2


def test_variable_rate_keeps_its_times() -> None:
    file, ticks = io.BytesIO(), list(itertools.accumulate([0, 100, 40, 200, 40]))
    with av.open(file, "w", format="matroska") as container:
        stream = container.add_stream("ffv1", rate=25)
        stream.height, stream.width, stream.pix_fmt = 64, 64, "yuv444p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for tick, pixels in zip(ticks, CLIP.frames, strict=False):
            frame = av.VideoFrame.from_ndarray(pixels, format="rgb24")
            frame.pts, frame.time_base = tick, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    starts, durations = timeline(file.getvalue())
    assert starts == pytest.approx([0, 0.1, 0.14, 0.34, 0.38])
    assert durations[:4] == pytest.approx([0.1, 0.04, 0.2, 0.04])
