from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import PIL.Image
import pytest
import skimage.data
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub.builder import plan as plans
from equime_hub.builder.backends.warp import WarpBackend, WarpConfig
from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.faces.folder import FolderFaces
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.spec import FaceSource, RenderJob
from equime_hub.errors import VideoError
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import AU_NUMBERS
from equime_hub.video import codec
from equime_hub.video.motion import Motion, Thresholds, classify, estimate

Frames = npt.NDArray[np.uint8]
ONSET, APEX, OFFSET, LENGTH = 8, 22, 40, 56
SMILE = ((6, 0.2), (12, 0.25))


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> FolderFaces:
    """One real photograph in a folder."""
    folder = tmp_path_factory.mktemp("portraits")
    PIL.Image.fromarray(skimage.data.astronaut()).save(folder / "collins.png")
    return FolderFaces(folder)


def decoded(
    source: FaceSource, face: Face, config: WarpConfig, **changes: Any
) -> tuple[Frames, Landmarks]:
    """A clip of 56 frames at 100 fps as the dataset holds it, and where its face is."""
    units = dict(changes.pop("units", SMILE))
    spec = ClipSpec(
        clip_id="",
        split="train",
        face=face,
        emotion="others",
        au_onset=(0.0,) * 17,
        au_apex=tuple(units.get(number, 0.0) for number in AU_NUMBERS),
        au_source="expert",
        au_source_subject=None,
        **{
            "num_frames": LENGTH,
            "fps": 100.0,
            "onset_frame": ONSET,
            "apex_frame": APEX,
            "offset_frame": OFFSET,
            "width": 256,
            "height": 256,
            "seed": 5,
            **changes,
        },
        prompt="",
        negative_prompt="",
    )
    job = RenderJob(spec, *align(source.pixels(face), face.landmarks, spec.width, spec.height))
    backend = WarpBackend(config)
    video = codec.encode(backend.render([job])[0], backend.encoder)
    return codec.decode(video).frames, job.landmarks


@pytest.fixture(scope="module")
def smile(portrait: FolderFaces) -> tuple[Frames, Landmarks]:
    return decoded(portrait, portrait.scan().faces[0], WarpConfig())


@cache
def person() -> tuple[DrawnFaces, Face]:
    source = DrawnFaces(3, 2, 256)
    return source, source.scan().faces[2]


@cache
def drawn(units: tuple[tuple[int, float], ...], drift: float = 0.006, **changes: Any) -> Motion:
    """The motion of a drawn person's clip."""
    config = WarpConfig(head_drift=drift)
    changes = {"width": 128, "height": 128, **changes}
    frames, landmarks = decoded(*person(), config, units=units, **changes)
    return estimate(frames, changes.get("fps", 100.0), landmarks)


def near(motion: Motion, onset: int = ONSET, apex: int = APEX, offset: int = OFFSET) -> bool:
    times = (motion.onset_frame, motion.apex_frame, motion.offset_frame)
    if None in times or motion.duration_ms is None:
        return False
    length = 1000 * (offset - onset) / motion.fps
    return abs(times[1] - apex) <= 3 and abs(motion.duration_ms / length - 1) <= 0.25  # type: ignore[operator]


def test_people_drawn_as_the_demo_draws_them() -> None:
    source, right, timed = DrawnFaces(2, 0, 256), 0, 0
    specs = plans.make(source.scan().faces, source, PlanConfig()).specs
    backend = WarpBackend()
    for spec in specs:
        face = spec.face
        image, landmarks = align(source.pixels(face), face.landmarks, spec.width, spec.height)
        video = codec.encode(
            backend.render([RenderJob(spec, image, landmarks)])[0], backend.encoder
        )
        motion = estimate(codec.decode(video).frames, spec.fps, landmarks)
        timed += motion.apex_frame is not None
        right += near(motion, spec.onset_frame, spec.apex_frame, spec.offset_frame)
    assert timed >= 0.95 * len(specs)
    assert right >= 0.9 * timed


