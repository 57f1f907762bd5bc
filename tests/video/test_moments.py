from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import astuple, replace

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.builder import plan as plans
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.faces.align import align
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.spec import RenderJob
from equime_hub.errors import VideoError
from equime_hub.schema.records import ClipSpec, Landmarks
from equime_hub.video import codec, motion
from equime_hub.video.clip import Clip
from equime_hub.video.decoder import AvDecoder
from equime_hub.video.footage import footage
from equime_hub.video.moments import Moments, complete, estimate
from equime_hub.video.picture import Picture, Pixels

LAST = 20


@pytest.fixture(scope="module")
def smile() -> tuple[ClipSpec, Clip, Landmarks]:
    """A clip of a drawn person with exact truth."""
    source = DrawnFaces(1, 0, 256)
    config = PlanConfig(width=192, height=192, num_frames=48, fps=100.0, duration_ms=(250, 350))
    spec = plans.make(source.scan().faces, source, config).specs[0]
    job = RenderJob(spec, *align(source.pixels(spec.face), spec.face.landmarks, 192, 192))
    backend = WarpBackend()
    clip = codec.decode(codec.encode(backend.render([job])[0], backend.encoder))
    return spec, clip, job.landmarks


def test_finds_the_moments(smile: tuple[ClipSpec, Clip, Landmarks]) -> None:
    spec, clip, landmarks = smile
    found = estimate(clip, landmarks)
    truth = (spec.onset_frame, spec.apex_frame, spec.offset_frame)
    assert astuple(found.moments) == pytest.approx(truth, abs=7)
    assert found.landmarks == landmarks
    assert found.motion is not None
    assert found.motion.apex_frame == found.moments.apex


def test_finds_the_face_by_itself(smile: tuple[ClipSpec, Clip, Landmarks]) -> None:
    spec, clip, landmarks = smile
    found = estimate(clip)
    assert found.landmarks is not None
    assert np.allclose(found.landmarks.left_eye, landmarks.left_eye, atol=6)
    assert found.moments.apex == pytest.approx(spec.apex_frame, abs=7)
    assert estimate(AvDecoder(codec.encode(clip, codec.EncoderConfig(crf=1)))).motion is not None


def test_reduced_frames_tell_the_same_as_whole_ones(
    smile: tuple[ClipSpec, Clip, Landmarks],
) -> None:
    _, clip, landmarks = smile
    whole = motion.estimate(clip.frames, clip.fps, landmarks)
    reduced = estimate(clip, landmarks).motion
    assert reduced is not None
    assert reduced.apex_frame == pytest.approx(whole.apex_frame, abs=1)
    assert reduced.amplitude == pytest.approx(whole.amplitude, rel=0.1)


def test_one_frame_is_held_at_a_time(smile: tuple[ClipSpec, Clip, Landmarks]) -> None:
    _, clip, landmarks = smile
    held: list[npt.NDArray[np.uint8]] = []

    def pictures(indices: Iterable[int]) -> Iterator[Picture]:
        for index in indices:
            frame = clip.frames[index].copy()
            yield Pixels(frame)
            held.append(frame)
            frame[:] = 0  # whoever still looks at it sees black

    plain = estimate(clip, landmarks).motion
    streamed = estimate(replace(footage(clip), pictures=pictures), landmarks).motion
    assert len(held) == len(clip)
    assert plain is not None
    assert streamed is not None
    assert np.array_equal(plain.expression, streamed.expression)


def test_where_nothing_moves_the_apex_is_the_middle(
    smile: tuple[ClipSpec, Clip, Landmarks],
) -> None:
    _, clip, landmarks = smile
    still = estimate(Clip(np.repeat(clip.frames[:1], 30, axis=0), 100.0), landmarks)
    assert still.moments == Moments(0, 14, 29)
    assert still.motion is not None
    assert still.motion.apex_frame is None
    nobody = estimate(Clip(np.full((9, 64, 64, 3), 50, np.uint8), 100.0))
    assert (nobody.moments, nobody.motion, nobody.landmarks) == (Moments(0, 4, 8), None, None)
    alone = estimate(Clip(clip.frames[:1], 100.0))
    assert (alone.moments, alone.motion) == (Moments(0, 0, 0), None)
    tiny = estimate(clip, Landmarks.from_flat(tuple(x / 40 for x in landmarks.flat())))
    assert (tiny.moments, tiny.motion) == (Moments(0, 23, 47), None)


def test_bare_frames_have_no_rate(smile: tuple[ClipSpec, Clip, Landmarks]) -> None:
    with pytest.raises(VideoError, match="give Clip"):
        estimate(footage(smile[1].frames))


ordered = st.lists(st.integers(0, LAST), min_size=3, max_size=3).map(sorted)


@given(ordered, ordered, st.lists(st.booleans(), min_size=3, max_size=3))
def test_what_is_given_wins_and_all_is_in_order(
    true: list[int], measured: list[int], known: list[bool]
) -> None:
    given_ = Moments(*(value if keep else None for value, keep in zip(true, known, strict=True)))
    made = astuple(complete(given_, Moments(*measured)))
    assert 0 <= made[0] <= made[1] <= made[2] <= LAST
    for value, keep, got in zip(true, known, made, strict=True):
        assert not keep or got == value
    if not any(known):
        assert made == tuple(measured)


def test_an_apex_outside_the_expression_is_none() -> None:
    assert complete(Moments(4, None, 10), Moments(1, 6, 20)) == Moments(4, 6, 10)
    assert complete(Moments(4, None, 10), Moments(1, 15, 20)) == Moments(4, 7, 10)
    assert complete(Moments(None, 9, None), Moments(10, 12, 14)) == Moments(9, 9, 14)


def test_moments_must_be_frames_in_order() -> None:
    Moments(0, None, 4).check(5)
    Moments().check(1)
    for wrong in (Moments(0, 2, 5), Moments(-1), Moments(3, 2), Moments(3, None, 2)):
        with pytest.raises(VideoError, match="0 <= onset <= apex <= offset < 5"):
            wrong.check(5)
