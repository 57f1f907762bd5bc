"""Whether what is learnt in one split is tested in another, and how even the splits are.

Only rows are looked at (`rows.clean`): a plan is audited before anything is made, a dataset of any
origin after.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress, watched
from equime_hub.splits import lookalikes, rules
from equime_hub.splits.assign import SPLITS
from equime_hub.splits.rows import OPTIONAL, clean
from equime_hub.splits.rules import SEVERITIES, AuditFinding

Pixels = Callable[[int], npt.NDArray[np.uint8]]
"""Photograph of a row: H×W×3 uint8."""

MAX_DEVIATION = 2.0
"""People more or fewer than expected: one by rounding in the stratum, one by rounding in all."""


STRATUM = ("gender", "race", "age_group")
"""What makes people of one kind."""


@dataclass(frozen=True)
class Stratum:
    """People of one kind.

    Attributes:
        name: Gender, race and age group; "unknown" where null.
        expected: Split → people, if the split had the same share of all strata.
        got: Split → people.
    """

    name: str
    expected: dict[str, float]
    got: dict[str, int]

    @property
    def deviation(self) -> float:
        """Largest difference between got and expected, in people."""
        return max(abs(self.got[split] - self.expected[split]) for split in self.got)


@dataclass(frozen=True)
class Balance:
    """People of every stratum and split.

    Attributes:
        people: Split → people; somebody in two splits counts in both.
        strata: By name.
    """

    people: dict[str, int]
    strata: tuple[Stratum, ...]

    @property
    def worst(self) -> Stratum:
        """The stratum that deviates most."""
        return max(self.strata, key=lambda stratum: stratum.deviation)


@dataclass(frozen=True)
class Audit:
    """What an audit found.

    Attributes:
        clips: Rows.
        people: Different people.
        images: Photographs that were compared; None if none were looked at.
        findings: Leaks first; empty if there is nothing to say.
        balance: People of every stratum and split.
    """

    clips: int
    people: int
    images: int | None
    findings: tuple[AuditFinding, ...]
    balance: Balance

    @property
    def leaks(self) -> tuple[AuditFinding, ...]:
        """The findings that make a test worthless."""
        return tuple(finding for finding in self.findings if finding.severity == "leak")


def audit(
    table: pa.Table,
    *,
    identities: Mapping[str, str] | None = None,
    pixels: Pixels | None = None,
    progress: Progress | None = None,
) -> Audit:
    """Look for leaks between splits.

    Time and memory grow linearly with the rows; only the time to compare photographs grows with
    their square (`lookalikes.pairs`).

    Args:
        table: Rows as `clean` takes them. A person is a `subject_id`, whatever the
            `source_dataset`. Donors of action units are written "dataset/subject", or as the
            subject alone, which then is that subject of any dataset.
        identities: Source image → who it really shows, where `subject_id` may not say so.
        pixels: Gives the photograph of a row. It is called in ascending order, for the first row
            of each `source_sha256`, and for each row where that is null. None compares none.
        progress: Called with photographs done and photographs in all.

    Raises:
        DatasetError: Rows that `clean` refuses, or identities of other images. What `pixels`
            raises.
    """
    rows = _identified(clean(table), identities)
    even = balance(rows)
    found = [
        *rules.shared_people(rows),
        *rules.shared_images(rows),
        *rules.counterfactuals(rows),
        *rules.donors(rows),
    ]
    images = None
    if pixels is not None:
        images = rows.take(pa.array(_images(rows)))
        found += rules.same_looks(images, _sketches(_images(rows), pixels, progress))
    if identities is None:
        found += rules.images_as_people(rows)
    found += [*_unchecked(table), *_uneven(even)]
    return Audit(
        clips=len(rows),
        people=pc.count_distinct(rows["person"]).as_py(),
        images=None if images is None else len(images),
        findings=tuple(sorted(found, key=lambda one: SEVERITIES.index(one.severity))),
        balance=even,
    )


def balance(rows: pa.Table) -> Balance:
    """Count people; the stratum of a person is that of their first clip in the split.

    Args:
        rows: With the columns `person`, `split` and those of `STRATUM`.
    """
    firsts = [(name, "first") for name in STRATUM]
    each = rows.group_by(["person", "split"], use_threads=False).aggregate(firsts)
    keys = [f"{name}_first" for name in STRATUM]
    counts: defaultdict[str, Counter[str]] = defaultdict(Counter)
    people: Counter[str] = Counter()
    for row in each.group_by([*keys, "split"]).aggregate([([], "count_all")]).to_pylist():
        name = ", ".join(row[key] or "unknown" for key in keys)
        counts[name][row["split"]] += row["count_all"]
        people[row["split"]] += row["count_all"]
    order = [*SPLITS, *sorted(set(people) - set(SPLITS))]
    splits = {split: people[split] for split in order if split in people}
    strata = (
        Stratum(
            name,
            {split: got.total() * size / people.total() for split, size in splits.items()},
            {split: got[split] for split in splits},
        )
        for name, got in sorted(counts.items())
    )
    return Balance(splits, tuple(strata))


def _identified(rows: pa.Table, identities: Mapping[str, str] | None) -> pa.Table:
    """The rows with a column `person`."""
    if identities is None:
        return rows.append_column("person", rows["subject_id"])
    images = pa.array(list(identities), pa.string())
    place = pc.index_in(rows["source_image"], value_set=images)
    if place.null_count:
        lost = rows["source_image"].filter(pc.is_null(place)).unique()
        raise DatasetError(
            f"{len(lost):,} source images have no identity, such as {lost[0].as_py()!r}; the "
            f"identities name {', '.join(map(repr, images[:2].to_pylist())) or 'none'}. Give one "
            "for every image, named as source_image names it."
        )
    people = pa.array(list(identities.values()), pa.string())
    return rows.append_column("person", pc.take(people, place))


def _images(rows: pa.Table) -> npt.NDArray[np.int64]:
    """First row of every photograph."""
    keys = pc.coalesce(rows["source_sha256"], rows["clip_id"]).combine_chunks()
    codes = keys.dictionary_encode().indices.to_numpy()
    return np.unique(codes, return_index=True)[1]  # codes count up, so the rows ascend


def _sketches(
    rows: npt.NDArray[np.int64], pixels: Pixels, progress: Progress | None
) -> npt.NDArray[np.void]:
    sketches = np.empty(len(rows), lookalikes.SKETCH)
    for place, row in enumerate(watched(rows.tolist(), progress)):
        sketches[place] = lookalikes.sketch(pixels(row))
    return sketches


def _unchecked(table: pa.Table) -> Iterator[AuditFinding]:
    if missing := [name for name in OPTIONAL if name not in table.column_names]:
        sentence = f"The rows have no {', '.join(missing)}; what needs them was not checked."
        yield AuditFinding("columns", "info", sentence)


def _uneven(even: Balance) -> Iterator[AuditFinding]:
    found = [stratum for stratum in even.strata if stratum.deviation > MAX_DEVIATION]
    if found:
        sentence = (
            f"Strata more than {MAX_DEVIATION:g} people from an even share: {len(found)} of "
            f"{len(even.strata)}, most of all {even.worst.name} by {even.worst.deviation:.1f}."
        )
        yield AuditFinding("balance", "info", sentence)
