"""The JSON file beside a video of EquiME, in our columns.

The README names its five groups (demographics, technical, generation, quality, prompt) and what is
in them, but no file and no key was published. So a value is known by the last piece of its key,
whatever group it is in and however the words are joined; `COLUMNS` has the spellings that are
understood. Keys that are not are named, once.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.frames import inside
from equime_hub.loading_script.real.notes import say
from equime_hub.schema.taxonomy import RACES, age_group

Value = str | int | float | None

_GENDERS = dict.fromkeys(("m", "male", "man"), "man") | dict.fromkeys(
    ("f", "female", "woman"), "woman"
)


def _number(value: Any) -> float:
    number = float(value)
    if not abs(number) < float("inf"):
        raise ValueError
    return number


def _age(value: Any) -> float:
    if not 0 <= (age := _number(value)) < 150:
        raise ValueError
    return age


def _whole(value: Any, bits: int = 63) -> int:
    if type(value) is not int or not 0 <= value < 2**bits:
        raise ValueError
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip():
        raise ValueError
    return value.strip()


def _gender(value: Any) -> str:
    return _GENDERS[_text(value).lower()]


def _race(value: Any) -> str:
    name = re.sub(r"[\W_]+", " ", _text(value)).lower()
    return next(race for race in RACES if race == name or race.split()[0] == name)


COLUMNS: Mapping[str, tuple[str, Callable[[Any], Value]]] = MappingProxyType(
    {key: ("gender", _gender) for key in ("gender", "dominant_gender", "estimated_gender")}
    | {key: ("age", _age) for key in ("age", "estimated_age")}
    | {key: ("race", _race) for key in ("race", "ethnicity", "dominant_race")}
    | {key: ("prompt", _text) for key in ("prompt", "generating_prompt", "prompt_template")}
    | {key: ("model_id", _text) for key in ("model", "model_id", "model_name")}
    | {key: ("steps", partial(_whole, bits=31)) for key in ("steps", "num_inference_steps")}
    | {key: ("seed", _whole) for key in ("seed", "random_seed")}
    | {key: ("tv", _number) for key in ("tv", "total_variation")}
    | {key: ("clip_iqa", _number) for key in ("clip_iqa", "clipiqa")}
    | {key: (key, _number) for key in ("psnr", "ssim", "brisque", "guidance_scale")}
    | {"negative_prompt": ("negative_prompt", _text)}
)
"""Key in small letters → column, and what makes its value or refuses it. Quality is as released,
computed by another code than ours."""

_VIDEO = ("video", "video_name", "video_file", "filename", "file_name")
_SIZE = ("file_size_bytes", "size_bytes")
_KNOWN = {
    *COLUMNS, *_VIDEO, *_SIZE, "file_size", "bitrate", "duration", "frame_count", "num_frames",
    "fps", "width", "height", "resolution", "emotion",
}  # fmt: skip
"""Also what the video and its folder tell."""

_DEMOGRAPHICS = {"gender", "age", "race"}


def path_of(video: Path) -> Path:
    """Where a video's file is: `metadata/[video]_metadata.json`."""
    return video.parent / "metadata" / f"{video.stem}_metadata.json"


def read(root: Path, video: Path) -> tuple[dict[str, Value], tuple[str, ...]]:
    """What the file of a video says; a file that cannot be used is a note, and says nothing.

    Args:
        root: The lab's folder; nothing outside it is read.
        video: The video.

    Returns:
        Columns of the schema and their values, and what is wrong with the file, one sentence each.
    """
    path = path_of(video)
    try:
        text = inside(root, path.relative_to(root)).read_text(encoding="utf-8")
        found = dict(_leaves(json.loads(text)))
    except FileNotFoundError:
        return {}, (f"It has no {path.name}.",)
    except (OSError, ValueError, RecursionError, DatasetError) as error:
        return {}, (f"{path.name} cannot be used and is left out: {error}.",)
    of = [Path(str(found[key])).stem for key in _VIDEO if found.get(key)]
    size = [found[key] for key in _SIZE if isinstance(found.get(key), int)]
    if set(of) - {video.stem}:
        return {}, (f"{path.name} is of {of[0]} and is left out.",)
    if size and size[0] != video.stat().st_size:
        said = f"{path.name} is of a file of {size[0]} bytes, not {video.stat().st_size}"
        return {}, (f"{said}, and is left out.",)
    return _columns(found, path)


def _columns(found: Mapping[str, Any], path: Path) -> tuple[dict[str, Value], tuple[str, ...]]:
    columns: dict[str, Value] = {}
    notes = []
    for key, value in found.items():
        if key in COLUMNS and value is not None:
            column, make = COLUMNS[key]
            try:
                columns.setdefault(column, make(value))
            except (ValueError, TypeError, KeyError, StopIteration):
                notes.append(f"{path.name} says {key} is {value!r}, which is no {column}.")
        elif key not in _KNOWN:
            say(f"Metadata of EquiME: the key {key} is not known and is left out.")
    if _DEMOGRAPHICS & set(columns):
        columns["demographics_source"] = "equime_release metadata (DeepFace)"
    if isinstance(age := columns.get("age"), float):
        columns["age_group"] = age_group(age)
    return columns, tuple(notes)


def say_strays(folder: Path, videos: set[str]) -> None:
    """Name files of metadata in a folder of emotions that belong to none of its videos."""
    for path in sorted((folder / "metadata").glob("[!.]*_metadata.json")):
        if path.name.removesuffix("_metadata.json") not in videos:
            say(f"{path} belongs to no video that is there.")


def _leaves(value: Any, key: str = "") -> Iterator[tuple[str, Any]]:
    """Every value that is no group, by the last piece of its key in small letters."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _leaves(inner, re.sub(r"[\W_]+", "_", name).lower())
    elif key:
        yield key, value
    else:
        raise DatasetError("it holds no groups")