def test_a_real_photograph(smile: tuple[Frames, Landmarks]) -> None:
    motion = estimate(smile[0], 100.0, smile[1])
    assert near(motion)
    assert motion.fwhm_ms == pytest.approx(160, rel=0.25)
    assert motion.returned is not None and motion.returned > 0.8
    assert 0.03 < motion.amplitude < 0.06  # AU 12 pulls the corners by 0.049
    assert motion.apex_units[AU_NUMBERS.index(12)] == pytest.approx(0.25, abs=0.08)
    peaks = {name: getattr(motion, name)[APEX] for name in ("brow", "eye", "mouth")}
    assert max(peaks, key=lambda name: peaks[name]) == "mouth"
    assert motion.seen == 1
    assert classify(motion) == "micro-like"
    assert abs(motion.expression[:ONSET]).max() < 0.2 * motion.amplitude


@pytest.mark.parametrize("unit", [1, 2, 4, 5, 6, 7, 9, 10, 12, 14, 15, 17, 20, 23, 25, 26])
def test_every_unit_but_the_blink_is_found(unit: int) -> None:
    motion = drawn(((unit, 0.5),), num_frames=48)
    assert near(motion), (motion.onset_frame, motion.apex_frame, motion.offset_frame)
    assert motion.apex_units[AU_NUMBERS.index(unit)] > 0.15


@pytest.mark.parametrize(
    ("drift", "kind"), [(0.0, "static"), (0.03, "head only"), (0.06, "head only")]
)
def test_without_an_expression_no_time_is_given(drift: float, kind: str) -> None:
    motion = drawn((), drift)
    assert classify(motion) == kind
    assert (motion.onset_frame, motion.apex_frame, motion.offset_frame) == (None,) * 3
    assert (motion.fwhm_ms, motion.returned, motion.duration_ms) == (None,) * 3


def test_the_head_does_not_move_the_apex() -> None:
    motion = drawn(SMILE, 0.06)
    assert near(motion)
    assert motion.head_motion > 0.02


def test_a_slow_smile_is_too_long() -> None:
    motion = drawn(SMILE, num_frames=130, onset_frame=10, apex_frame=55, offset_frame=120)
    assert near(motion, 10, 55, 120)
    assert classify(motion) == "too long"
    assert classify(motion, Thresholds(duration_ms=2000)) == "micro-like"


def test_a_grimace_is_exaggerated() -> None:
    assert classify(drawn(((12, 1.0), (26, 1.0)))) == "exaggerated"


def test_what_is_cut_off_is_not_told(smile: tuple[Frames, Landmarks]) -> None:
    frames, landmarks = smile
    held = estimate(frames[: APEX + 1], 100.0, landmarks)
    assert held.apex_frame == pytest.approx(APEX, abs=3)
    assert (held.offset_frame, held.duration_ms, held.fwhm_ms) == (None,) * 3
    assert held.returned is not None and held.returned < 0.2
    assert classify(held) == "too long"
    falling = estimate(frames[APEX - 3 :], 100.0, landmarks)
    assert falling.apex_frame == pytest.approx(3, abs=3)
    assert (falling.onset_frame, falling.fwhm_ms) == (None, None)
    assert falling.offset_frame == pytest.approx(OFFSET - APEX + 3, abs=4)


def test_a_smile_that_stays(smile: tuple[Frames, Landmarks]) -> None:
    frames = np.concatenate([smile[0][: APEX + 1], *[smile[0][APEX : APEX + 1]] * 60])
    motion = estimate(frames, 100.0, smile[1])
    assert motion.offset_frame is None
    assert classify(motion) == "too long"


