"""The command line: a table of contents. Each command is one module in `commands`."""

from __future__ import annotations

import importlib

import click

from equime_hub._version import __version__
from equime_hub.commands.common import Program

COMMANDS = {
    "demo": "equime_hub.commands.build.demo:demo",
    "faces": "equime_hub.commands.build.faces:faces",
    "attributes": "equime_hub.commands.build.attributes:attributes",
    "causal": "equime_hub.commands.build.causal:causal",
    "import": "equime_hub.commands.build.import_:import_",
    "plan": "equime_hub.commands.build.plan:plan",
    "prompts": "equime_hub.commands.build.prompts:prompts",
    "build": "equime_hub.commands.build.build:build",
    "measure": "equime_hub.commands.build.measure:measure",
    "observe": "equime_hub.commands.build.observe:observe",
    "card": "equime_hub.commands.look.card:card",
    "verify": "equime_hub.commands.look.verify:verify",
    "audit": "equime_hub.commands.look.audit:audit",
    "push": "equime_hub.commands.share.push:push",
    "append": "equime_hub.commands.share.append:append",
    "gate": "equime_hub.commands.share.gate:gate",
    "access": "equime_hub.commands.share.access:access",
    "pull": "equime_hub.commands.share.pull:pull",
    "push-metric": "equime_hub.commands.share.push_metric:push_metric",
    "push-model": "equime_hub.commands.share.push_model:push_model",
    "train": "equime_hub.commands.score.train:train",
    "evaluate": "equime_hub.commands.score.evaluate:evaluate",
    "cross-eval": "equime_hub.commands.score.cross_eval:cross_eval",
    "attack": "equime_hub.commands.score.attack:attack",
    "ablate": "equime_hub.commands.score.ablate:ablate",
    "lint": "equime_hub.commands.score.lint:lint",
    "predict": "equime_hub.commands.score.predict:predict",
    "report": "equime_hub.commands.look.report:report",
    "doctor": "equime_hub.commands.doctor:doctor",
}


class _Lazy(Program):
    """Imports a command only when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, name: str) -> click.Command | None:
        if name not in COMMANDS:
            return None
        module, attribute = COMMANDS[name].split(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command


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
