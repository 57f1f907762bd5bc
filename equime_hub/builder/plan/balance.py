"""Which share of the clips every group of people is to get.

A group is a combination of gender, race and age group; people of whom one of these is unknown
are a group of their own.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from math import isfinite
from pathlib import Path

from equime_hub.errors import PlanError
from equime_hub.files import read_csv
from equime_hub.schema.records import Face
from equime_hub.schema.taxonomy import AGE_GROUPS, GENDERS, RACES

GROUPS = {"gender": GENDERS, "race": RACES, "age_group": AGE_GROUPS}
RULES = ("as-is", "uniform", "targets")
UNKNOWN = "unknown"

Group = tuple[str, ...]


@dataclass(frozen=True)
class Target:
    """Share of a group.

    Attributes:
        group: A value for each column of `PlanBalance.by`, or `UNKNOWN` for each.
        share: At least 0, in any unit: shares are divided by their sum.
    """

    group: Group
    share: float


@dataclass(frozen=True)
class PlanBalance:
    """How many clips every group of people gets. Counterfactuals come on top.

    Attributes:
        rule: "as-is" keeps the shares of the faces, "uniform" gives every group that has people
            the same, "targets" follows `targets`.
        by: Columns that make a group, of `GROUPS`.
        targets: For the rule of that name. Groups without a target get nothing.
        clips: Wanted in all; None is as many as all groups can give in these shares.
        max_clips_per_person: None is one clip a face, emotion and repeat. A larger number lets
            people of small groups be used again, where the shares ask for it.
    """

    rule: str = "as-is"
    by: tuple[str, ...] = tuple(GROUPS)
    targets: tuple[Target, ...] = ()
    clips: int | None = None
    max_clips_per_person: int | None = None

    def __post_init__(self) -> None:
        if self.rule not in RULES:
            raise PlanError(f"The rule of a balance is one of {', '.join(RULES)}, got {self.rule}.")
        if not self.by or set(self.by) - set(GROUPS) or len(set(self.by)) < len(self.by):
            raise PlanError(
                f"A balance is by some of {', '.join(GROUPS)}, each once; got "
                f"{', '.join(self.by) or 'none'}."
            )
        for name in ("clips", "max_clips_per_person"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise PlanError(f"{name} must be at least 1; got {value}.")
        if (self.rule == "targets") != bool(self.targets):
            raise PlanError(
                f"Targets belong to the rule targets, and it needs some; got {len(self.targets)} "
                f"with the rule {self.rule}."
            )
        self._check_targets()

    def _check_targets(self) -> None:
        known = set(self.groups)
        seen: set[Group] = set()
        for target in self.targets:
            if target.group not in known:
                raise PlanError(
                    f"There is no group {label(target.group)!r}; a group is "
                    + ", then ".join(f"one of {', '.join(GROUPS[column])}" for column in self.by)
                    + f", or {label(self.unknown)}."
                )
            if target.group in seen:
                raise PlanError(f"{label(target.group)} has two shares; keep one.")
            if not (isfinite(target.share) and target.share >= 0):
                raise PlanError(
                    f"The share of {label(target.group)} must be a number of at least 0, got "
                    f"{target.share}."
                )
            seen.add(target.group)
        if self.targets and not any(target.share for target in self.targets):
            raise PlanError("All shares are 0: at least one group must get clips.")

    @property
    def takes_all(self) -> bool:
        """Whether everybody gives all they can, so that nobody has to be chosen."""
        return self == PlanBalance(by=self.by)

    @property
    def unknown(self) -> Group:
        """The group of people of whom something is not known."""
        return (UNKNOWN,) * len(self.by)

    @property
    def groups(self) -> tuple[Group, ...]:
        """All groups there can be, in the order of the taxonomy; the unknown are last."""
        return (*product(*(GROUPS[column] for column in self.by)), self.unknown)

    def group(self, face: Face) -> Group:
        """The group of a face.

        Raises:
            PlanError: A value that is not in the taxonomy.
        """
        values = tuple(getattr(face, column) for column in self.by)
        for column, value in zip(self.by, values, strict=True):
            if value is not None and value not in GROUPS[column]:
                raise PlanError(
                    f"The {column} of {face.subject_id!r} is {value!r}; expected one of "
                    f"{', '.join(GROUPS[column])}, or nothing if it is unknown."
                )
        return self.unknown if None in values else values


def read_census(path: Path) -> PlanBalance:
    """Targets of a CSV file: some of the columns `gender`, `race`, `age_group`, and `share`.

    Raises:
        PlanError: No such file, other columns, an unknown value, a share that is no number of
            at least 0, a group listed twice.
    """
    rows = read_csv(path, PlanError)
    header = rows[0][1]
    by = tuple(column for column in header if column != "share")
    if "share" not in header or not by or set(by) - set(GROUPS):
        raise PlanError(
            f"{path} has the header {','.join(header)!r}; it needs share, and at least one of "
            f"{', '.join(GROUPS)}."
        )
    targets = []
    for line, row in rows:
        try:
            targets.append(Target(tuple(row[column] for column in by), float(row["share"])))
        except ValueError:
            raise PlanError(
                f"{path}, line {line}: share is {row['share']!r}; write a number of at least 0."
            ) from None
    try:
        return PlanBalance("targets", by, tuple(targets))
    except PlanError as error:
        raise PlanError(f"{path}: {error}") from None


def label(group: Group) -> str:
    """A group in words."""
    return UNKNOWN if set(group) == {UNKNOWN} else ", ".join(group)
