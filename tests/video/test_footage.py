from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from equime_hub.errors import VideoError
from equime_hub.video import codec
from equime_hub.video.clip import Clip
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.footage import footage
from tests.video.test_codec import CLIP, textured_clip

DATA = codec.encode(CLIP)
FRAMES = codec.decode(DATA).frames


def test_every_kind_of_video_gives_the_same_frames(tmp_path: Path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes(DATA)
    channels_first = torch.from_numpy(FRAMES).permute(0, 3, 1, 2)
    files = [DATA, path, str(path), AvDecoder(DATA), AvDecoder(path), Clip(FRAMES, CLIP.fps)]
    bare = [FRAMES, torch.from_numpy(FRAMES), channels_first, [*FRAMES]]
    for video in [*files, *bare, footage(DATA)]:
        opened = footage(video)
        assert opened.count == len(FRAMES)
        for _ in range(2):
            assert np.array_equal([*opened.stream([7, 2, 7, 0])], FRAMES[[0, 2, 7]])
        assert np.array_equal(opened.frame(5), FRAMES[5])
    for video in files:
        assert footage(video).fps == pytest.approx(CLIP.fps)
    for video in bare:
        with pytest.raises(VideoError, match="Bare frames have no times"):
            _ = footage(video).fps


@pytest.mark.parametrize(
    ("video", "said"),
    [
        ("https://example.org/clip.mp4", "fetch it first"),
        ("missing.mp4", "missing.mp4"),
        (Path("."), "Expected a video file"),
        (b"", "Expected a video file"),
        (b"no video at all", "Expected a video file"),
        (np.zeros((2, 8, 8, 3)), "float64"),
        (np.zeros((2, 8, 8), np.uint8), r"\(2, 8, 8\)"),
        (np.zeros((0, 8, 8, 3), np.uint8), r"\(0, 8, 8, 3\)"),
        (None, "NoneType"),
        (7, "int"),
        ({"a": 1}, "dict"),
        ([np.zeros((4, 4, 3), np.uint8), np.zeros((5, 4, 3), np.uint8)], "of one size"),
    ],
)
def test_refuses_in_a_sentence(video: Any, said: str) -> None:
    with pytest.raises(VideoError, match=said):
        footage(video)


def test_stops_at_the_last_frame_wanted() -> None:
    data = codec.encode(textured_clip(120))
    opened = footage(data[: len(data) * 9 // 10])
    assert opened.count == 120
    wanted = [1, 40, 80]
    assert np.array_equal([*opened.stream(wanted)], codec.decode(data, wanted).frames)
    with pytest.raises(VideoError, match="cut short"):
        list(opened.stream(range(120)))
