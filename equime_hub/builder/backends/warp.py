"""Renders clips on the CPU by warping the face itself, with exact action units and times.

The face moves as `action_fields` says, by a raised cosine from onset to apex to offset; the head
drifts a little, the background stands still, and every frame carries its own sensor noise.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import cv2
import numpy as np
import numpy.typing as npt

from equime_hub import seeds
from equime_hub._version import __version__
from equime_hub.builder.spec import Backend, RenderJob
from equime_hub.errors import BackendError
from equime_hub.schema.records import ClipSpec, Generation
from equime_hub.video import action_fields as af
from equime_hub.video.clip import Clip
from equime_hub.video.codec import EncoderConfig
from equime_hub.video.threads import one_thread

Array = npt.NDArray[np.float32]
Box = tuple[slice, slice]

_ALL: Box = (slice(None), slice(None))

SMALLEST, LARGEST = 64, 4096
LARGEST_CLIP = 1_000_000_000
"""Bytes of a clip's frames; a worker holds them twice."""
MOUTH = np.array((46, 16, 18), np.float32)
"""Colour inside an open mouth."""
NOISE_STARTS = 1 << 20
"""Different places in a clip's store of noise at which a frame's noise may start."""


@dataclass(frozen=True)
class WarpConfig:
    """How a clip looks besides its action units.

    Attributes:
        head_drift: Size of the head's involuntary drift, in inter-ocular distances.
        noise: Standard deviation of the sensor noise, in grey levels.
        gain: Factor on all intensities; 1 is the plan's own.

    Raises:
        BackendError: One of them is negative or not a number.
    """

    head_drift: float = 0.006
    noise: float = 0.8
    gain: float = 1.0

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not 0 <= value < float("inf"):
                raise BackendError(f"{name} must be a number of at least 0, got {value}.")


@dataclass(frozen=True)
class WarpBackend(Backend):
    """Clips by warping; see `Backend`. One core, no model, same bytes for the same job."""

    config: WarpConfig = field(default_factory=WarpConfig)

    encoder: ClassVar = EncoderConfig(crf=12)
    """Warped faces are smooth and quiet: at crf 26 the encoder takes a fifth of the motion away,
    and most from dark skin, where it spends the fewest bits (`benchmarks/codec.py`)."""
    bytes_per_pixel: ClassVar = 0.007

    @property
    def generation(self) -> Generation:
        """What the rows say about how their clips were made."""
        return Generation(
            generator="warp",
            software=f"equime_hub {__version__}; opencv {cv2.__version__}; numpy {np.__version__}",
        )

    def check(self, spec: ClipSpec) -> None:
        """Refuse sizes that cannot be made; `ClipSpec` itself refuses fewer than 3 frames.

        Raises:
            BackendError: A side is odd, under 64 or over 4096 pixels, or the frames of one clip
                take more than a gigabyte.
        """
        for name, side in (("width", spec.width), ("height", spec.height)):
            if side % 2 or not SMALLEST <= side <= LARGEST:
                raise BackendError(
                    f"The warp backend makes even sizes from {SMALLEST} to {LARGEST} pixels, "
                    f"got {name} {side}. Plan again with another --size."
                )
        size = 3 * spec.num_frames * spec.width * spec.height
        if size > LARGEST_CLIP:
            raise BackendError(
                f"{spec.num_frames} frames of {spec.width}×{spec.height} take "
                f"{size / 1e9:.1f} GB, more than {LARGEST_CLIP / 1e9:g}. Plan again with fewer "
                "--frames or a smaller --size."
            )

    def render(self, jobs: Sequence[RenderJob]) -> list[Clip]:
        """One clip a job, in order.

        Raises:
            BackendError: An image does not have the size of its clip, or `check` refuses.
        """
        with one_thread():
            return [self._clip(job) for job in jobs]

    def _clip(self, job: RenderJob) -> Clip:
        spec = job.spec
        self.check(spec)
        job.check()
        frames = np.empty((spec.num_frames, *job.image.shape), np.uint8)
        noise = _noise(job.image.size, self.config.noise, spec)
        for out, clean in zip(frames, _Motion(job, self.config).frames(), strict=True):
            # Added and rounded in one step: the only quantisation.
            cv2.add(clean, next(noise).reshape(clean.shape), dst=out, dtype=cv2.CV_8U)
        return Clip(frames, spec.fps)