def test_a_blink_is_no_expression(portrait: FolderFaces, smile: tuple[Frames, Landmarks]) -> None:
    frames, landmarks = smile
    blink, _ = decoded(portrait, portrait.scan().faces[0], WarpConfig(), units=((45, 1.0),))
    assert classify(estimate(blink, 100.0, landmarks)) == "static"
    after = np.concatenate([frames, blink])
    motion = estimate(after, 100.0, landmarks)
    assert near(motion)
    lids = motion.units[:, AU_NUMBERS.index(45)]
    assert lids[LENGTH + APEX] > 0.7
    assert abs(lids[:LENGTH]).max() < 0.2
    before = estimate(np.concatenate([blink, frames]), 100.0, landmarks)
    assert near(before, LENGTH + ONSET, LENGTH + APEX, LENGTH + OFFSET)


def brighter(frames: Frames) -> Frames:
    """Light that rises by a fifth over the clip."""
    gain = np.linspace(0.7, 0.9, len(frames))[:, None, None, None]
    return np.rint(frames * gain).astype(np.uint8)


@pytest.mark.parametrize(
    "change",
    [
        brighter,
        lambda frames: np.rint(0.5 * frames + 40).astype(np.uint8),
        lambda frames: np.rint(frames @ (0.299, 0.587, 0.114)).astype(np.uint8),
        lambda frames: frames[:, :, ::1].copy(order="F"),
    ],
    ids=["drifting light", "gain and bias", "gray", "other memory order"],
)
def test_light_and_layout_do_not_matter(
    change: Callable[[Frames], Frames], smile: tuple[Frames, Landmarks]
) -> None:
    frames, landmarks = smile
    usual, motion = (estimate(f, 100.0, landmarks) for f in (frames, change(frames)))
    assert near(motion)
    assert motion.apex_frame == pytest.approx(usual.apex_frame, abs=1)
    assert motion.amplitude == pytest.approx(usual.amplitude, rel=0.1)


def mirrored(landmarks: Landmarks, width: int) -> Landmarks:
    def swap(point: tuple[float, float]) -> tuple[float, float]:
        return width - 1 - point[0], point[1]

    return replace(
        landmarks,
        left_eye=swap(landmarks.right_eye),
        right_eye=swap(landmarks.left_eye),
        left_brow=swap(landmarks.right_brow),
        right_brow=swap(landmarks.left_brow),
        nose=swap(landmarks.nose),
        mouth_left=swap(landmarks.mouth_right),
        mouth_right=swap(landmarks.mouth_left),
        mouth_top=swap(landmarks.mouth_top),
        mouth_bottom=swap(landmarks.mouth_bottom),
        chin=swap(landmarks.chin),
    )


def test_mirrored_and_turned_faces_move_alike(smile: tuple[Frames, Landmarks]) -> None:
    frames, landmarks = smile
    usual = estimate(frames, 100.0, landmarks)
    mirror = estimate(frames[:, :, ::-1], 100.0, mirrored(landmarks, 256))
    assert mirror.apex_frame == pytest.approx(usual.apex_frame, abs=1)
    assert mirror.apex_units == pytest.approx(usual.apex_units, abs=0.06)
    # A quarter turn: (x, y) → (y, 255 - x), so "left" and "right" lie above one another.
    turned = np.rot90(frames, axes=(1, 2))
    numbers = np.array(landmarks.flat())
    points = numbers[:20].reshape(10, 2)[:, ::-1] * (1, -1) + (0, 255)
    quarter = Landmarks.from_flat((*points.ravel().tolist(), *numbers[20:].tolist()))
    motion = estimate(turned, 100.0, quarter)
    assert motion.apex_frame == pytest.approx(usual.apex_frame, abs=1)
    assert motion.amplitude == pytest.approx(usual.amplitude, rel=0.1)


@settings(max_examples=8)
@given(first=st.integers(0, ONSET), last=st.integers(OFFSET, LENGTH), fps=st.floats(60.0, 240.0))
def test_times_follow_the_clip(
    smile: tuple[Frames, Landmarks], first: int, last: int, fps: float
) -> None:
    motion = estimate(smile[0][first:last], fps, smile[1])
    assert motion.apex_frame == pytest.approx(APEX - first, abs=2)
    assert motion.fwhm_ms == pytest.approx(16_000 / fps, rel=0.25)
    assert motion.fps == fps
    for curve in (motion.expression, motion.brow, motion.eye, motion.mouth, motion.head):
        assert curve.shape == (last - first,)
        assert np.isfinite(curve).all()
    assert motion.units.shape == (last - first, 17)


