"""What a rule is, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import numpy.typing as npt

from equime_hub.evaluation.lint.run import Run

Severity = Literal["error", "warning", "unchecked"]
"""A score that cannot be trusted; one that says less than it seems to; nothing known."""

Numbers = npt.NDArray[np.int64]
"""Row numbers in `Run.rows.clips`."""


@dataclass(frozen=True, eq=False)
class Found:
    """Something that a rule found.

    Attributes:
        sentence: What, with the numbers.
        fold: Where; None if it concerns the whole run.
        clips: The clips concerned.
        strangers: Names of clips concerned that the rows do not know.
        severity: If it is not the rule's own.
    """

    sentence: str
    fold: str | None = None
    clips: Numbers = field(default_factory=lambda: np.zeros(0, np.int64))
    strangers: Sequence[str] = ()
    severity: Severity | None = None


def unchecked(sentence: str) -> Found:
    """What could not be checked, and why."""
    return Found(sentence, severity="unchecked")


@dataclass(frozen=True)
class Rule:
    """One thing that a run must not do.

    Attributes:
        id: Its name, such as "shared-people".
        title: What must hold, one sentence.
        source: Where the rule is from, or who broke it (paper and section, table or file).
        severity: Of its findings, unless they say otherwise.
        check: Finds all violations in a run.
    """

    id: str
    title: str
    source: str
    severity: Severity
    check: Callable[[Run], Iterator[Found]]


def rule(severity: Severity, source: str) -> Callable[[Callable[[Run], Iterator[Found]]], Rule]:
    """Make a `Rule` of a function: its name is the id, the first line of its docstring the title.

    >>> @rule("error", "a paper, section 1")
    ... def no_such_thing(run):
    ...     '''There is no such thing.'''
    >>> no_such_thing.id, no_such_thing.title
    ('no-such-thing', 'There is no such thing.')
    """

    def made(check: Callable[[Run], Iterator[Found]]) -> Rule:
        title = (check.__doc__ or "").strip().split("\n", 1)[0]
        return Rule(check.__name__.replace("_", "-"), title, source, severity, check)

    return made


@dataclass(frozen=True)
class Finding:
    """A violation of a rule, or what could not be checked.

    Attributes:
        rule: Id of the rule.
        severity: "error", "warning" or "unchecked".
        fold: Where; None if it concerns the whole run.
        sentence: What, with the numbers.
        clips: The first clips concerned.
        people: The people that these show.
        clip_count: All clips concerned.
        source: Where the rule is from.
    """

    rule: str
    severity: Severity
    fold: str | None
    sentence: str
    clips: tuple[str, ...]
    people: tuple[str, ...]
    clip_count: int
    source: str
