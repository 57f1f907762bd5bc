"""What a lint rule is, which rules there are, and what they find in a run.

Another package adds a rule through an entry point of the group `equime_hub.lint_rules`: the name
is the rule's id, the value a function decorated with `rule`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from equime_hub.errors import EquimeError
from equime_hub.evaluation.lint.run import LintRun
from equime_hub.evaluation.rows import FoldRoles, Mask
from equime_hub.registry import Registry

_MODULES = {
    "leaks": (
        "shared-people", "shared-images", "counterfactuals", "macro-clips", "donors",
        "validation-in-test", "validation-in-train", "pretraining",
    ),
    "roles": ("shared-clips", "tested-twice", "never-tested", "protocol-name"),
    "declared": (
        "selection", "normalisation", "oversampling", "augmentation", "zero-padding",
        "fold-averaging", "one-seed", "label-map",
    ),
    "predictions": (
        "readable-predictions", "every-test-predicted", "every-class-predicted", "config-hash",
    ),
}  # fmt: skip
"""Module beside this one → its rules, in the order of the report."""

RULES = Registry(
    "rule",
    {
        name: f"{__package__}.{module}:{name.replace('-', '_')}"
        for module, names in _MODULES.items()
        for name in names
    },
    group="equime_hub.lint_rules",
)

Severity = Literal["error", "warning", "unchecked"]
"""A score that cannot be trusted; one that says less than it seems to; nothing known."""
_ORDER: tuple[Severity, ...] = ("error", "warning", "unchecked")


@dataclass(frozen=True, eq=False)
class Found:
    """Something that a rule found.

    Attributes:
        sentence: What, with the numbers.
        fold: Where; None if it concerns the whole run.
        clips: The clips concerned, as row numbers in `LintRun.rows.clips`.
        strangers: Names of clips concerned that the rows do not know.
        severity: If it is not the rule's own.
    """

    sentence: str
    fold: str | None = None
    clips: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    strangers: Sequence[str] = ()
    severity: Severity | None = None


def unchecked(sentence: str) -> Found:
    """What could not be checked, and why."""
    return Found(sentence, severity="unchecked")


def without(run: LintRun, *columns: str) -> Iterator[Found]:
    """Says that nothing could be checked, if the rows have none of these columns."""
    if not run.knows(*columns):
        yield unchecked(f"The rows have no column {' or '.join(columns)}.")


def clips_found(mask: Mask, sentence: str, fold: FoldRoles | None = None) -> Iterator[Found]:
    """What there is to say of some clips, if there are any; "{}" stands for their number."""
    if mask.any():
        clips = np.flatnonzero(mask)
        where = None if fold is None else fold.title
        yield Found(sentence.format(f"{len(clips):,}"), where, clips)


Check = Callable[[LintRun], Iterator[Found]]


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
    check: Check


def rule(severity: Severity, source: str) -> Callable[[Check], Rule]:
    """Make a `Rule` of a function: its name is the id, the first line of its docstring the title.

    >>> @rule("error", "a paper, section 1")
    ... def no_such_thing(run):
    ...     '''There is no such thing.'''
    >>> no_such_thing.id, no_such_thing.title
    ('no-such-thing', 'There is no such thing.')
    """

    def made(check: Check) -> Rule:
        title = (check.__doc__ or "").strip().split("\n", 1)[0]
        return Rule(check.__name__.replace("_", "-"), title, source, severity, check)

    return made


@dataclass(frozen=True)
class LintFinding:
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


@dataclass(frozen=True)
class LintReport:
    """What a linter found in a run.

    Attributes:
        rules: Ids of the rules that were asked.
        folds: Folds of the run.
        clips: Clips of the run.
        findings: Errors first, then warnings, then what could not be checked.
    """

    rules: tuple[str, ...]
    folds: int
    clips: int
    findings: tuple[LintFinding, ...]

    def of(self, severity: str) -> tuple[LintFinding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)


def chosen(names: Iterable[str] | None = None) -> list[Rule]:
    """Rules by name; None is all of them, ours and those of other packages.

    Raises:
        EquimeError: There is no such rule, or another package registers something else as one.
    """
    found = []
    for name in RULES.names() if names is None else dict.fromkeys(names):
        made = RULES.get(name)
        if not isinstance(made, Rule):
            raise EquimeError(
                f"What a package registers as the rule {name!r} is none, but {made!r}. Decorate "
                "its function with equime_hub.evaluation.lint.rule."
            )
        found.append(replace(made, id=name))
    return found


def check(run: LintRun, rules: Iterable[str] | None = None, max_rows: int = 10) -> LintReport:
    """Check a run.

    Args:
        run: The run.
        rules: Names of the rules to check; None is all of them.
        max_rows: Clips that a finding names at most; it counts all of them.

    Raises:
        EquimeError: There is no such rule.
    """
    asked = chosen(rules)
    found = [_finding(run, rule, each, max_rows) for rule in asked for each in rule.check(run)]
    return LintReport(
        rules=tuple(rule.id for rule in asked),
        folds=len(run.rows),
        clips=len(run.rows.clips),
        findings=tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity))),
    )


def _finding(run: LintRun, rule: Rule, found: Found, max_rows: int) -> LintFinding:
    shown = found.clips[:max_rows].tolist()
    ids = run.rows.clips["clip_id"]
    people = (run.people.names[run.people.person[clip]] for clip in shown)
    return LintFinding(
        rule=rule.id,
        severity=found.severity or rule.severity,
        fold=found.fold,
        sentence=found.sentence,
        clips=(*(ids[clip].as_py() for clip in shown), *found.strangers)[:max_rows],
        people=tuple(dict.fromkeys(people)),
        clip_count=len(found.clips) + len(found.strangers),
        source=rule.source,
    )
