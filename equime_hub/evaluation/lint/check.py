"""All rules by name, and a run checked by them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from equime_hub.errors import EquimeError
from equime_hub.evaluation.lint import declared, labels, leaks, predictions, pretraining, roles
from equime_hub.evaluation.lint.finding import Finding, Found, Rule
from equime_hub.evaluation.lint.run import Run

RULES = {
    rule.id: rule
    for rule in (
        leaks.shared_people,
        leaks.shared_images,
        leaks.counterfactuals,
        leaks.macro_clips,
        leaks.donors,
        leaks.validation_in_test,
        leaks.validation_in_train,
        pretraining.pretraining,
        roles.shared_clips,
        roles.tested_twice,
        roles.never_tested,
        roles.protocol_name,
        declared.selection,
        declared.normalisation,
        declared.oversampling,
        declared.augmentation,
        declared.zero_padding,
        declared.fold_averaging,
        declared.one_seed,
        labels.label_map,
        predictions.readable_predictions,
        predictions.every_test_predicted,
        predictions.every_class_predicted,
        predictions.config_hash,
    )
}
"""All rules by name."""

_ORDER = ("error", "warning", "unchecked")


@dataclass(frozen=True)
class Report:
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
    findings: tuple[Finding, ...]

    def of(self, severity: str) -> tuple[Finding, ...]:
        """The findings of one severity."""
        return tuple(finding for finding in self.findings if finding.severity == severity)


def chosen(names: Iterable[str] | None = None) -> list[Rule]:
    """Rules by name; None is all of them.

    Raises:
        EquimeError: There is no such rule.
    """
    asked = list(RULES if names is None else dict.fromkeys(names))
    if unknown := [name for name in asked if name not in RULES]:
        raise EquimeError(f"There is no rule {unknown[0]!r}. Choose among: {', '.join(RULES)}.")
    return [RULES[name] for name in asked]


def check(run: Run, rules: Iterable[str] | None = None, max_rows: int = 10) -> Report:
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
    return Report(
        rules=tuple(rule.id for rule in asked),
        folds=len(run.rows),
        clips=len(run.rows.clips),
        findings=tuple(sorted(found, key=lambda finding: _ORDER.index(finding.severity))),
    )


def _finding(run: Run, rule: Rule, found: Found, max_rows: int) -> Finding:
    shown = found.clips[:max_rows].tolist()
    ids = run.rows.clips["clip_id"]
    people = (run.people.names[run.people.person[clip]] for clip in shown)
    return Finding(
        rule=rule.id,
        severity=found.severity or rule.severity,
        fold=found.fold,
        sentence=found.sentence,
        clips=(*(ids[clip].as_py() for clip in shown), *found.strangers)[:max_rows],
        people=tuple(dict.fromkeys(people)),
        clip_count=len(found.clips) + len(found.strangers),
        source=rule.source,
    )
