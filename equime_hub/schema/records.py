"""The values that flow through a build: `Face` → `ClipSpec` → `ClipRecord`.

A `Face` says whose face it is and where it lies in its image; a `ClipSpec` says what to make of
it; a `ClipRecord` says what was made. All are frozen, and none holds pixels.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from itertools import chain
from typing import Any

from equime_hub.schema.taxonomy import ACTION_UNITS, EMOTION_TO_3, facs_code, rise

Point = tuple[float, float]
"""x to the right, y down, in pixels; (0, 0) is the centre of the top left pixel."""


@dataclass(frozen=True)
class Landmarks:
    """Where the parts of a face are, in pixels of its image.

    "left" is the left of the image, which is the person's right.

    Attributes:
        left_eye: Centre of the eye opening.
        right_eye: Centre of the eye opening.
        left_brow: Centre of the eyebrow.
        right_brow: Centre of the eyebrow.
        nose: Tip of the nose.
        mouth_left: Corner of the closed mouth.
        mouth_right: Corner of the closed mouth.
        mouth_top: Middle of the upper lip's upper edge.
        mouth_bottom: Middle of the lower lip's lower edge.
        chin: Lowest point of the chin.
        eye_width: Width of one eye opening.
        eye_height: Height of one eye opening.
    """

    left_eye: Point
    right_eye: Point
    left_brow: Point
    right_brow: Point
    nose: Point
    mouth_left: Point
    mouth_right: Point
    mouth_top: Point
    mouth_bottom: Point
    chin: Point
    eye_width: float
    eye_height: float

    def flat(self) -> tuple[float, ...]:
        """All numbers in the order of the attributes: 22 values."""
        *points, width, height = vars(self).values()
        return tuple(map(float, chain(*points, (width, height))))

    @classmethod
    def from_flat(cls, numbers: tuple[float, ...]) -> Landmarks:
        """Inverse of `flat`."""
        values: list[Point | float] = [(numbers[i], numbers[i + 1]) for i in range(0, 20, 2)]
        values += numbers[20:]
        return cls(*values)  # type: ignore[arg-type]  # ten points, then two numbers


@dataclass(frozen=True)
class Face:
    """One image of one person.

    Attributes:
        subject_id: The person, not the image: two images of one person share it.
        source_dataset: Where the image is from, such as "drawn" or "celebahq".
        source_image: Name of the image inside its source, never an absolute path.
        source_sha256: SHA-256 of the image file (or of the pixels, for drawn faces).
        license: Licence of the image, if known.
        landmarks: Where the face is in the image.
        gender: One of `GENDERS`, or None if unknown (so for all below).
        gender_score: Confidence in [0, 1]; None when declared rather than estimated.
        age: Age in years.
        age_score: Confidence in [0, 1].
        age_group: One of `AGE_GROUPS`.
        race: One of `RACES`.
        race_score: Confidence in [0, 1].
        demographics_source: Who says so: a tool and its version, or a file.
        declared_gender: What the source of the image declares, kept beside what was estimated.
        declared_age: The same, in years.
        declared_race: The same.
    """

    subject_id: str
    source_dataset: str
    source_image: str
    source_sha256: str
    landmarks: Landmarks
    license: str | None = None
    gender: str | None = None
    gender_score: float | None = None
    age: float | None = None
    age_score: float | None = None
    age_group: str | None = None
    race: str | None = None
    race_score: float | None = None
    demographics_source: str | None = None
    declared_gender: str | None = None
    declared_age: float | None = None
    declared_race: str | None = None


@dataclass(frozen=True)
class ClipSpec:
    """What to make: one row of a plan.

    Attributes:
        clip_id: 16 hexadecimal digits, a hash of everything below but the split.
        split: "train", "validation" or "test".
        face: Whose face.
        emotion: One of `EMOTIONS`.
        au_onset: 17 intensities in [0, 1] before the expression, in the order of `AU_NUMBERS`.
        au_apex: 17 intensities in [0, 1] at the apex.
        au_source: One of `AU_SOURCES`.
        au_source_subject: Donor of the AU vector, for MiE-X's leakage rule.
        num_frames: Frames in the clip.
        fps: Frames per second of the scene.
        onset_frame: Last neutral frame before the expression, from 0.
        apex_frame: Frame of the strongest expression.
        offset_frame: First neutral frame after it.
        width: Pixels.
        height: Pixels.
        prompt: What a video model is told.
        negative_prompt: What it is told to avoid.
        seed: Seed of this clip's own noise.
        counterfactual_of: Clip that this one is a counterfactual of: same person, same noise.
        intervention: What differs from that clip, such as "do(AU4=0.3)" or "emotion=anger".
    """

    clip_id: str
    split: str
    face: Face
    emotion: str
    au_onset: tuple[float, ...]
    au_apex: tuple[float, ...]
    au_source: str
    au_source_subject: str | None
    num_frames: int
    fps: float
    onset_frame: int
    apex_frame: int
    offset_frame: int
    width: int
    height: int
    prompt: str
    negative_prompt: str
    seed: int
    counterfactual_of: str | None = None
    intervention: str | None = None

    def __post_init__(self) -> None:
        for name in ("au_onset", "au_apex"):
            vector = getattr(self, name)
            if len(vector) != len(ACTION_UNITS) or not all(0 <= value <= 1 for value in vector):
                raise ValueError(f"{name} must be 17 numbers in [0, 1], got {vector}")
        order = (0, self.onset_frame, self.apex_frame, self.offset_frame, self.num_frames - 1)
        if not (order[0] <= order[1] < order[2] < order[3] <= order[4]):
            raise ValueError(
                "frames must satisfy 0 <= onset < apex < offset < num_frames, got "
                f"onset {order[1]}, apex {order[2]}, offset {order[3]} of {self.num_frames}"
            )


@dataclass(frozen=True)
class Generation:
    """How a clip was made, as said by the backend that made it."""

    generator: str
    software: str
    model_id: str | None = None
    model_revision: str | None = None
    steps: int | None = None
    guidance_scale: float | None = None
    batch_size: int | None = None


@dataclass(frozen=True)
class Quality:
    """What was measured on the decoded bytes; None is "not measured"."""

    size_bytes: int
    bitrate_kbps: float
    accepted: bool = True
    rejection_reason: str | None = None
    psnr: float | None = None
    ssim: float | None = None
    tv: float | None = None
    brisque: float | None = None
    clip_iqa: float | None = None
    motion_amplitude: float | None = None
    motion_fwhm_ms: float | None = None
    motion_return: float | None = None
    head_motion: float | None = None
    first_frame_psnr: float | None = None
    emotion_observed: str | None = None
    emotion_observed_score: float | None = None
    emotion_observer: str | None = None
    au_observed: tuple[float, ...] | None = None
    au_observer: str | None = None


Pair = dict[str, bytes]
"""The frames `onset` and `apex` of a clip, each a whole WebP file."""


def pair_row(pair: Pair, clip_id: str) -> dict[str, Any]:
    """Values by column name."""
    return {name: {"bytes": d, "path": f"{clip_id}-{name}.webp"} for name, d in pair.items()}


@dataclass(frozen=True)
class ClipRecord:
    """What was made: one row of the dataset.

    Attributes:
        spec: What was asked.
        video: The encoded clip, a whole MP4 file.
        encoding: Codec and settings that made `video`.
        generation: How the frames were made.
        quality: What was measured on the decoded `video`.
        pair: Onset and apex frame of the decoded `video` as image files (config `onset_apex`).
        retry_seed: Seed that made it after the first try was broken; None if the first stands.
        retry_reason: The gate that the first try failed.
    """

    spec: ClipSpec
    video: bytes
    encoding: str
    generation: Generation
    quality: Quality
    pair: Pair | None = None
    retry_seed: int | None = None
    retry_reason: str | None = None

    def row(self) -> dict[str, Any]:
        """Values by column name, as `features()` encodes them."""
        return {
            **spec_row(self.spec),
            "video": {"bytes": self.video, "path": f"{self.spec.clip_id}.mp4"},
            "encoding": self.encoding,
            "emotion_3": EMOTION_TO_3[self.spec.emotion],
            "emotion_raw": self.spec.emotion,
            "label_source": "synthetic",
            "expression": "micro",
            "facs": facs_code(rise(self.spec.au_onset, self.spec.au_apex)),
            "apex_source": "planned",
            "retry_seed": self.retry_seed,
            "retry_reason": self.retry_reason,
            **asdict(self.generation),
            **asdict(self.quality),
            **pair_row(self.pair or {}, self.spec.clip_id),
        }


def spec_row(spec: ClipSpec) -> dict[str, Any]:
    """Columns that a plan and a dataset share, without split and landmarks."""
    face = {f.name: getattr(spec.face, f.name) for f in fields(Face) if f.name != "landmarks"}
    own = {f.name: getattr(spec, f.name) for f in fields(ClipSpec)}
    del own["face"], own["split"]
    return {**face, **own, "au_onset": list(spec.au_onset), "au_apex": list(spec.au_apex)}
