"""Raw labels to classes: one emotion vocabulary, and the named maps of the papers."""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, cast

import yaml

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real import REAL
from equime_hub.loading_script.real.notes import say
from equime_hub.schema.taxonomy import EMOTIONS, EMOTIONS_3

if TYPE_CHECKING:
    from equime_hub.loading_script.pyav import Data

LABEL = "label"
"""The column of mapped classes, as model trainers expect it."""

_SAID = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))


@dataclass(frozen=True)
class LabelMap:
    """A named map from raw labels to classes.

    Attributes:
        classes: In the order of their numbers.
        source: Who defined it.
        classes_of: Raw label, as `spelled` gives it → class. What is absent is excluded. A dataset
            may declare another one for itself (`RealDataset.label_maps`).
    """

    classes: tuple[str, ...]
    source: str
    classes_of: Mapping[str, str]


def three(*negative: str) -> dict[str, str]:
    """A map to three classes; labels that are one of them already stay."""
    same = {name: name for name in EMOTIONS_3}
    return {**dict.fromkeys(negative, "negative"), "happiness": "positive", **same}


def _map_of(source: str, kept: Sequence[str] = (), negative: Sequence[str] = ()) -> LabelMap:
    """A map as `labels.yaml` says it."""
    same = {name.lower(): name for name in kept}
    if not negative:
        return LabelMap(tuple(kept), source, same)
    return LabelMap((*EMOTIONS_3, *kept), source, three(*negative) | same)


MAPS: Mapping[str, LabelMap] = MappingProxyType(
    {name: _map_of(**said) for name, said in _SAID["maps"].items()}
)
"""Name → map."""


def spelled(raw: str | None) -> str:
    """A raw label in one spelling: lower case, and the vocabulary's word for the field's others.

    >>> spelled(" Happy"), spelled("Others"), spelled("Tense"), spelled(None)
    ('happiness', 'others', 'tense', '')
    """
    label = (raw or "").strip().lower()
    return str(_SAID["spellings"].get(label, label))


def emotion_of(raw: str | None) -> str | None:
    """One of `taxonomy.EMOTIONS`; None if no class fits ("negative", "tense", "I", None).

    >>> emotion_of("Happy"), emotion_of(" Others "), emotion_of("negative")
    ('happiness', 'others', None)
    """
    label = spelled(raw)
    return label if label in EMOTIONS else None


def classify(label_map: str, dataset: str, raw: str | None) -> str | None:
    """Class of a raw label by a named map; None if the map excludes it.

    >>> classify("megc3", "casme2", "repression"), classify("megc3", "casme2", "fear")
    ('negative', None)

    Args:
        label_map: Name in `MAPS`, such as "megc3".
        dataset: Name in the registry, such as "casme2"; some maps differ by dataset.
        raw: The label as the release writes it.

    Raises:
        DatasetError: There is no such map; the message lists them.
    """
    _map(label_map)
    return _classes_of(label_map, dataset).get(spelled(raw))


@functools.cache
def _classes_of(label_map: str, dataset: str) -> Mapping[str, str]:
    """The map as a dataset takes it."""
    own = REAL.get(dataset)().label_maps if dataset in REAL.names() else {}
    return cast("Mapping[str, str]", own.get(label_map, MAPS[label_map].classes_of))


def emotion_3(dataset: str, raw: str | None, label_map: str | None = None) -> str | None:
    """The column `emotion_3` of a row: by `Options.label_map`, or by "megc3" if it is None.

    Raises:
        DatasetError: There is no such map, or it has other classes than `EMOTIONS_3`.
    """
    label_map = label_map or "megc3"
    if (chosen := _map(label_map)).classes != EMOTIONS_3:
        three = ", ".join(name for name, each in MAPS.items() if each.classes == EMOTIONS_3)
        raise DatasetError(
            f"The label map {label_map!r} has the classes {', '.join(chosen.classes)}, but the "
            f"column emotion_3 has three. Choose one of: {three}; for the others use map_labels."
        )
    return classify(label_map, dataset, raw)


def map_labels(data: Data, label_map: str) -> Data:
    """Rows that a named map knows, with their class as the ClassLabel column `label`.

    The class follows from `source_dataset` and `emotion_raw`. Other columns stay as they are; a
    column `label` of an earlier map is replaced. No video is decoded. How many rows it leaves out,
    and which raw labels they have, goes to the log; `excluded` gives it as a value.

    Args:
        data: A dataset, or a dictionary of them by split.
        label_map: Name in `MAPS`: "megc3", "he3", "equime3", "casme2_5", "samm5", "mmew6",
            "cas3_7", "cas3_4" or "objective_7".

    Raises:
        DatasetError: There is no such map, the two columns are not there, the data are a stream,
            or no row is left.
    """
    out = excluded(data, label_map)
    rows, dropped = sum(map(len, _tables(data))), sum(out.values())
    reasons = ", ".join(f"{count} {reason}" for reason, count in out.items())
    if dropped == rows:
        raise DatasetError(
            f"The label map {label_map!r} excludes all {rows} rows{reasons and f' ({reasons})'}. "
            f"Choose another one of: {', '.join(MAPS)}."
        )
    if out:
        say(f"The label map {label_map!r} drops {dropped} of {rows} rows ({reasons}).")
    mapped: Data = _mapped(data, label_map)
    return mapped


def excluded(data: Data, label_map: str) -> dict[str, int]:
    """What `map_labels` would leave out: "dataset: raw label" → rows, the most first.

    Raises:
        DatasetError: As `map_labels`, except for rows that are left.
    """
    _map(label_map)
    counts = Counter(pair for table in _tables(data) for pair in _pairs(table))
    return {
        f"{dataset}: {raw or 'no label'}": rows
        for (dataset, raw), rows in counts.most_common()
        if classify(label_map, dataset, raw) is None
    }


def _mapped(data: Any, label_map: str) -> Any:
    import datasets

    if isinstance(data, dict):
        return type(data)({split: _mapped(rows, label_map) for split, rows in data.items()})
    feature = datasets.ClassLabel(names=list(MAPS[label_map].classes))
    rows = data.remove_columns(LABEL) if LABEL in data.column_names else data
    if not len(rows):  # add_column fails on no rows
        columns = datasets.Features({**rows.features, LABEL: feature})
        return datasets.Dataset.from_dict({name: [] for name in columns}, features=columns)
    classes = [classify(label_map, *pair) for pair in _pairs(data)]
    numbers = [None if name is None else feature.str2int(name) for name in classes]
    kept = [index for index, number in enumerate(numbers) if number is not None]
    return rows.add_column(LABEL, numbers, feature=feature).select(kept)


def _tables(data: Any) -> list[Any]:
    import datasets

    tables = list(data.values()) if isinstance(data, dict) else [data]
    for table in tables:
        if not isinstance(table, datasets.Dataset):
            raise DatasetError(
                "Labels are mapped on a Dataset or a DatasetDict, got "
                f"{type(table).__name__}: load without streaming."
            )
        if lacking := {"source_dataset", "emotion_raw"} - set(table.column_names):
            raise DatasetError(
                f"The column {' and '.join(sorted(lacking))} is not there: map labels before it is "
                "removed."
            )
    return tables


def _pairs(table: Any) -> list[tuple[str, str | None]]:
    columns = table.select_columns(["source_dataset", "emotion_raw"]).with_format(None)[:]
    return [(d or "", raw) for d, raw in zip(*columns.values(), strict=True)]


def _map(name: str) -> LabelMap:
    if name not in MAPS:
        raise DatasetError(f"There is no label map {name!r}. Choose one of: {', '.join(MAPS)}.")
    return MAPS[name]
