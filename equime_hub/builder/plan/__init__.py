"""The plan: every clip that will be made, as a table that exists before any work begins.

A plan is one Parquet file, one row a clip, readable with any table tool. Its footer holds the
configuration, where faces and AUs are from, what every group of people got, and a fingerprint
of the rows.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from functools import cached_property
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub import configs, seeds
from equime_hub.builder import prompts
from equime_hub.builder.causal import SAMPLERS, ExpertSampler, Sampler
from equime_hub.builder.faces import SOURCES
from equime_hub.builder.plan.choice import Quota, choose
from equime_hub.builder.plan.clips import clips
from equime_hub.builder.plan.config import PlanConfig
from equime_hub.builder.plan.table import changed, different, specs, typed
from equime_hub.builder.spec import FaceSource
from equime_hub.errors import PlanError
from equime_hub.files import written
from equime_hub.schema.features import SCHEMA_VERSION
from equime_hub.schema.records import ClipSpec, Face
from equime_hub.splits.assign import SPLITS, assign

__all__ = ["Plan", "PlanConfig", "make", "read", "write"]

_FOOTER = b"equime.plan"


@dataclass(frozen=True)
class Plan:
    """Clips to make, in the order of the dataset.

    Attributes:
        config: How it was made.
        source: Where the faces are from.
        table: One row of `table.SCHEMA` a clip; all of a face follow each other, and a
            counterfactual its original.
        absent: Splits of people who have no clip in this plan, but a place in an earlier one or
            a face that was not chosen; remembered, so that they find their place again.
        sampler: Where the AUs are from.
        quotas: What every group of people was to get and got; empty if all were taken.
    """

    config: PlanConfig
    source: FaceSource
    table: pa.Table
    absent: dict[str, str] = field(default_factory=dict)
    sampler: Sampler = field(default_factory=ExpertSampler)
    quotas: tuple[Quota, ...] = ()

    @cached_property
    def fingerprint(self) -> str:
        """Hash of every row, 16 hexadecimal digits. Where the faces lie does not matter."""
        columns = (self.table[name].to_pylist() for name in ("clip_id", "split"))
        rows = list(zip(*columns, strict=True))
        return seeds.digest(SCHEMA_VERSION, prompts.VERSIONS[self.config.wording], rows)[:16]

    @cached_property
    def specs(self) -> tuple[ClipSpec, ...]:
        """The rows as clips."""
        return specs(self.table)

    def vectors(self) -> int:
        """How many different AU vectors, onset and apex, the clips have."""
        return different(self.table, "au_onset", "au_apex")

    def splits(self) -> dict[str, str]:
        """Subject → split, for the people of this plan."""
        columns = (self.table[name].to_pylist() for name in ("subject_id", "split"))
        return dict(zip(*columns, strict=True))

    def memory(self) -> dict[str, str]:
        """Subject → split, for everybody who ever had one: `previous` of the next plan."""
        return self.absent | self.splits()


def make(
    faces: Sequence[Face],
    source: FaceSource,
    config: PlanConfig,
    previous: Mapping[str, str] | None = None,
    sampler: Sampler | None = None,
) -> Plan:
    """Plan clips for faces.

    Everybody gets a split, also those whom a limit or a balance leaves out: so plans of the same
    faces agree on who is a test person, however many clips they have.

    Args:
        faces: Faces in a stable order.
        source: Where they are from.
        config: What to plan.
        previous: Splits of people in an earlier plan; they stay.
        sampler: What draws the AUs; None is `ExpertSampler()`.

    Raises:
        PlanError: No faces, an emotion without action units, one person in two strata, a balance
            that cannot be had.
    """
    if not faces:
        raise PlanError("There is no face to plan for.")
    sampler = sampler or ExpertSampler()
    shares = dict(zip(SPLITS, config.split, strict=True))
    fractions = {name: share for name, share in shares.items() if share}
    people = ((f.subject_id, (f.gender, f.race, f.age_group)) for f in faces)
    splits = assign(people, fractions, previous)
    wishes, quotas = choose(faces, splits, config)
    table = clips(wishes, splits, config, sampler)
    chosen = set(table["subject_id"].to_pylist())
    known = {**(previous or {}), **splits}
    absent = {who: split for who, split in known.items() if who not in chosen}
    return Plan(config, source, table, absent, sampler, quotas)


def write(plan: Plan, path: Path) -> None:
    """Write a plan as Parquet, whole or not at all."""
    footer = {
        "fingerprint": plan.fingerprint,
        "config": configs.to_json(plan.config),
        "faces": SOURCES.describe(plan.source),
        "sampler": SAMPLERS.describe(plan.sampler),
        "quotas": [asdict(quota) for quota in plan.quotas],
        "absent": plan.absent,
        "schema_version": SCHEMA_VERSION,
    }
    table = plan.table.replace_schema_metadata({_FOOTER: json.dumps(footer).encode()})
    with written(path) as temporary:
        pq.write_table(table, temporary)


def read(path: Path) -> Plan:
    """Read a plan.

    Raises:
        PlanError: The file is missing, no plan, of another schema, or its rows were changed.
    """
    if not path.is_file():
        raise PlanError(f"There is no plan at {path}. Make one with: equime plan --out {path}")
    try:
        table = pq.read_table(path)
        footer = json.loads((table.schema.metadata or {})[_FOOTER])
        version = footer["schema_version"]
    except (pa.ArrowException, KeyError, ValueError, OSError) as error:
        raise PlanError(f"{path} is not a plan written by `equime plan` ({error}).") from error
    if version != SCHEMA_VERSION:
        raise PlanError(
            f"{path} was made for schema {version}, this version writes {SCHEMA_VERSION}. Make "
            "the plan anew with `equime plan`."
        )
    try:
        table = typed(table)
        wrong = changed(table)
        plan = Plan(
            configs.from_json(PlanConfig, footer["config"]),
            SOURCES.restore(footer["faces"]),
            table.replace_schema_metadata(None),
            footer["absent"],
            SAMPLERS.restore(footer["sampler"]),
            tuple(Quota(**quota) for quota in footer["quotas"]),
        )
    except (pa.ArrowException, KeyError, ValueError, TypeError) as error:
        raise PlanError(f"{path} was changed by hand, or is damaged ({error!r}).") from error
    if wrong or plan.fingerprint != footer["fingerprint"]:
        raise PlanError(
            f"Rows of {path} were changed by hand ({', '.join(wrong[:3]) or 'order or splits'})"
            ". A row's clip_id is the hash of its content; change the options of `equime plan` "
            "instead."
        )
    return plan
