"""`equime push-metric`: metrics as Spaces that `evaluate` opens."""

from __future__ import annotations

import click

from equime_hub.commands.common import json_wanted, report
from equime_hub.commands.options import command
from equime_hub.commands.share.push_options import DryRun, Private, show, values


@command(
    "Publish metrics as Spaces.",
    repository={"metavar": "ORG/METRIC"},
    organisation={"called": "all", "metavar": "ORG"},
)
def push_metric(
    metric: str | None = None,
    repository: str | None = None,
    *,
    organisation: str | None = None,
    private: Private,
    dry_run: DryRun = False,
) -> None:
    """Send METRIC to the Space ORG/METRIC, complete by itself.

    Then `evaluate.load("ORG/uf1")` opens it, where this package is not. If nothing changed,
    nothing is sent.

    Options:
        organisation: Publish all metrics there are.

    Examples:
        equime push-metric uf1 ORG/uf1 --dry-run
        equime push-metric uf1 ORG/uf1 --public
        equime push-metric --all ORG --public
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
        found.append(run(name, space, private=private, dry_run=dry_run))
        if not json_wanted():  # text says of each as soon as it is there
            show(found[-1], dry_run)
    if json_wanted():
        report({"spaces": [values(done, dry_run) for done in found]})
