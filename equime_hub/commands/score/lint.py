"""`equime lint`: can the scores of a run be trusted?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from itertools import groupby
from pathlib import Path

import click

from equime_hub.commands.common import counted, json_option, report
from equime_hub.evaluation import lint as linter
from equime_hub.evaluation.lint import LintFinding, LintReport, Rule


@click.command(
    short_help="Look for leaks in a training run.",
    epilog="""\b
Examples:
  equime lint runs/loso-7
  equime lint runs/loso-7 --rule donors --max-rows 100 --json
  equime lint --list""",
)
@click.argument("run", type=click.Path(path_type=Path), required=False)
@click.option("--rule", "rules", multiple=True, metavar="ID", help="Check this rule; repeatable.")
@click.option("--list", "as_list", is_flag=True, help="Print all rules and where they are from.")
@click.option(
    "--max-rows",
    type=click.IntRange(min=0),
    default=10,
    show_default=True,
    help="Clips that a finding names, and findings of a rule that are printed; all are counted.",
)
@json_option
@click.pass_context
def lint(
    ctx: click.Context,
    run: Path | None,
    rules: tuple[str, ...],
    as_list: bool,
    max_rows: int,
    as_json: bool,
) -> None:
    """Check how a RUN was trained, chosen, tested and counted.

    RUN is a folder with run.json and rows.parquet, and predictions.parquet if there are any.
    Exit code 1 if any error is found; warnings alone give 0.
    """
    if as_list:
        _list(linter.chosen(rules or None), as_json)
        return
    if run is None:
        raise click.UsageError("Name the folder of a run, or use --list.")
    found = linter.check(linter.read(run), rules or None, max_rows)
    errors = found.of("error")
    if as_json:
        report({"run": run, "ok": not errors, **asdict(found)})
    else:
        _show(found, max_rows)
    if errors:
        ctx.exit(1)


def _list(rules: Iterable[Rule], as_json: bool) -> None:
    if as_json:
        columns = ("id", "severity", "title", "source")
        report({"rules": [{name: getattr(rule, name) for name in columns} for rule in rules]})
        return
    for rule in rules:
        click.echo(f"{rule.id} ({rule.severity})\n    {rule.title}\n    Source: {rule.source}.")


def _show(found: LintReport, max_rows: int) -> None:
    for _, group in groupby(found.findings, key=lambda finding: (finding.severity, finding.rule)):
        findings = list(group)
        for finding in findings[: max(1, max_rows)]:
            _line(finding)
        if rest := findings[max(1, max_rows) :]:
            click.echo(f"    and {counted(len(rest), 'more fold', 'more folds')} like that")
        if findings[0].severity != "unchecked":
            click.echo(f"    Source: {findings[0].source}.")
    click.echo(
        f"{counted(len(found.rules), 'rule', 'rules')}, {counted(found.folds, 'fold', 'folds')}, "
        f"{counted(found.clips, 'clip', 'clips')}: "
        f"{counted(len(found.of('error')), 'error', 'errors')}, "
        f"{counted(len(found.of('warning')), 'warning', 'warnings')}, "
        f"{len(found.of('unchecked'))} unchecked."
    )


def _line(finding: LintFinding) -> None:
    where = "" if finding.fold is None else f", fold {finding.fold}"
    click.echo(f"{finding.severity}: {finding.rule}{where}: {finding.sentence}")
    if finding.clips:
        more = finding.clip_count - len(finding.clips)
        named = ", ".join(finding.clips) + (f" and {more:,} more" if more else "")
        click.echo(f"    Clips: {named}")
    if finding.people:
        click.echo(f"    People: {', '.join(finding.people)}")
