"""The dataset card: README.md with the YAML that `load_dataset` reads."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

from equime_hub import checksums
from equime_hub.cards.statistics import FOLDERS, Statistics, Table, count
from equime_hub.errors import DatasetError
from equime_hub.files import write_text
from equime_hub.schema.features import CONFIGS, GROUPS, SCHEMA_VERSION, features
from equime_hub.schema.stamp import ORIGIN, read_origin
from equime_hub.schema.taxonomy import ACTION_UNITS, IMAGES_AS_PEOPLE

NAME = "README.md"


def write(folder: Path) -> Statistics:
    """Count a built dataset and write its card, atomically.

    Licence and title are those of its `build.json`.

    Args:
        folder: A dataset that `builder.build` built.

    Returns:
        The numbers that stand on the card.

    Raises:
        DatasetError: The folder holds no dataset.
    """
    statistics, origin = count(folder), read_origin(folder)
    if origin is None:
        raise DatasetError(f"{folder} has no {ORIGIN}: it was not built by `equime build`.")
    card = render(statistics, license=origin.license, title=origin.title)
    write_text(folder / NAME, card)
    checksums.record(folder, checksums.read(folder), NAME)
    return statistics


def render(statistics: Statistics, *, license: str, title: str) -> str:
    """The card as text. Nothing in it depends on when or where it is written."""
    import yaml

    template = files("equime_hub.cards").joinpath("templates/dataset_card.md").read_text("utf-8")
    metadata = yaml.safe_dump(_metadata(statistics, license, title), sort_keys=False)
    shortest, mean, longest = statistics.duration_ms
    return template.format(
        metadata=metadata.rstrip(),
        title=title,
        license=license,
        schema_version=SCHEMA_VERSION,
        clips=f"{statistics.clips:,}",
        subjects=f"{sum(size.subjects for size in statistics.splits.values()):,}",
        size=f"{sum(s.video_bytes for s in statistics.splits.values()) / 1e6:,.1f} MB",
        splits=_splits(statistics),
        emotions=cross_table("emotion", statistics.emotions),
        demographics="\n\n".join(
            cross_table(name, table)
            for name, table in (
                ("gender", statistics.genders),
                ("age group", statistics.age_groups),
                ("race", statistics.races),
            )
        ),
        frames=_listed(
            f"{t} frames of {w} × {h} at {fps:g} fps" for t, w, h, fps in statistics.frames
        ),
        duration=f"{shortest:.0f} to {longest:.0f} ms (mean {mean:.0f} ms)",
        generators=_listed(f"`{name}` ({software})" for name, software in statistics.generators),
        encodings=_listed(f"`{encoding}`" for encoding in statistics.encodings),
        sources=_listed(
            f"{source}: {clips:,} clips, licence of the images: {licence or 'unknown'}"
            for (source, licence), clips in statistics.sources.items()
        )
        + _images_as_people(statistics),
        columns=_columns(),
        action_units=markdown(
            ("AU", "name", "muscle", "what one sees"),
            ((str(u.number), u.name, u.muscle, u.phrase) for u in ACTION_UNITS),
        ),
    )


def _images_as_people(statistics: Statistics) -> str:
    if not any(IMAGES_AS_PEOPLE in source for source, _ in statistics.sources):
        return ""
    return (
        "\n\n**Here every image counts as a person, because who is in it was not known: the same "
        "person may be in train and in test, and scores may be too high for that.**"
    )


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def cross_table(name: str, table: Table) -> str:
    """A class × split table with sums, as Markdown."""
    splits = list(next(iter(table.values())))
    rows = [[key, *(f"{row[s]:,}" for s in splits), f"{sum(row.values()):,}"]
            for key, row in table.items()]  # fmt: skip
    totals = [sum(row[s] for row in table.values()) for s in splits]
    rows.append(["**all**", *(f"**{n:,}**" for n in totals), f"**{sum(totals):,}**"])
    return markdown((name, *splits, "all"), rows)


def _metadata(statistics: Statistics, license: str, title: str) -> dict[str, Any]:
    return {
        "license": license,
        "pretty_name": title,
        "task_categories": ["video-classification"],
        "tags": ["micro-expressions", "facial-action-units", "synthetic", "emotion-recognition"],
        "size_categories": [_size_category(statistics.clips)],
        "configs": [
            {
                "config_name": config,
                "data_files": [
                    {"split": split, "path": f"{FOLDERS[config]}/{split}-*.parquet"}
                    for split in statistics.splits
                ],
                **({"default": True} if config == "default" else {}),
            }
            for config in CONFIGS
        ],
        "dataset_info": [
            {
                "config_name": config,
                "features": features(config)._to_yaml_list(),
                "splits": [
                    {
                        "name": split,
                        "num_bytes": size.num_bytes[config],
                        "num_examples": size.clips,
                    }
                    for split, size in statistics.splits.items()
                ],
            }
            for config in CONFIGS
        ],
    }


def _size_category(clips: int) -> str:
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
    return names[min(max(len(str(clips)) - 3, 0), len(names) - 1)]


def _splits(statistics: Statistics) -> str:
    return markdown(
        ("split", "clips", "people", "clips that failed a gate"),
        (
            (split, f"{size.clips:,}", f"{size.subjects:,}", f"{size.rejected:,}")
            for split, size in statistics.splits.items()
        ),
    )


def _columns() -> str:
    rows = [
        (group, f"`{column.name}`", ", ".join(column.names or ()) or column.dtype,
         column.description)
        for group, columns in GROUPS.items()
        for column in columns
    ]  # fmt: skip
    return markdown(("group", "column", "values", "meaning"), rows)


def _listed(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
