from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from equime_hub.commands.options import changes_to, options_of
from equime_hub.errors import EquimeError


@dataclass(frozen=True)
class Blur:
    """How to blur.

    Attributes:
        image: What to blur.
        radius: Pixels, at least 0, as in a
            circle.
        edges: Leave edges sharp.
        colour: Blur colours, too.
        span: First and last frame.
        times: Moments.
        mode: How.

    Raises:
        EquimeError: radius: it is negative.
    """

    image: Path
    radius: int = 3
    edges: bool = False
    colour: bool = True
    span: tuple[float, float] = (0.0, 1.0)
    times: tuple[int, ...] = ()
    mode: Literal["box", "gauss"] = "box"
    mask: Path | None = field(default=None, metadata={"help": "Only there."})

    def __post_init__(self) -> None:
        if self.radius < 0:
            raise EquimeError(f"radius must be at least 0, got {self.radius}.")


@click.command()
@click.option("--first", is_flag=True)
@options_of(Blur, rename={"radius": "size"}, into="how", times={"metavar": "FRAME"})
@click.option("--last", is_flag=True)
@click.pass_context
def blur(ctx: click.Context, how: Blur, first: bool, last: bool) -> None:
    assert ctx.info_name == "blur"
    click.echo(f"{how} {first} {last}")


@click.command()
@changes_to(Blur, "radius", "edges", "times", "mask", radius={"type": click.IntRange(0)})
def change(changes: dict[str, Any]) -> None:
    click.echo(changes)


def said(command: click.Command, *arguments: str) -> str:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_dataclass_is_filled_in_by_its_options() -> None:
    assert said(blur, "--image", "a.png") == f"{Blur(Path('a.png'))} False False"
    made = Blur(Path("b"), 0, True, False, (0.5, 2.0), (1, 2), "gauss", Path("c"))
    options = "--last --image b --size 0 --edges --no-colour --span 0.5 2 --times 1 --times 2"
    assert said(blur, *options.split(), "--mode", "gauss", "--mask", "c") == f"{made} False True"


def test_the_help_is_the_docstring_in_order() -> None:
    shown = " ".join(said(blur, "--help").split())
    for part in (
        "--image PATH What to blur. [required]",
        "--size INTEGER Pixels, at least 0, as in a circle. [default: 3]",
        "--edges Leave edges sharp. --colour / --no-colour Blur colours, too. [default: colour]",
        "--span FLOAT... First and last frame. [default: 0.0, 1.0]",
        "--times FRAME Moments. --mode [box|gauss] How. [default: box] --mask PATH Only there.",
    ):
        assert part in shown
    places = [shown.index(f"--{name} ") for name in ("first", "image", "size", "mask", "last")]
    assert places == sorted(places)


def test_what_the_dataclass_refuses_is_a_usage_error() -> None:
    done = CliRunner().invoke(blur, ["--image", "a", "--size", "-1"])
    assert done.exit_code == 2
    assert "radius must be at least 0, got -1." in done.stderr


def test_changes_are_what_was_said() -> None:
    assert said(change) == "{}"
    assert said(change, "--radius", "3", "--no-edges") == "{'radius': 3, 'edges': False}"
    assert said(change, "--times", "1", "--mask", "c") == str({"times": (1,), "mask": Path("c")})
    assert "default" not in said(change, "--help")


def test_a_field_that_is_not_there_is_no_option() -> None:
    with pytest.raises(KeyError, match="width"):
        options_of(Blur, "width")
