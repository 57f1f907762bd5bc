"""`equime push-metric`: metrics as Spaces that `evaluate` opens."""

from __future__ import annotations

import click

from equime_hub.commands.common import json_option, report
from equime_hub.commands.share.push_options import artifact_options, show, values


@click.command(
    "push-metric",
    short_help="Publish metrics as Spaces.",
    epilog="""\b
Examples:
  equime push-metric uf1 ORG/uf1 --dry-run
  equime push-metric uf1 ORG/uf1 --public
  equime push-metric --all ORG --public""",
)
@click.argument("metric", required=False)
@click.argument("repository", metavar="ORG/METRIC", required=False)
@click.option("--all", "organisation", metavar="ORG", help="Publish all metrics there are.")
@artifact_options
@json_option
def push_metric(
    metric: str | None,
    repository: str | None,
    organisation: str | None,
    private: bool | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Send METRIC to the Space ORG/METRIC, complete by itself.

    Then `evaluate.load("ORG/uf1")` opens it, where this package is not. If nothing changed,
    nothing is sent.
    """
    from equime_hub import metrics
    from equime_hub.hub.metric import push_metric as run

    if organisation is not None and metric is None:
        wanted = {name: f"{organisation}/{name}" for name in metrics.names()}
    elif organisation is None and metric is not None and repository is not None:
        wanted = {metric: repository}
    else:
        raise click.UsageError("Give METRIC and ORG/METRIC, or --all ORG.")
    found = []
    for name, space in wanted.items():
        done = run(name, space, private=private, dry_run=dry_run)
        found.append(values(done, dry_run))
        if not as_json:
            show(done, dry_run)
    if as_json:
        report({"spaces": found})
