from __future__ import annotations

from functools import cache
from itertools import chain, repeat
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import pytest

from equime_hub.builder.backends.warp import WarpConfig
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.errors import VideoError
from equime_hub.models import saved as saved_model
from equime_hub.models.processing import MicroExpressionVideoProcessor
from equime_hub.models.saved import SavedModel
from equime_hub.prediction import video as reading
from equime_hub.prediction.video import VideoReading, read
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.moments import Moments, estimate
from tests.support import moving, videos
from tests.support import tiny_classifier as tiny_model
from tests.video.test_motion import APEX, LENGTH, OFFSET, ONSET, decoded

Frames = npt.NDArray[np.uint8]


@cache
def face() -> Frames:
    """56 frames of 128×128 at 100 fps; the expression has its apex at frame 22."""
    source = DrawnFaces(1, 0, 256)
    frames, _ = decoded(source, source.scan().faces[0], WarpConfig(), width=128, height=128)
    return frames


@pytest.fixture(scope="module")
def stock(tmp_path_factory: pytest.TempPathFactory) -> SavedModel:
    return saved_model.load(str(tiny_model.save(tmp_path_factory.mktemp("model"))), "cpu")


@pytest.fixture(scope="module")
def ours() -> SavedModel:
    return moving.saved(moving.MotionReader)


def near(found: VideoReading) -> bool:
    """Whether the moments are those that were planned, 40 ms more or less."""
    planned = zip((found.moments.onset, found.moments.apex, found.moments.offset),
                  (ONSET, APEX, OFFSET), strict=True)  # fmt: skip
    return all(frame is not None and abs(frame - there) <= 4 for frame, there in planned)


def test_moments_probabilities_and_pictures(ours: SavedModel) -> None:
    path = videos.write(Path("a.mp4"), face(), fps=100)
    found = read(path, ours, pictures=True)
    assert found.trouble is None and found.notes == () and found.face
    assert near(found) and found.kind == "micro-like"
    assert found.ms(found.moments.apex) == 10 * (found.moments.apex or 0)
    assert (found.frames, found.fps, found.size) == (LENGTH, 100.0, (128, 128))
    assert found.probabilities.keys() == {*moving.CLASSES}
    assert sum(found.probabilities.values()) == pytest.approx(1)
    assert found.emotion == max(found.probabilities, key=lambda name: found.probabilities[name])
    assert found.pictures is not None and found.pictures.shape == (7, 224, 224, 3)
    shown = {found.moments.onset, found.moments.apex, found.moments.offset}
    assert shown <= {*found.places} and len({*found.places}) == 7


def test_the_model_is_shown_what_its_processor_shows_elsewhere(
    ours: SavedModel, stock: SavedModel
) -> None:
    path = videos.write(Path("a.mp4"), face(), fps=100)
    when = estimate(AvDecoder(path)).moments
    values = ours.processor(str(path), moments=when)["pixel_values_videos"]
    expected = ours.model(values).logits.softmax(-1)[0].tolist()
    assert [*read(path, ours).probabilities.values()] == pytest.approx(expected, abs=1e-6)
    frames = AvDecoder(path).clip([0, LENGTH // 2]).frames
    inputs = stock.processor([frames], do_sample_frames=False, input_data_format="channels_last",
                             return_tensors="pt")  # fmt: skip
    expected = stock.model(**inputs).logits.softmax(-1)[0].tolist()
    assert [*read(path, stock).probabilities.values()] == pytest.approx(expected, abs=1e-5)


@pytest.mark.parametrize(
    ("turns", "matrix"), [(1, (0, -1, 1, 0)), (3, (0, 1, -1, 0)), (2, (-1, 0, 0, -1))]
)
def test_a_phone_that_lay_on_its_side(
    turns: int, matrix: tuple[int, ...], ours: SavedModel
) -> None:
    """MP4's matrix turns (x, y) to (ax + cy, bx + dy); 0 1 -1 0 is a quarter clockwise."""
    upright = read(videos.write(Path("a.mp4"), face()[:, 8:], fps=100), ours, pictures=True)
    lying = np.rot90(face()[:, 8:], -turns, axes=(1, 2))
    path = videos.write(Path("b.mp4"), lying, fps=100)
    written = bytearray(path.read_bytes())
    start = written.index(b"tkhd") + 44
    for place, value in zip((0, 4, 12, 16), matrix, strict=True):
        written[start + place : start + place + 4] = (value << 16).to_bytes(4, "big", signed=True)
    path.write_bytes(written)
    found = read(path, ours, pictures=True)
    assert found.trouble is None and found.face and found.size == upright.size == (128, 120)
    assert near(found)
    assert found.pictures is not None and upright.pictures is not None
    right, wrong = (
        np.abs(shown.astype(int) - upright.pictures[0]).mean()
        for shown in (found.pictures[0], found.pictures[0][::-1])
    )
    assert right < 10 < wrong


def test_a_rate_that_is_said_wins() -> None:
    path = videos.write(Path("slow.mp4"), face(), fps=25)
    slow, true = read(path), read(path, fps=100)
    assert (slow.fps, true.fps) == (25, 100)
    assert near(true) and true.kind == "micro-like" and slow.kind == "too long"
    assert true.ms(10) == 100 and slow.ms(10) == pytest.approx(400)


def test_uneven_frames_are_told_by_their_own_times() -> None:
    ticks = np.cumsum([0, *([10, 10, 10, 40] * 14)])[:LENGTH].tolist()
    found = read(videos.write(Path("uneven.mkv"), face(), fps=100, ticks=ticks))
    assert found.clock.tolist() == ticks
    assert any("uneven" in note for note in found.notes)
    assert abs((found.moments.apex or 0) - APEX) <= 4


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("sound.mp4", {"sound": True}),
        ("gray.avi", {"codec": "ffv1", "pix_fmt": "gray"}),
        ("lossless.mkv", {"codec": "ffv1", "pix_fmt": "bgr0"}),
        ("small.webm", {"codec": "libvpx-vp9"}),
        ("odd.mkv", {"codec": "libx264", "pix_fmt": "yuv444p"}),
        ("picture.gif", {"codec": "gif", "pix_fmt": "rgb8"}),
    ],
)
def test_any_container_codec_and_size(
    name: str, options: dict[str, object], ours: SavedModel
) -> None:
    frames = face()[:, 3:, :-1] if name == "odd.mkv" else face()
    found = read(videos.write(Path(name), frames, fps=100, **options), ours, pictures=True)  # type: ignore[arg-type]
    assert found.trouble is None and found.face and len(found.probabilities) == 3
    assert found.frames == LENGTH
    if name != "picture.gif":  # eight bits of colour flicker
        assert abs((found.moments.apex or 0) - APEX) <= 4, found.moments


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_few_frames(count: int, ours: SavedModel, stock: SavedModel) -> None:
    path = videos.write(Path("few.mp4"), face()[:count], fps=100)
    for model in (ours, stock):
        found = read(path, model, pictures=True)
        assert found.trouble is None and found.frames == count and found.probabilities
        assert found.moments == Moments()
        assert found.pictures is not None and len(found.pictures) == count
    assert any("only one frame" in note for note in found.notes) == (count == 1)


