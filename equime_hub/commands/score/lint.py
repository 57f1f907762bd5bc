"""`equime lint`: can the scores of a run be trusted?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click
from click.exceptions import Exit

from equime_hub.commands.common import counted, report
from equime_hub.commands.options import command
from equime_hub.evaluation import lint as linter
from equime_hub.evaluation.lint import LintFinding, LintReport


@command(
    "Look for leaks in a training run.",
    rules={"called": "rule", "metavar": "ID"},
    as_list={"called": "list"},
    max_rows={"type": click.IntRange(min=0)},
)
def lint(
    run: Path | None = None,
    *,
    rules: tuple[str, ...] = (),
    as_list: bool = False,
    max_rows: int = 10,
) -> None:
    """Check how a RUN was trained, chosen, tested and counted.

    RUN is a folder with run.json and rows.parquet, and predictions.parquet if there are any.
    Exit code 1 if any error is found; warnings alone give 0.

    Options:
        rules: Check this rule; repeatable.
        as_list: Print all rules and where they are from.
        max_rows: Clips that a finding names, and findings of a rule that are printed; all are
            counted.

    Examples:
        equime lint runs/loso-7
        equime lint runs/loso-7 --rule donors --max-rows 100 --json
        equime lint --list
    """
    if as_list:
        known = linter.chosen(rules or None)
        columns = ("id", "severity", "title", "source")
        report(
            {"rules": [{name: getattr(rule, name) for name in columns} for rule in known]},
            [f"{r.id} ({r.severity})\n    {r.title}\n    Source: {r.source}." for r in known],
        )
        return
    if run is None:
        raise click.UsageError("Name the folder of a run, or use --list.")
    found = linter.check(linter.read(run), rules or None, max_rows)
    errors = found.of("error")
    # Even with --max-rows 0 each rule shows what it is about.
    report({"run": run, "ok": not errors, **asdict(found)}, _lines(found, max(1, max_rows)))
    if errors:
        raise Exit(1)


def _lines(found: LintReport, shown: int) -> Iterator[str]:
    for _, group in groupby(found.findings, key=lambda finding: (finding.severity, finding.rule)):
        findings = list(group)
        for finding in findings[:shown]:
            yield from _finding(finding)
        if rest := findings[shown:]:
            yield f"    and {counted(len(rest), 'more fold', 'more folds')} like that"
        if findings[0].severity != "unchecked":
            yield f"    Source: {findings[0].source}."
    yield (
        f"{counted(len(found.rules), 'rule', 'rules')}, {counted(found.folds, 'fold', 'folds')}, "
        f"{counted(found.clips, 'clip', 'clips')}: "
        f"{counted(len(found.of('error')), 'error', 'errors')}, "
        f"{counted(len(found.of('warning')), 'warning', 'warnings')}, "
        f"{len(found.of('unchecked'))} unchecked."
    )


def _finding(finding: LintFinding) -> Iterator[str]:
    where = "" if finding.fold is None else f", fold {finding.fold}"
    yield f"{finding.severity}: {finding.rule}{where}: {finding.sentence}"
    if finding.clips:
        more = finding.clip_count - len(finding.clips)
        named = ", ".join(finding.clips) + (f" and {more:,} more" if more else "")
        yield f"    Clips: {named}"
    if finding.people:
        yield f"    People: {', '.join(finding.people)}"
