"""The command line: a table of contents. Each command is one module in `commands`."""

from __future__ import annotations

import importlib
from keyword import iskeyword

import click

from equime_hub._version import __version__
from equime_hub.commands.common import Program

COMMANDS = {
    "Build": ("demo", "faces", "attributes", "causal", "plan", "prompts", "build", "import",
              "measure", "observe"),
    "Look": ("verify", "audit", "card", "report"),
    "Share": ("push", "append", "gate", "access", "pull", "push-metric", "push-model"),
    "Train and score": ("train", "predict", "evaluate", "cross-eval", "ablate", "attack", "lint"),
    "Help": ("doctor",),
}  # fmt: skip
"""Commands by what people do, in the order in which they do it."""


class _Lazy(Program):
    """Imports a command only when it is asked for, and lists commands by what they are for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [name for group in COMMANDS.values() for name in group]

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        for title, group in COMMANDS.items():
            if name in group:
                # "Train and score" is the folder `score`, push-model is push_model in its module
                # push_model, and import is import_, because Python has that word.
                folder = title.rpartition(" ")[2].lower()
                called = name.replace("-", "_") + "_" * iskeyword(name)
                module = importlib.import_module(f"equime_hub.commands.{folder}.{called}")
                command: click.Command = getattr(module, called)
                return command
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        names = self.list_commands(ctx)
        width = max(map(len, names))
        found = {name: self.get_command(ctx, name) for name in names}
        for title, group in COMMANDS.items():
            with formatter.section(title):
                formatter.write_dl(
                    (name.ljust(width), command.get_short_help_str())
                    for name in group
                    if (command := found[name])
                )


@click.group(
    cls=_Lazy,
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
    epilog="""\b
Start here, without GPU, account or photographs:
  equime demo""",
)
@click.version_option(__version__, prog_name="equime")
@click.option("--debug", is_flag=True, help="Show the traceback of an error.")
def main(debug: bool) -> None:
    """Micro-expression datasets: plan, build, check, load."""
