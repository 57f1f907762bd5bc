"""The command line: a table of contents. Each command is one module in `commands`."""

from __future__ import annotations

import importlib

import click

from equime_hub._version import __version__
from equime_hub.commands.common import Program

COMMANDS = {
    "Build": {
        "demo": "build.demo",
        "faces": "build.faces",
        "attributes": "build.attributes",
        "causal": "build.causal",
        "plan": "build.plan",
        "prompts": "build.prompts",
        "build": "build.build",
        "import": "build.import_",
        "measure": "build.measure",
        "observe": "build.observe",
    },
    "Look": {
        "verify": "look.verify",
        "audit": "look.audit",
        "card": "look.card",
        "report": "look.report",
    },
    "Share": {
        "push": "share.push",
        "append": "share.append",
        "gate": "share.gate",
        "access": "share.access",
        "pull": "share.pull",
        "push-metric": "share.push_metric",
        "push-model": "share.push_model",
    },
    "Train and score": {
        "train": "score.train",
        "predict": "score.predict",
        "evaluate": "score.evaluate",
        "cross-eval": "score.cross_eval",
        "ablate": "score.ablate",
        "attack": "score.attack",
        "lint": "score.lint",
    },
    "Help": {"doctor": "doctor"},
}
"""Commands by what people do, in the order in which they do it: name → module in `commands`.

The module has a command that is called as the module is.
"""


class _Lazy(Program):
    """Imports a command only when it is asked for, and lists commands by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for group in COMMANDS.values():
            if place := group.get(name):
                module = importlib.import_module(f"equime_hub.commands.{place}")
                command: click.Command = getattr(module, place.rpartition(".")[2])
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        width = max(map(len, names))
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(name.ljust(width), self._summary(ctx, name)) for name in group]
                )

    def _summary(self, ctx: click.Context, name: str) -> str:
        command = self.get_command(ctx, name)
        assert command is not None
        return command.get_short_help_str()


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"]},
    epilog="""\b
Start here, without GPU, account or photographs:
  equime demo""",
)
@click.version_option(__version__, prog_name="equime")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Micro-expression datasets: plan, build, check, load."""
