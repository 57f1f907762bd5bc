"""The dataset card: README.md with the YAML that `load_dataset` reads.

A dataset that was imported from a licensed one has a card of its own, which says so first.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from equime_hub import checksums
from equime_hub._version import __version__
from equime_hub.cards import caveats, columns, making, people, quality
from equime_hub.cards.compare import VERSION
from equime_hub.cards.policy import POLICY, Policy
from equime_hub.cards.statistics import Statistics, count
from equime_hub.cards.text import cross_table, fill, joined, listed, template
from equime_hub.errors import DatasetError
from equime_hub.files import write_text
from equime_hub.schema.features import FOLDERS, SCHEMA_VERSION, features
from equime_hub.schema.licences import is_restricted
from equime_hub.schema.releases import Release, read_releases
from equime_hub.schema.stamp import ORIGIN, read_origin
from equime_hub.tables import compact, counted

NAME = "README.md"


def write(folder: Path) -> Statistics:
    """Count a built dataset and write its card, atomically.

    Args:
        folder: A dataset that `builder.build` built or `builder.importing` imported, or a copy
            of one from the Hub.

    Returns:
        The numbers that stand on the card.

    Raises:
        DatasetError: The folder holds no dataset, or files that are damaged.
    """
    statistics = count(folder)
    write_text(folder / NAME, anew(folder, statistics))
    checksums.record(folder, checksums.read(folder), NAME)
    return statistics


def anew(folder: Path, statistics: Statistics | None = None) -> str:
    """The card as it should be.

    Licence and title are those of its `build.json`, the changes those of its `releases.json`. A
    dataset with releases is on the Hub, where access is asked for.

    Args:
        folder: A dataset.
        statistics: Of the folder, if it was counted.

    Raises:
        DatasetError: The folder holds no dataset, or files that are damaged.
    """
    statistics, origin = statistics or count(folder), read_origin(folder)
    if origin is None:
        raise DatasetError(f"{folder} has no {ORIGIN}: it was not built by `equime build`.")
    releases = read_releases(folder)
    return render(
        statistics,
        license=origin.license,
        title=origin.title,
        releases=releases,
        policy=POLICY if releases else None,
        reference=origin.made_with.get("citation", ""),
    )


def render(
    statistics: Statistics,
    *,
    license: str,
    title: str,
    releases: Sequence[Release] = (),
    policy: Policy | None = None,
    reference: str = "",
) -> str:
    """The card as text. Nothing in it depends on when or where it is written.

    Args:
        statistics: What the dataset holds.
        license: As an identifier the Hub knows.
        title: Name of the dataset.
        releases: What the Hub has had so far, oldest first.
        policy: Who may have it; None says nothing about that.
        reference: What to cite for an imported dataset.
    """
    import yaml

    head = _head(statistics, license, title) | (policy.yaml() if policy else {})
    return fill(
        "imported_card" if is_restricted(license) else "dataset_card",
        {
            "head": yaml.safe_dump(head, sort_keys=False, allow_unicode=True, width=100).rstrip(),
            "title": " ".join(title.split()),
            "clips": _clips(statistics),
            "people": counted(statistics.subjects, "person", "people"),
            "size": _size(sum(size.video_bytes for size in statistics.splits.values())),
            "code": _code(statistics, policy),
            "splits": _splits(statistics),
            "schema": SCHEMA_VERSION,
            "emotions": cross_table("emotion", statistics.emotions),
            "license": license,
            "citation": bibtex(statistics),
            "reference": reference,
            "changes": changes(releases),
            **making.values(statistics),
            **people.values(statistics),
            **columns.values(statistics),
            **quality.values(statistics),
            **caveats.values(statistics),
            **_access(policy),
        },
    )


def _head(statistics: Statistics, license: str, title: str) -> dict[str, Any]:
    from datasets import DatasetInfo, SplitDict, SplitInfo
    from datasets.info import DatasetInfosDict
    from huggingface_hub import DatasetCardData

    infos = DatasetCardData()
    DatasetInfosDict(
        {
            config: DatasetInfo(
                features=features(config),
                splits=SplitDict(
                    {
                        split: SplitInfo(
                            split, num_bytes=size.num_bytes[config], num_examples=size.clips
                        )
                        for split, size in statistics.splits.items()
                    }
                ),
            )
            for config in statistics.configs
        }
    ).to_dataset_card_data(infos)
    restricted = is_restricted(license)
    return {
        **({"license": "other", "license_name": license} if restricted else {"license": license}),
        "pretty_name": title,
        "task_categories": ["video-classification"],
        "tags": [
            "micro-expressions",
            "facial-action-units",
            *(["restricted"] if restricted else []),
            *(["synthetic"] if caveats.is_synthetic(statistics) else []),
            "emotion-recognition",
        ],
        "size_categories": [_size_category(statistics.clips)],
        VERSION: __version__,
        "configs": [
            {
                "config_name": config,
                "data_files": [
                    {"split": split, "path": f"{FOLDERS[config]}/{split}-*.parquet"}
                    for split in statistics.splits
                ],
                **({"default": True} if config == "default" else {}),
            }
            for config in statistics.configs
        ],
        "dataset_info": infos["dataset_info"],
    }


def _size_category(clips: int) -> str:
    names = ("n<1K", "1K<n<10K", "10K<n<100K", "100K<n<1M", "1M<n<10M")
    return names[min(max(len(str(clips)) - 3, 0), len(names) - 1)]


def changes(releases: Sequence[Release]) -> str:
    """One paragraph a release, the newest first; empty if there is none.

    Args:
        releases: Oldest first.
    """
    entries = []
    total = 0
    for release in releases:
        added = sum(release.clips.values())
        total += added
        splits = joined([f"{n:,} {split}" for split, n in release.clips.items()])
        people = counted(release.people, "person", "people")
        note = " ".join(release.note.split())
        entries.append(
            f"**{release.tag}**, {release.date}: {counted(added, 'clip', 'clips')} of {people} "
            f"({splits}), {total:,} in all; build `{release.build}`." + (f" {note}" if note else "")
        )
    return "\n\n".join(reversed(entries))


def bibtex(statistics: Statistics) -> str:
    """BibTeX of the papers behind a dataset: EquiME, MiE-X, and what its clips were made with."""
    made = ["ltx" for settings in statistics.settings if str(settings[0]).startswith("ltx")]
    shown = ["maskgan" for source, _ in statistics.sources if source.startswith("celeb")]
    wanted = {"equime", "synthesize", *made, *shown}
    papers = template("citations.bib").split("\n\n")
    # A key is author, year and a word of the title, such as "tan2025equime".
    words = (re.split(r"\d+", paper.partition(",")[0])[1] for paper in papers)
    return "\n\n".join(p for p, word in zip(papers, words, strict=True) if word in wanted)


def _clips(statistics: Statistics) -> str:
    kind = "synthetic micro-expression" if caveats.is_synthetic(statistics) else "micro-expression"
    return counted(statistics.clips, f"{kind} clip", f"{kind} clips")


def _size(video_bytes: int) -> str:
    return f"{video_bytes / 1e9:,.1f} GB" if video_bytes >= 1e9 else f"{video_bytes / 1e6:,.1f} MB"


def _code(statistics: Statistics, policy: Policy | None) -> str:
    split = next(iter(statistics.splits))
    name = "ORG/NAME" if policy else "equime"
    lines = [
        "from datasets import load_dataset",
        "",
        *(["# ORG/NAME is this repository; how to get access stands below."] if policy else []),
        f'clips = load_dataset("{name}", split="{split}")  # video and labels',
        f'labels = load_dataset("{name}", "metadata", split="{split}")  # labels: kilobytes',
    ]
    if "onset_apex" in statistics.configs:
        lines.append(f'pairs = load_dataset("{name}", "onset_apex", split="{split}")  # two images')
    return "\n".join(lines)


def _splits(statistics: Statistics) -> str:
    return compact(
        ("split", "clips", "people", "clips that failed a gate"),
        (
            (split, f"{size.clips:,}", f"{size.subjects:,}", f"{size.rejected:,}")
            for split, size in statistics.splits.items()
        ),
    )


def _access(policy: Policy | None) -> dict[str, str]:
    if policy is None:
        return {"eligible": "", "asked": "", "terms": ""}
    return {
        "eligible": listed(policy.eligible),
        "asked": listed(q.text for q in policy.questions if not q.is_agreement),
        "terms": listed(q.text for q in policy.questions if q.is_agreement),
    }
