from __future__ import annotations

import hashlib
import subprocess
import sys
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import skimage.data

from equime_hub.builder.backends.warp import WarpBackend, WarpConfig, curve, drift
from equime_hub.builder.faces.align import align
from equime_hub.builder.spec import RenderJob
from equime_hub.errors import BackendError
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import ACTION_UNITS, AU_NUMBERS
from equime_hub.video import action_fields as af
from equime_hub.video.locate import locate
from tests.support import flow

Frames = npt.NDArray[np.uint8]
ONSET, APEX, OFFSET, LENGTH = 4, 16, 30, 36
REGION = {unit.number: unit.region for unit in ACTION_UNITS}
USUAL, STILL = WarpConfig(), WarpConfig(head_drift=0, noise=0)


@cache
def astronaut(size: int = 256) -> tuple[Frames, Landmarks]:
    image = skimage.data.astronaut()
    return align(image, locate(image)[0], size, size)


def vector(units: dict[int, float]) -> tuple[float, ...]:
    return tuple(units.get(number, 0.0) for number in AU_NUMBERS)


def job(units: dict[int, float], **changes: Any) -> RenderJob:
    image, landmarks = astronaut()
    spec = ClipSpec(
        clip_id="0123456789abcdef",
        split="train",
        face=Face("collins", "skimage", "astronaut.png", "0" * 64, landmarks),
        emotion="others",
        au_onset=vector({}),
        au_apex=vector(units),
        au_source="expert",
        au_source_subject=None,
        num_frames=LENGTH,
        fps=100.0,
        onset_frame=ONSET,
        apex_frame=APEX,
        offset_frame=OFFSET,
        width=256,
        height=256,
        prompt="",
        negative_prompt="",
        seed=11,
    )
    return RenderJob(replace(spec, **changes), image, landmarks)


@cache
def rendered(units: tuple[tuple[int, float], ...], config: WarpConfig = USUAL) -> Frames:
    return WarpBackend(config).render([job(dict(units))])[0].frames


def motion(*units: int, intensity: float = 0.3) -> flow.Array:
    """Flow of the skin from onset to apex."""
    frames = rendered(tuple((unit, intensity) for unit in units))
    return flow.skin_flow(frames[ONSET], frames[APEX], astronaut()[1])


def pixel(x: float, y: float) -> tuple[int, int]:
    """Row and column of a point given in inter-ocular distances."""
    (left, right), unit = (astronaut()[1].left_eye, astronaut()[1].right_eye), 64.0
    return round((left[1] + right[1]) / 2 + y * unit), round((left[0] + right[0]) / 2 + x * unit)


@pytest.mark.parametrize("unit", AU_NUMBERS)
def test_each_unit_moves_its_own_region_most(unit: int) -> None:
    strength = flow.strengths(motion(unit), astronaut()[1])
    # The cheek raiser is filed under the eye; it is the cheek below that travels.
    expected = {"eye", "cheek"} if unit == 6 else {REGION[unit]}
    assert max(strength, key=lambda name: strength[name]) in expected, strength
    assert max(strength.values()) > 0.004


@pytest.mark.parametrize(
    ("unit", "x", "y", "right", "down"),
    [
        # Side -1 is mirrored; 0 means that nothing is said about this direction.
        (1, 0.3, -0.25, 0, -1),
        (2, 0.72, -0.25, 0, -1),
        (4, 0.35, -0.25, -1, 1),
        (5, 0.5, -0.1, 0, -1),
        (6, 0.6, 0.38, 0, -1),
        (7, 0.5, 0.14, 0, -1),
        (9, 0.2, 0.5, 0, -1),
        (10, 0.2, 0.78, 0, -1),
        (12, 0.46, 0.87, 1, -1),
        (14, 0.44, 0.87, -1, 0),
        (15, 0.46, 0.87, 0, 1),
        (17, 0.1, 1.3, 0, -1),
        (20, 0.46, 0.87, 1, 0),
        (25, 0.1, 1.15, 0, 1),
        (26, 0.2, 1.5, 0, 1),
        (45, 0.5, -0.08, 0, 1),
    ],
)
def test_each_unit_moves_as_facs_says(unit: int, x: float, y: float, right: int, down: int) -> None:
    moved, face = motion(unit), astronaut()[1]
    for side in (-1, 1):
        found = flow.at(moved, face, side * x, y, 0.07)
        assert (side * found[0] * right > 0.002) or not right, found
        assert (found[1] * down > 0.002) or not down, found


def test_tightened_lips_come_together() -> None:
    moved, face = motion(23), astronaut()[1]
    upper, lower = flow.at(moved, face, 0, 0.82, 0.06), flow.at(moved, face, 0, 1.17, 0.06)
    assert upper[1] - lower[1] > 0.004