def test_a_picture_of_no_face(ours: SavedModel) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (6, 90, 70, 3)).astype(np.uint8)
    found = read(videos.write(Path("noise.mp4"), noise), ours, pictures=True)
    assert found.trouble is None and not found.face and found.motion is None
    assert found.notes == ("No face is found in frame 0; the middle of the picture is taken.",)
    assert found.probabilities and found.pictures is not None


def test_a_large_picture(stock: SavedModel, monkeypatch: pytest.MonkeyPatch) -> None:
    large = (cv2.resize(frame, (3840, 2160)) for frame in face()[[0, 22, 40]])
    path = videos.write(Path("4k.mp4"), large, fps=25)
    monkeypatch.setattr(reading, "_ROOM", 2**24)
    found = read(path, stock, pictures=True)
    assert found.trouble is None and found.size == (3840, 2160) and found.probabilities


def long_video(count: int, begin: int) -> Path:
    first = face()[0]
    frames = chain(repeat(first, begin), face(), repeat(first, count - begin - LENGTH))
    return videos.write(Path("long.mp4"), frames, fps=100)


def test_a_long_video_is_read_in_windows(
    stock: SavedModel, ours: SavedModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WINDOW", 80)
    monkeypatch.setattr(reading, "HOP", 10)
    path = long_video(130, 40)
    for model in (ours, stock):
        found = read(path, model, pictures=True)
        begin, end = found.window
        assert found.frames == 130 and end - begin == 80
        assert begin <= 40 + ONSET and end > 40 + OFFSET
        assert abs((found.moments.apex or 0) - 40 - APEX) <= 4
        assert f"frames {begin} to {end - 1}" in found.notes[0]
        assert found.moments.apex in found.places


def test_two_thousand_frames(ours: SavedModel) -> None:
    found = read(long_video(2000, 900), ours)
    begin, end = found.window
    assert found.frames == 2000 and begin <= 908 and 940 < end == begin + reading.WINDOW
    assert abs((found.moments.apex or 0) - 900 - APEX) <= 4 and found.probabilities


@pytest.mark.parametrize("kind", ["absent", "empty", "text", "cut", "sound only", "header"])
def test_what_cannot_be_read_is_told_in_a_sentence(kind: str) -> None:
    path = Path("broken.mp4")
    if kind == "text":
        path.write_text("This is no video.\n" * 50)
    elif kind != "absent":
        data = videos.write(path, face(), fps=100).read_bytes()
        path.write_bytes(
            {"empty": b"", "cut": data[: len(data) // 2], "header": data[:40]}.get(kind, data)
        )
    if kind == "sound only":
        import av

        with av.open(str(path), "w") as container:
            stream = container.add_stream("aac", rate=16000)
            sound = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
            sound.sample_rate = 16000
            container.mux(stream.encode(sound))
            container.mux(stream.encode())
    found = read(path)
    assert found.trouble is not None and len(found.trouble) > 20
    assert found.probabilities == {} and found.motion is None


def test_folders_are_searched(tmp_path: Path) -> None:
    for name in ("b.MP4", "a.mp4", "sub/c.avi", "notes.txt"):
        (tmp_path / "x" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "x" / name).touch()
    inside = [tmp_path / "x" / name for name in ("a.mp4", "b.MP4", "sub/c.avi")]
    assert reading.found_in([Path("new.bin"), tmp_path / "x", inside[0]]) == [
        Path("new.bin"),
        *inside,
    ]
    (tmp_path / "none").mkdir()
    with pytest.raises(VideoError, match="holds no video"):
        reading.found_in([tmp_path / "none"])


def test_our_processor_gets_the_file_and_not_its_frames(ours: SavedModel) -> None:
    """So that it decodes no more than it shows."""
    assert isinstance(ours.processor, MicroExpressionVideoProcessor)
    from equime_hub.models.inputs import inputs_of
    from equime_hub.video.footage import Footage, footage

    part = footage(videos.write(Path("a.mp4"), face()[:3]))
    assert isinstance(reading._whole(inputs_of(ours.processor, ours.model.config), part), Footage)
