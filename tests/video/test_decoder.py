from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equime_hub.errors import VideoError
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from equime_hub.video.codec import encode
from equime_hub.video.decoder import AvDecoder
from tests.video.test_codec import CLIP, plain_pyav

DATA = encode(Clip(CLIP.frames, 29.97))
FRAMES = torch.from_numpy(plain_pyav(DATA)).permute(0, 3, 1, 2)


def copied(decoder: AvDecoder) -> AvDecoder:
    again = pickle.loads(pickle.dumps(decoder))
    assert isinstance(again, AvDecoder)
    return again


@pytest.fixture(params=["bytes", "path", "string", "fetched", "pickled"])
def decoder(request: pytest.FixtureRequest, tmp_path: Path) -> AvDecoder:
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    makers: dict[str, Callable[[], AvDecoder]] = {
        "bytes": lambda: AvDecoder(DATA),
        "path": lambda: AvDecoder(path),
        "string": lambda: AvDecoder(str(path)),
        "fetched": lambda: AvDecoder("hf://somewhere", fetch=lambda source: DATA),
        "pickled": lambda: copied(AvDecoder(DATA)),
    }
    return makers[request.param]()


def test_reads_like_a_sequence_of_frames(decoder: AvDecoder) -> None:
    assert len(decoder) == 24
    assert torch.equal(decoder[5], FRAMES[5])
    assert torch.equal(decoder[-1], FRAMES[-1])
    assert torch.equal(decoder[:], FRAMES)
    assert torch.equal(decoder[20:3:-4], FRAMES[[20, 16, 12, 8, 4]])
    assert torch.equal(torch.stack(list(decoder)), FRAMES)
    assert decoder[0].dtype == torch.uint8


def test_batches_carry_frames_and_times(decoder: AvDecoder) -> None:
    batch = decoder.get_frames_at([7, -1, 7, 0])
    assert torch.equal(batch.data, FRAMES[[7, 23, 7, 0]])
    assert batch.pts_seconds.tolist() == pytest.approx([7 / 29.97, 23 / 29.97, 7 / 29.97, 0])
    assert batch.duration_seconds.tolist() == pytest.approx([1 / 29.97] * 4)
    assert batch.pts_seconds.dtype == batch.duration_seconds.dtype == torch.float64
    assert len(batch) == 4
    ranged = decoder.get_frames_in_range(2, 21, 6)
    assert torch.equal(ranged.data, FRAMES[[2, 8, 14, 20]])
    assert torch.equal(decoder.get_frames_at(torch.tensor([3, 1])).data, FRAMES[[3, 1]])


def test_no_index_gives_an_empty_batch(decoder: AvDecoder) -> None:
    assert decoder[5:5].shape == decoder.get_frames_at([]).data.shape == (0, 3, 64, 64)


def test_one_frame(decoder: AvDecoder) -> None:
    frame = decoder.get_frame_at(-2)
    assert torch.equal(frame.data, FRAMES[22])
    assert frame.pts_seconds == pytest.approx(22 / 29.97)
    assert frame.duration_seconds == pytest.approx(1 / 29.97)


def test_by_time(decoder: AvDecoder) -> None:
    instants = [index / 29.97 for index in range(24)]
    assert torch.equal(decoder.get_frames_played_at(instants).data, FRAMES)
    between = [0.0, 11.5 / 29.97, 23.99 / 29.97, 0.9 / 29.97]
    assert torch.equal(decoder.get_frames_played_at(between).data, FRAMES[[0, 11, 23, 0]])
    assert torch.equal(decoder.get_frame_played_at(0.5).data, FRAMES[14])


@pytest.mark.parametrize("seconds", [-0.01, 24 / 29.97 + 1e-6, float("nan")])
def test_a_time_outside_the_video(seconds: float) -> None:
    with pytest.raises(VideoError, match=r"less than 0\.8008"):
        AvDecoder(DATA).get_frame_played_at(seconds)


@pytest.mark.parametrize(
    "read",
    [
        lambda decoder: decoder[24],
        lambda decoder: decoder[-25],
        lambda decoder: decoder.get_frame_at(24),
        lambda decoder: decoder.get_frames_at([0, 24]),
        lambda decoder: decoder.clip([24]),
    ],
)
def test_an_index_outside_the_video(read: Callable[[AvDecoder], Any]) -> None:
    with pytest.raises(VideoError, match="24 frames"):
        read(AvDecoder(DATA))


def test_metadata(decoder: AvDecoder) -> None:
    known = decoder.metadata
    assert (known.num_frames, known.average_fps, known.codec) == (24, 29.97, "h264")
    assert (known.width, known.height) == (64, 64)
    assert known.begin_stream_seconds == 0
    assert known.end_stream_seconds == known.duration_seconds == pytest.approx(24 / 29.97)
    assert known.bit_rate > 0


def test_clip(decoder: AvDecoder) -> None:
    assert decoder.clip().fps == 29.97
    assert np.array_equal(decoder.clip([-1, 0]).frames, plain_pyav(DATA)[[23, 0]])


def test_dimension_order() -> None:
    decoder = AvDecoder(DATA, dimension_order="NHWC")
    assert torch.equal(decoder[:], FRAMES.permute(0, 2, 3, 1))
    assert copied(decoder)[3].shape == (64, 64, 3)
    with pytest.raises(VideoError, match="CHWN"):
        AvDecoder(DATA, dimension_order="CHWN")  # type: ignore[arg-type]


def test_nothing_is_read_before_it_is_needed(tmp_path: Path) -> None:
    fetched: list[str] = []

    def fetch(source: str) -> bytes:
        fetched.append(source)
        return DATA

    remote = AvDecoder("hf://clip", fetch=fetch)
    assert (repr(remote), fetched) == ("AvDecoder('hf://clip')", [])
    assert (len(remote), remote[3].shape, fetched) == (24, (3, 64, 64), ["hf://clip"])
    missing = AvDecoder(tmp_path / "missing.mp4")
    with pytest.raises(VideoError, match=r"missing\.mp4"):
        len(missing)
    with pytest.raises(VideoError, match="Expected a video"):
        AvDecoder(b"no video")[0]


def test_decoding_stops_at_the_last_frame_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[int] = []
    plain = codec._packets

    def counted(*arguments: Any) -> Any:
        for packet in plain(*arguments):
            seen.append(packet.size)
            yield packet

    monkeypatch.setattr(codec, "_packets", counted)
    AvDecoder(DATA).clip([0, 2])
    assert 3 <= len(seen) < 15


def test_a_decoder_is_what_it_decodes(tmp_path: Path) -> None:
    assert AvDecoder(DATA).encoded == DATA
    assert codec.probe(AvDecoder(DATA).encoded) == codec.probe(DATA)
    assert isinstance(AvDecoder(DATA), bytes)
    assert AvDecoder(tmp_path / "a.mp4").encoded == str(tmp_path / "a.mp4")
    assert isinstance(AvDecoder(tmp_path / "a.mp4"), str)
    assert str(AvDecoder(DATA)) == repr(AvDecoder(DATA)) == f"AvDecoder({len(DATA)} bytes)"