@pytest.mark.parametrize("count", [2, 3, 4, 5, 7])
def test_very_short_clips(smile: tuple[Frames, Landmarks], count: int) -> None:
    frames, landmarks = smile
    pair = np.concatenate([frames[:1], frames[[APEX] * (count - 1)]])
    motion = estimate(pair, 100.0, landmarks)
    assert motion.amplitude == pytest.approx(0.049, rel=0.35)
    assert classify(motion) == "too long"  # it never returns
    if count < 5:
        assert motion.apex_frame is None
    still = estimate(frames[[0] * count], 100.0, landmarks)
    assert (still.amplitude, classify(still)) == (0.0, "static")


def test_constant_and_changing_scenes(smile: tuple[Frames, Landmarks]) -> None:
    frames, landmarks = smile
    flat = estimate(np.full_like(frames, 90), 100.0, landmarks)
    assert (flat.amplitude, flat.apex_frame, flat.seen) == (0.0, None, 0.0)
    assert classify(flat) == "static"
    cut = frames.copy()
    cut[48:] = np.random.default_rng(0).integers(0, 256, cut[48:].shape, np.uint8)
    motion = estimate(cut, 100.0, landmarks)
    assert motion.seen == pytest.approx(48 / LENGTH)
    assert motion.apex_frame == pytest.approx(APEX, abs=3)


def test_a_clip_shorter_than_any_expression(smile: tuple[Frames, Landmarks]) -> None:
    motion = estimate(smile[0][ONSET : ONSET + 10], 5000.0, smile[1])
    assert motion.offset_frame is None
    assert np.isfinite(motion.expression).all()


def test_small_faces() -> None:
    motion = drawn(SMILE, width=64, height=64)
    assert motion.apex_frame == pytest.approx(APEX, abs=3)


def test_a_thousand_frames(smile: tuple[Frames, Landmarks]) -> None:
    frames = np.concatenate([smile[0][:, ::2, ::2]] + [smile[0][:1, ::2, ::2]] * 944)
    numbers = np.array(smile[1].flat()) / 2
    motion = estimate(frames, 100.0, Landmarks.from_flat(tuple(numbers.tolist())))
    assert near(motion)


def test_same_frames_same_numbers(smile: tuple[Frames, Landmarks]) -> None:
    first, second = (estimate(smile[0], 100.0, smile[1]) for _ in range(2))
    assert np.array_equal(first.units, second.units)
    assert np.array_equal(first.expression, second.expression)


@pytest.mark.parametrize(
    ("frames", "fps", "message"),
    [
        (np.zeros((1, 64, 64, 3), np.uint8), 25.0, "at least two frames"),
        (np.zeros((4, 64, 64, 4), np.uint8), 25.0, r"got shape \(4, 64, 64, 4\)"),
        (np.zeros((4, 64, 64, 3)), 25.0, "type float64"),
        (np.zeros((4, 64, 64), np.uint8), 0.0, "fps must be a positive number, got 0"),
        (np.zeros((4, 16, 16), np.uint8), 25.0, "eyes at least 8 pixels apart"),
    ],
)
def test_wrong_input(
    frames: npt.NDArray[Any], fps: float, message: str, smile: tuple[Frames, Landmarks]
) -> None:
    with pytest.raises(VideoError, match=message):
        estimate(frames, fps, smile[1])


def test_close_eyes_are_refused(smile: tuple[Frames, Landmarks]) -> None:
    frames, landmarks = smile
    close = replace(landmarks, right_eye=landmarks.left_eye)
    with pytest.raises(VideoError, match="Locate the face in the first frame"):
        estimate(frames, 100.0, close)