@pytest.mark.parametrize(
    ("units", "region"), [((6, 12, 25), "mouth"), ((4, 7), "brow"), ((1, 2), "brow")]
)
def test_expressions_rise_to_the_apex_and_return(units: tuple[int, ...], region: str) -> None:
    frames, face = rendered(tuple((unit, 0.3) for unit in units)), astronaut()[1]
    course = [flow.strengths(flow.skin_flow(frames[ONSET], frame, face), face) for frame in frames]
    peak = course[APEX]
    assert max(peak, key=lambda name: peak[name]) == region
    strength = [values[region] for values in course]
    assert abs(int(np.argmax(strength)) - APEX) <= 1
    assert max(strength[:ONSET] + strength[OFFSET:]) < 0.15 * strength[APEX]
    assert 0.25 < strength[(ONSET + APEX) // 2] / strength[APEX] < 0.75


def test_curve() -> None:
    share = curve(job({}).spec)
    assert share[APEX] == 1
    assert not share[: ONSET + 1].any()
    assert not share[OFFSET:].any()
    assert share[(ONSET + APEX) // 2] == pytest.approx(0.5)
    assert (np.diff(share[ONSET : APEX + 1]) > 0).all()
    assert (np.diff(share[APEX : OFFSET + 1]) < 0).all()


def test_drift_is_small_slow_and_starts_at_rest() -> None:
    paths = np.array([drift(job({}, seed=seed, fps=25.0).spec, 0.006) for seed in range(40)])
    assert not paths[:, 0].any()
    assert 0.003 < np.abs(paths).max(axis=(1, 2)).mean() < 0.012
    assert np.abs(np.diff(paths, axis=1)).max() < 0.003


@pytest.mark.parametrize("unit", AU_NUMBERS)
def test_background_and_border_stand_still(unit: int) -> None:
    frames = rendered(((unit, 1.0),), WarpConfig(noise=0))
    border = np.ones((256, 256), bool)
    border[10:-10, 10:-10] = False
    assert (frames[:, border] == astronaut()[0][border]).all()
    assert not np.array_equal(frames[APEX], frames[ONSET])


def test_noisy_border_has_no_flow_and_face_has_drift() -> None:
    frames = rendered(((12, 0.3),))
    moved = flow.flow(frames[0], frames[APEX])
    edge = np.concatenate([moved[:12].reshape(-1, 2), moved[-12:].reshape(-1, 2)])
    assert np.hypot(*edge.T).mean() < 0.1  # what noise alone reads as, on a plain backdrop
    assert np.hypot(moved[..., 0], moved[..., 1]).max() > 1.5
    steady = rendered(((12, 0.3),), WarpConfig(head_drift=0))
    assert not np.array_equal(frames[-1], steady[-1])


def test_neutral_frames_are_the_face_itself() -> None:
    frames = rendered(tuple((unit, 0.8) for unit in AU_NUMBERS), STILL)
    outside = [*range(ONSET + 1), *range(OFFSET, LENGTH)]
    assert all(np.array_equal(frames[i], astronaut()[0]) for i in outside)
    assert not any(np.array_equal(frames[i], astronaut()[0]) for i in range(ONSET + 1, OFFSET))


def test_an_expression_that_is_there_from_the_start() -> None:
    held = vector({12: 0.3})
    frames = WarpBackend(STILL).render([job({12: 0.3}, au_onset=held)])[0].frames
    assert (frames == frames[0]).all()
    assert np.array_equal(frames[0], rendered(((12, 0.3),), STILL)[APEX])


def test_noise_is_sensor_noise() -> None:
    frames = rendered((), WarpConfig(head_drift=0, noise=2.0)).astype(float)
    rest = (frames - astronaut()[0])[:, 2:40, 2:40]
    assert rest.std() == pytest.approx(2.0, rel=0.05)
    assert abs(rest.mean()) < 0.05
    assert abs(np.corrcoef(rest[3].ravel(), rest[9].ravel())[0, 1]) < 0.05
    # A pattern that stayed in view would survive the mean over time.
    assert rest.mean(0).std() < 1.5 * 2.0 / np.sqrt(LENGTH)


def test_blink_covers_the_iris() -> None:
    frames = rendered(((45, 1.0),), STILL).astype(float)
    for side in (-0.5, 0.5):
        row, column = pixel(side, 0)
        iris = (slice(row - 2, row + 3), slice(column - 3, column + 4))
        lid = frames[0][row - 9 : row - 6, column - 3 : column + 4].mean()
        assert frames[0][iris].mean() < 0.6 * frames[APEX][iris].mean()
        assert frames[APEX][iris].mean() > 0.8 * lid


@pytest.mark.parametrize("unit", [25, 26])
def test_lips_part_over_a_dark_mouth(unit: int) -> None:
    frames = rendered(((unit, 1.0),), STILL).astype(float)
    column = pixel(0, 0)[1]
    rows = slice(pixel(0, 0.8)[0], pixel(0, 1.35)[0])
    dark = [(frame[rows, column].mean(-1) < 45).sum() for frame in frames]
    assert dark[ONSET] == 0
    assert dark[APEX] >= 4
    assert dark[ONSET] < dark[(ONSET + APEX) // 2] < dark[APEX]


@pytest.mark.parametrize("unit", AU_NUMBERS)
def test_skin_does_not_fold_and_reaches_its_amplitude(unit: int) -> None:
    frame = af.FaceFrame.of(astronaut()[1])
    field = af.soft_field(frame, *frame.grid(256, 256), vector({unit: 1.0})) * frame.iod
    (xy, xx), (yy, yx) = np.gradient(field[0]), np.gradient(field[1])
    assert ((1 + xx) * (1 + yy) - xy * yx).min() > 0.2
    usual = {1: 0.14, 2: 0.14, 4: 0.14, 12: 0.2, 15: 0.14, 20: 0.12, 26: 0.14}
    if unit in usual:
        reached = np.hypot(*field).max() / frame.iod
        assert reached == pytest.approx(usual[unit], rel=0.05)


def test_gain_scales_the_intensity() -> None:
    half = WarpConfig(head_drift=0, noise=0, gain=0.5)
    assert np.array_equal(rendered(((12, 0.8),), half), rendered(((12, 0.4),), STILL))


def test_same_job_same_bytes_whatever_its_neighbours() -> None:
    one, other = job({12: 0.3, 25: 0.2}), job({4: 0.3, 45: 1.0}, seed=12)
    backend = WarpBackend()
    alone = backend.render([one])[0].frames
    among = backend.render([other, one, other])
    assert np.array_equal(alone, among[1].frames)
    assert np.array_equal(among[0].frames, among[2].frames)
    assert not np.array_equal(alone, WarpBackend().render([job({12: 0.3}, seed=3)])[0].frames)


def test_same_bytes_in_another_process() -> None:
    code = (
        "import hashlib; from tests.builder.backends.test_warp import job, WarpBackend; "
        "frames = WarpBackend().render([job({12: 0.3, 25: 0.2})])[0].frames; "
        "print(hashlib.sha256(frames.tobytes()).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code],
        cwd=Path(__file__).parents[3],
        capture_output=True,
        text=True,
        check=True,
    )
    here = WarpBackend().render([job({12: 0.3, 25: 0.2})])[0].frames
    assert there.stdout.strip() == hashlib.sha256(here.tobytes()).hexdigest()


@pytest.mark.parametrize(("width", "height"), [(64, 64), (96, 160), (512, 512)])
def test_other_sizes(width: int, height: int) -> None:
    image = skimage.data.astronaut()
    aligned, landmarks = align(image, locate(image)[0], width, height)
    small = job({12: 1.0, 25: 1.0, 45: 1.0}, width=width, height=height, num_frames=31)
    clip = WarpBackend().render([RenderJob(small.spec, aligned, landmarks)])[0]
    assert clip.frames.shape == (31, height, width, 3)
    assert clip.fps == 100.0


@pytest.mark.parametrize(("width", "height"), [(255, 256), (256, 62), (4098, 256), (0, 0)])
def test_sizes_that_cannot_be_made_are_refused(width: int, height: int) -> None:
    spec = job({}, width=width, height=height).spec
    with pytest.raises(
        BackendError, match=r"even sizes from 64 to 4096 pixels, got (width|height)"
    ):
        WarpBackend().check(spec)
    WarpBackend().check(job({}).spec)


def test_two_frames_are_refused_by_the_spec_itself() -> None:
    with pytest.raises(ValueError, match="onset < apex < offset"):
        job({}, num_frames=2, onset_frame=0, apex_frame=1, offset_frame=2)


def test_an_image_of_another_size_is_refused() -> None:
    with pytest.raises(BackendError, match="must be 128×128×3, got shape"):
        WarpBackend().render([job({}, width=128, height=128)])


@pytest.mark.parametrize("wrong", [{"noise": -1.0}, {"head_drift": float("nan")}])
def test_wrong_settings_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(BackendError, match=f"{next(iter(wrong))} must be a number of at least 0"):
        WarpConfig(**wrong)


def test_generation_names_what_made_the_pixels() -> None:
    generation = WarpBackend().generation
    assert generation.generator == "warp"
    for name in ("equime_hub ", "opencv ", "numpy "):
        assert name in generation.software