def curve(spec: ClipSpec) -> npt.NDArray[np.float64]:
    """How much of the expression each frame shows.

    Returns:
        `num_frames` numbers in [0, 1]: a raised cosine from 0 at the onset to 1 at the apex and
        back to 0 at the offset; exactly 0 outside.
    """
    times = (spec.onset_frame, spec.apex_frame, spec.offset_frame)
    phase = np.interp(np.arange(spec.num_frames), times, (0.0, 1.0, 2.0))
    return np.where(phase % 2 == 0, 0.0, (1 - np.cos(np.pi * phase)) / 2)


def drift(spec: ClipSpec, size: float) -> npt.NDArray[np.float64]:
    """Path of the head: three slow waves (0.2 to 1.2 Hz) an axis, starting at rest in frame 0.

    Args:
        spec: The clip; its `fps` and `seed` count.
        size: About the largest excursion.

    Returns:
        `num_frames`×3: right and down in the unit of `size`, and a turn in half of it.
    """
    random = seeds.generator("warp", "drift", spec.seed)
    hertz = random.uniform(0.2, 1.2, (3, 3))
    phase = random.uniform(0, 2 * np.pi, (3, 3))
    share = random.dirichlet((2, 2, 2), 3)
    seconds = np.arange(spec.num_frames)[:, None, None] / spec.fps
    waves = np.sin(2 * np.pi * hertz * seconds + phase) - np.sin(phase)
    path: npt.NDArray[np.float64] = (waves * share).sum(2) * (size, size, size / 2)
    return path


def _noise(size: int, deviation: float, spec: ClipSpec) -> Iterator[Array]:
    """Noise of each frame: a stretch of a store drawn once, from a place drawn for each frame.

    Fresh numbers for every frame would cost more than the warp; two frames' stretches nearly
    never start at the same place, so no pattern stays in view.
    """
    random = seeds.generator("warp", "noise", spec.seed)
    store = random.standard_normal(size + NOISE_STARTS, dtype=np.float32)
    store *= np.float32(deviation)
    for start in random.integers(0, NOISE_STARTS, spec.num_frames):
        yield store[start : start + size]


