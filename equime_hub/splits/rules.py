"""The rules of an audit: each takes rows and gives its findings, none if there is no fault.

Rows are those of `rows.clean` with a column `person`, who is shown as far as that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from equime_hub.schema.taxonomy import IMAGES_AS_PEOPLE
from equime_hub.splits import lookalikes
from equime_hub.splits.people import People, full_name

Severity = Literal["leak", "warning", "info"]
SEVERITIES = get_args(Severity)
"""The gravest first."""


@dataclass(frozen=True)
class AuditFinding:
    """Something found.

    Attributes:
        rule: Which rule found it, such as "shared people".
        severity: "leak", what makes a test worthless; "warning", what may hide a leak or become
            one; "info".
        sentence: What, how often, the first examples, and what to do.
        people: All people concerned; for donors, those who gave.
        clips: `clip_id` of all clips concerned.
    """

    rule: str
    severity: Severity
    sentence: str
    people: tuple[str, ...] = ()
    clips: tuple[str, ...] = ()


def shared_people(rows: pa.Table) -> Iterator[AuditFinding]:
    """People in two splits."""
    hint = "Split by person, as `equime plan` does."
    return _spread(rows, "shared people", "People in more than one split", "person", "split", hint)


def shared_images(rows: pa.Table) -> Iterator[AuditFinding]:
    """Source images, by SHA-256, in two splits or of two people."""
    for what, group, hint in (
        ("Source images in more than one split", "split", "Keep an image in one split."),
        ("Source images of more than one person", "person", "Only one of them can be right."),
    ):
        yield from _spread(rows, "shared images", what, "source_sha256", group, hint)


def counterfactuals(rows: pa.Table) -> Iterator[AuditFinding]:
    """Counterfactuals in another split than the clip they were made from."""
    clips = rows["clip_id"].combine_chunks()
    original = pc.index_in(rows["counterfactual_of"], value_set=clips)
    found = rows.filter(pc.not_equal(pc.take(rows["split"], original), rows["split"]))
    names = zip(found["clip_id"].to_pylist(), found["counterfactual_of"].to_pylist(), strict=True)
    sentence = (
        f"Counterfactuals in another split than their clip: {len(found):,}, such as "
        f"{_first(f'{clip} of {other}' for clip, other in names)}. They differ by one "
        "intervention only; keep them together."
    )
    yield from _finding("counterfactuals", "leak", sentence, found)


def donors(rows: pa.Table) -> Iterator[AuditFinding]:
    """Clips with action units of a person who is held out (MiE-X's rule, its section 5.1).

    Training clips must not know people of any other split, validation clips none of the test.
    """
    borrowed = rows.filter(pc.is_valid(rows["au_source_subject"]))
    names = borrowed["au_source_subject"].unique()
    for split in rows["split"].unique().to_pylist() if len(borrowed) else ():
        there = rows.filter(pc.equal(rows["split"], split))
        shown = there.group_by(["source_dataset", "subject_id"]).aggregate([]).to_pylist()
        tested = People.of(full_name(p["source_dataset"], p["subject_id"]) for p in shown)
        leaking = names.filter(pa.array([name in tested for name in names.to_pylist()], pa.bool_()))
        earlier = {"train": [], "validation": ["train"]}.get(split, ["train", "validation"])
        found = borrowed.filter(
            pc.and_(
                pc.is_in(borrowed["au_source_subject"], leaking),
                pc.is_in(borrowed["split"], pa.array(earlier, pa.string())),
            )
        )
        people = found["au_source_subject"].unique().to_pylist()
        sentence = (
            f"Clips of {' or '.join(earlier)} with action units of people of {split}: "
            f"{len(found):,}, such as those of {_first(people)}. Leave them out, as "
            "`equime_hub.drop_donors` does."
        )
        if people:
            clips = tuple(found["clip_id"].to_pylist())
            yield AuditFinding("donors", "leak", sentence, tuple(people), clips)


def images_as_people(rows: pa.Table) -> Iterator[AuditFinding]:
    """Sources that say of themselves that their subjects are image numbers."""
    found = rows.filter(pc.match_substring(rows["source_dataset"], IMAGES_AS_PEOPLE))
    sentence = (
        f"Image numbers stand for people in {_first(found['source_dataset'].unique().to_pylist())}"
        ": one person may be in two splits unseen. Say who is who with --identities."
    )
    yield from _finding("images as people", "warning", sentence, found)


def same_looks(rows: pa.Table, sketches: npt.NDArray[np.void]) -> Iterator[AuditFinding]:
    """Photographs that look the same, in two splits or of two people of one split.

    Args:
        rows: One row a photograph.
        sketches: What they look like; see `lookalikes`.
    """
    split, person = rows["split"].to_pylist(), rows["person"].to_pylist()
    found = list(lookalikes.pairs(sketches))
    parted = [(i, j) for i, j in found if split[i] != split[j]]
    together = [(i, j) for i, j in found if split[i] == split[j] and person[i] != person[j]]
    names = pc.coalesce(rows["source_image"], rows["clip_id"]).to_pylist()

    def tell(
        severity: Severity, pairs: list[tuple[int, int]], where: str, of: list[str], hint: str
    ) -> Iterator[AuditFinding]:
        named = (" and ".join(f"{names[row]} ({of[row]})" for row in pair) for pair in pairs)
        what = f"Pairs of photographs that look the same, {where}: {len(pairs):,}, such as"
        concerned = rows.take(pa.array(sorted({row for pair in pairs for row in pair}), pa.int64()))
        yield from _finding("look-alikes", severity, f"{what} {_first(named)}. {hint}", concerned)

    yield from tell("leak", parted, "in two splits", split, "Keep them in one.")
    hint = "If they are one person, folds by person part them."
    yield from tell("warning", together, "of two people", person, hint)


def _spread(
    rows: pa.Table, rule: str, what: str, key: str, group: str, hint: str
) -> Iterator[AuditFinding]:
    """A leak if a value of `key` is found with more than one value of `group`."""
    known = rows.filter(pc.is_valid(rows[key]))
    pairs = known.group_by([key, group], use_threads=False).aggregate([])
    each = pairs.group_by(key, use_threads=False).aggregate([(group, "list")])
    parted = each.filter(pc.greater(pc.list_value_length(each[f"{group}_list"]), 1))
    concerned = known.filter(pc.is_in(known[key], parted[key].combine_chunks()))
    examples = (
        f"{_name(concerned, key, row[key])} ({', '.join(sorted(row[f'{group}_list']))})"
        for row in parted.to_pylist()
    )
    sentence = f"{what}: {len(parted):,} of {len(each):,}, such as {_first(examples)}. {hint}"
    yield from _finding(rule, "leak", sentence, concerned)


def _name(rows: pa.Table, key: str, value: str) -> str:
    """A person by name, an image by its file rather than by its hash."""
    if key != "source_sha256":
        return value
    row = pc.index(rows[key], value).as_py()
    return str(rows["source_image"][row].as_py() or value)


def _finding(
    rule: str, severity: Severity, sentence: str, concerned: pa.Table
) -> Iterator[AuditFinding]:
    if len(concerned):
        people = tuple(concerned["person"].unique().to_pylist())
        yield AuditFinding(
            rule, severity, sentence, people, tuple(concerned["clip_id"].to_pylist())
        )


def _first(examples: Iterable[str], count: int = 3) -> str:
    return ", ".join(islice(examples, count))
