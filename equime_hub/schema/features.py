"""Every column of the dataset, declared once, and its form as `datasets.Features`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from equime_hub.errors import DatasetError
from equime_hub.schema import taxonomy as tx

if TYPE_CHECKING:
    from datasets import Features

SCHEMA_VERSION = "1.3"
"""Written into every shard; the first number changes when old readers would misread."""

FOLDERS = {"default": "data", "metadata": "metadata", "onset_apex": "onset_apex"}
"""Config → folder of its shards in a dataset."""

CONFIGS = tuple(FOLDERS)
"""`metadata` is `default` without the video: labels in kilobytes instead of megabytes.
`onset_apex` is `metadata` with two images of the clip, which a dataset may lack."""

_PIXELS = {"default": "video", "onset_apex": "image"}


@dataclass(frozen=True)
class Column:
    """One column.

    Attributes:
        name: Column name.
        dtype: "string", "bool", "int32", "int64", "float32", "float64", "video" or "image".
        description: Meaning, unit and value range, one sentence.
        names: Class names if the column is a `ClassLabel` (dtype is then "int64").
        length: Length if every value is a list of that many numbers.
    """

    name: str
    dtype: str
    description: str
    names: tuple[str, ...] | None = None
    length: int | None = None


def _label(name: str, names: tuple[str, ...], description: str) -> Column:
    return Column(name, "int64", description, names=names)


def _aus(name: str, description: str) -> Column:
    return Column(name, "float32", description, length=len(tx.ACTION_UNITS))


GROUPS: dict[str, tuple[Column, ...]] = {
    "identity": (
        Column("clip_id", "string", "Hash of all that was asked for this clip."),
        Column("subject_id", "string", "The person, not the image; never in two splits."),
        Column("source_dataset", "string", "Where the face image is from."),
        Column("source_image", "string", "Name of the image inside its source."),
        Column("source_sha256", "string", "SHA-256 of the image."),
        Column("license", "string", "Licence of the image."),
        Column("part", "string", "Part of the source, such as hs or test_A; null if it has none."),
    ),
    "video": (
        Column("video", "video", "The clip: H.264 in MP4, embedded."),
        Column("num_frames", "int32", "Frames in the clip."),
        Column("width", "int32", "Width in pixels."),
        Column("height", "int32", "Height in pixels."),
        Column("fps", "float64", "Frames per second of the scene; times in ms follow from it."),
        Column("encoding", "string", "Codec and settings of the embedded video."),
    ),
    "images": (
        Column("onset", "image", "Frame onset_frame of the decoded video, lossless."),
        Column("apex", "image", "Frame apex_frame of it, lossless."),
    ),
    "labels": (
        _label("emotion", tx.EMOTIONS, "Emotion class."),
        _label("emotion_3", tx.EMOTIONS_3, "MEGC's three classes; null for 'others'."),
        Column("emotion_raw", "string", "The label as its source writes it."),
        _label("label_source", tx.LABEL_SOURCES, "Who says which emotion it is."),
        _label("expression", tx.EXPRESSIONS, "Micro or macro expression."),
        Column("fixes", "string", "Corrections of the source's annotation, joined by '; '."),
    ),
    "action units": (
        _aus(
            "au_onset",
            "Intensity in [0, 1] of AU 1 2 4 5 6 7 9 10 12 14 15 17 20 23 25 26 45 "
            "before the expression.",
        ),
        _aus("au_apex", "The same at the apex."),
        Column("facs", "string", "FACS code of the apex, such as 4+L10."),
        _label("au_source", tx.AU_SOURCES, "Where the AU vector comes from."),
        Column("au_source_subject", "string", "Person whose AUs these are, if borrowed."),
        Column("counterfactual_of", "string", "Clip of which this is a counterfactual."),
        Column("intervention", "string", "What differs from it, such as do(AU4=0.3)."),
    ),
    "time": (
        Column("onset_frame", "int32", "Last neutral frame before the expression, from 0."),
        Column("apex_frame", "int32", "Frame of the strongest expression."),
        Column("offset_frame", "int32", "First neutral frame after the expression."),
        _label("apex_source", tx.APEX_SOURCES, "Who says where the apex is."),
    ),
    "demographics": (
        _label("gender", tx.GENDERS, "Apparent gender; null if unknown."),
        Column("gender_score", "float32", "Confidence in [0, 1]; null if declared."),
        Column("age", "float32", "Apparent age in years."),
        Column("age_score", "float32", "Confidence in [0, 1]; null if declared."),
        _label("age_group", tx.AGE_GROUPS, "Age in the paper's six groups."),
        _label("race", tx.RACES, "Apparent race, DeepFace's six classes."),
        Column("race_score", "float32", "Confidence in [0, 1]; null if declared."),
        Column("demographics_source", "string", "Tool and version, or file, that says so."),
        _label("declared_gender", tx.GENDERS, "What the source of the image declares."),
        Column("declared_age", "float32", "The same, in years."),
        _label("declared_race", tx.RACES, "The same."),
    ),
    "generation": (
        Column("generator", "string", "Backend that made the frames."),
        Column("model_id", "string", "Model, if one was used."),
        Column("model_revision", "string", "Its revision."),
        Column("prompt", "string", "What the model was told."),
        Column("negative_prompt", "string", "What the model was told to avoid."),
        Column("seed", "int64", "Seed of this clip's noise."),
        Column("retry_seed", "int64", "Seed of the second try, if the first one was broken."),
        Column("retry_reason", "string", "The gate that the first try failed."),
        Column("steps", "int32", "Denoising steps."),
        Column("guidance_scale", "float32", "Classifier-free guidance scale."),
        Column("batch_size", "int32", "Clips made together (can change the last bits)."),
        Column("software", "string", "Packages and versions that made the pixels."),
    ),
    "quality": (
        Column("psnr", "float32", "Mean PSNR of consecutive frames, dB."),
        Column("ssim", "float32", "Mean SSIM of consecutive frames."),
        Column("tv", "float32", "Mean total variation of the frames."),
        Column("brisque", "float32", "Mean BRISQUE of the frames; lower is better."),
        Column("clip_iqa", "float32", "Mean CLIP-IQA of the frames in [0, 1]."),
        Column("motion_amplitude", "float32", "Largest AU motion in inter-ocular distances."),
        Column("motion_fwhm_ms", "float32", "Full width at half maximum of that motion, ms."),
        Column("motion_return", "float32", "Share of the motion undone at the end, in [0, 1]."),
        Column("head_motion", "float32", "Largest head motion in inter-ocular distances."),
        Column("first_frame_psnr", "float32", "PSNR of frame 0 against the source face, dB."),
        Column("bitrate_kbps", "float32", "Size over duration, kilobits per second."),
        Column("size_bytes", "int64", "Size of the embedded file."),
        Column("accepted", "bool", "Whether the clip passed every gate."),
        Column("rejection_reason", "string", "The gate it failed; null if accepted."),
        Column("emotion_observed", "string", "What an observer sees at the apex, or neutral."),
        Column("emotion_observed_score", "float32", "Its confidence in [0, 1]."),
        Column("emotion_observer", "string", "Tool and version that says so."),
        _aus("au_observed", "Intensities that an observer sees at the apex, as in au_apex."),
        Column("au_observer", "string", "Tool and version that says so."),
    ),
}
COLUMNS: tuple[Column, ...] = tuple(column for group in GROUPS.values() for column in group)


def columns(config: str | None = "default") -> tuple[Column, ...]:
    """Columns of a config, in order.

    Args:
        config: One of `CONFIGS`; None gives the columns of all of them.

    Raises:
        DatasetError: The config is not one of `CONFIGS`.
    """
    if config is None:
        return COLUMNS
    if config not in CONFIGS:
        raise DatasetError(f"There is no config {config!r}. Choose one of: {', '.join(CONFIGS)}.")
    others = {*_PIXELS.values()} - {_PIXELS.get(config)}
    return tuple(column for column in COLUMNS if column.dtype not in others)


def features(config: str | None = "default") -> Features:
    """The columns of a config (None: of all) as `datasets.Features`."""
    from datasets import Features

    return Features({column.name: _feature(column) for column in columns(config)})


def check_features(found: Features) -> str:
    """Which of our configs a dataset's features are.

    Args:
        found: Features of any dataset; a `Video` that decodes with another package is equal.

    Returns:
        Name of the config.

    Raises:
        DatasetError: None of them; the message lists the columns that differ.
    """
    described = found.to_dict()
    images = "onset" in described or "apex" in described
    config = "default" if "video" in described else "onset_apex" if images else "metadata"
    expected = features(config).to_dict()
    if described == expected:
        return config
    wrong = [
        f"{name}: {described.get(name, 'missing')}, expected {feature}"
        for name, feature in expected.items()
        if described.get(name) != feature
    ]
    wrong += [f"{name}: not in the schema" for name in described if name not in expected]
    raise DatasetError(
        f"These columns are not those of schema {SCHEMA_VERSION}: " + "; ".join(wrong)
    )


def _feature(column: Column) -> Any:
    from datasets import ClassLabel, Image, List, Value, Video

    if column.dtype == "video":
        return Video()
    if column.dtype == "image":
        return Image()
    if column.names is not None:
        return ClassLabel(names=list(column.names))
    if column.length is not None:
        return List(Value(column.dtype), length=column.length)
    return Value(column.dtype)