class _Motion:
    """The fields of one clip, made once, and its frames before noise."""

    def __init__(self, job: RenderJob, config: WarpConfig) -> None:
        self.image = job.image.astype(np.float32)
        self.share = curve(job.spec)
        self.path = drift(job.spec, config.head_drift)
        self.units = np.array((job.spec.au_onset, job.spec.au_apex)) * config.gain
        self.frame = af.FaceFrame.of(job.landmarks)
        height, width = self.image.shape[:2]
        x, y = self.frame.grid(width, height)
        inside = _inside(width, height)
        face = _fall((x / 1.2) ** 2 + ((y - 0.5) / 1.9) ** 2) * inside
        head = _fall((x / 1.6) ** 2 + ((y - 0.3) / 2.0) ** 2) * inside
        # Only this part of the image ever moves; the rest is copied.
        self.box = box = _box(head > 0)
        self.x, self.y, self.face, self.head = (a[box] for a in (x, y, face, head))
        self.columns, self.rows = (a[box] for a in _indices(width, height))
        forward = (af.soft_field(self.frame, x, y, units.tolist()) * face for units in self.units)
        self.onset, apex = (_backward(field, self.frame.iod)[(..., *box)] for field in forward)
        self.change = apex - self.onset
        turn = (-(self.y - 1.5) * self.head, self.x * self.head)
        self.turn = np.stack(turn) * np.float32(self.frame.iod)
        self.eyes = _box((np.abs(self.x) < 1.0) & (np.abs(self.y) < 0.6))
        self.mouth = _box((np.abs(self.x) < 0.8) & (self.y > 0.4) & (self.y < 2.2))

    def frames(self) -> Iterator[Array]:
        """Frames before noise, H×W×3 float32 in grey levels; each is overwritten by the next."""
        canvas = self.image.copy()
        part = canvas[self.box]
        for share, path in zip(self.share, self.path, strict=True):
            opening = af.Opening.of(((1 - share) * self.units[0] + share * self.units[1]).tolist())
            move = self._skin(float(share), path)
            inside = self._slide_lips(move, opening)
            part[...] = self._look(move, _ALL)
            part[self.mouth] += inside[..., None] * (MOUTH - part[self.mouth])
            self._lay_lids(part[self.eyes], move, opening)
            yield canvas

    def _skin(self, share: float, path: npt.NDArray[np.float64]) -> Array:
        """Where to look for what soft skin and the drifting head bring, in pixels."""
        move = np.asarray(cv2.scaleAdd(self.change, share, self.onset), np.float32)
        *steps, turn = -path
        for axis, step in enumerate(steps):
            cv2.scaleAdd(self.head, step * self.frame.iod, move[axis], dst=move[axis])
            cv2.scaleAdd(self.turn[axis], turn, move[axis], dst=move[axis])
        return move

    def _look(self, move: Array, box: Box) -> Array:
        x, y = self.columns[box] + move[0], self.rows[box] + move[1]
        found = cv2.remap(self.image, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT_101)
        return np.asarray(found, np.float32)

    def _slide_lips(self, move: Array, opening: af.Opening) -> Array:
        """Move the lips apart; returns how much of each pixel in `mouth` is inside it."""
        box = self.mouth
        if not (opening.upper_lip or opening.lower_lip):
            return np.zeros_like(self.x[box])
        x, y = self._origin(move, box)
        shift, inside = af.lip_shift(self.frame, x, y, opening, 1.5 / self.frame.iod)
        move[1][box] += shift * self.face[box] * np.float32(self.frame.iod)
        return inside * self.face[box]

    def _lay_lids(self, eyes: Array, move: Array, opening: af.Opening) -> None:
        """Draw the lids over the eyes that they cover."""
        box = self.eyes
        if not (opening.upper_lid or opening.lower_lid):
            return
        x, y = self._origin(move, box)
        for shift, cover in af.lid_layers(self.frame, x, y, opening, 1 / self.frame.iod):
            reach = move[:, *box].copy()
            reach[1] += shift * np.float32(self.frame.iod)
            eyes += (cover * self.face[box])[..., None] * (self._look(reach, box) - eyes)

    def _origin(self, move: Array, box: Box) -> tuple[Array, Array]:
        """Face coordinates of the skin that `move` brings to each pixel of a box."""
        scale = np.float32(1 / self.frame.iod)
        return self.x[box] + scale * move[0][box], self.y[box] + scale * move[1][box]


def _backward(field: Array, iod: float) -> Array:
    """Where to look for what a field brings to each pixel, in pixels.

    Solves b(p) = -f(p + b(p)) by half steps, which converge even where strong units overlap.
    """
    back: Array = np.zeros_like(field)
    if not field.any():
        return back
    columns, rows = _indices(*field.shape[:0:-1])
    forward = np.ascontiguousarray(field.transpose(1, 2, 0)) * np.float32(iod)
    for _ in range(12):
        found = cv2.remap(forward, columns + back[0], rows + back[1], cv2.INTER_LINEAR)
        back = np.float32(0.5) * (back - np.asarray(found, np.float32).transpose(2, 0, 1))
    return back


def _indices(width: int, height: int) -> tuple[Array, Array]:
    """Column and row of every pixel."""
    rows, columns = np.indices((height, width), np.float32)
    return columns, rows


def _inside(width: int, height: int) -> Array:
    """1 inside the image, smoothly 0 towards its border: exactly 0 in the outer 4 %."""
    x, y = (
        np.clip((np.minimum(i, n - 1 - i) / n - 0.04) / 0.1, 0, 1)
        for i, n in ((np.arange(width), width), (np.arange(height), height))
    )
    product: Array = np.outer(_smooth(y), _smooth(x)).astype(np.float32)
    return product


def _fall(square: Array) -> Array:
    """1 within 0.7 of a radius, smoothly 0 at the radius; takes the squared distance."""
    return _smooth(np.clip((1 - np.sqrt(square)) / 0.3, 0, 1))


def _smooth(share: npt.NDArray[np.floating]) -> Array:
    """Smoothstep of numbers in [0, 1]."""
    return np.asarray(share * share * (3 - 2 * share), np.float32)


def _box(mask: npt.NDArray[np.bool_]) -> Box:
    """Rows and columns that hold all of a mask."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return slice(0, 0), slice(0, 0)
    return slice(int(rows[0]), int(rows[-1]) + 1), slice(int(columns[0]), int(columns[-1]) + 1)
