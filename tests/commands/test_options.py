from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import click
import pytest
from click.testing import CliRunner

from equime_hub.commands.common import report
from equime_hub.commands.options import Count, OutFolder, changes_to, command, options_of
from equime_hub.errors import EquimeError

SIZE = click.IntRange(0)


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


@command(
    "Blur pictures.",
    how=options_of(Blur, rename={"radius": "size"}, times={"metavar": "FRAME"}),
    list_={"metavar": "PLACE"},
)
def blur_all(
    place: OutFolder = Path("here"),
    *,
    first: bool = False,
    how: Blur,
    last: Count = 2,
    list_: tuple[str, ...] = (),
) -> None:
    """Blur what lies in PLACE.

    Options:
        first: Only the first
            of all.
        last: The last so many. [default: what there is]

    Examples:
        blur-all there --first
    """
    report({"how": str(how)}, f"{place} {how} {first} {last} {list_}")


@command(changes=changes_to(Blur, "radius", "edges", "times", "mask", radius={"type": SIZE}))
def change(*, changes: dict[str, Any]) -> None:
    """Print what changes.

    Example:
        change
    """
    report({}, str(changes))


def said(command: click.Command, *arguments: str) -> str:
    done = CliRunner().invoke(command, arguments)
    assert done.exit_code == 0, done.output
    return done.stdout.strip()


def test_a_dataclass_is_filled_in_by_its_options() -> None:
    assert said(blur_all, "--image", "a.png") == f"here {Blur(Path('a.png'))} False 2 ()"
    made = Blur(Path("b"), 0, True, False, (0.5, 2.0), (1, 2), "gauss", Path("c"))
    options = (
        "there --last 3 --image b --size 0 --edges --no-colour --span 0.5 2 --times 1 --times 2"
    )
    more = ("--mode", "gauss", "--mask", "c", "--list", "x", "--list", "y")
    assert said(blur_all, *options.split(), *more) == f"there {made} False 3 ('x', 'y')"


def test_the_help_is_the_docstring_in_order() -> None:
    lines = said(blur_all, "--help").splitlines()
    assert lines[-2:] == ["  Examples:", "    blur-all there --first"]
    shown = " ".join(" ".join(lines).split())
    for part in (
        "Usage: blur-all [OPTIONS] [PLACE] Blur what lies in PLACE. Options: --first Only the first"
        " of all. --image",
        "--last INTEGER RANGE The last so many. [default: (what there is); x>=1] --list PLACE",
        "--json Report as JSON.",
        "--image PATH What to blur. [required]",
        "--size INTEGER Pixels, at least 0, as in a circle. [default: 3]",
        "--edges Leave edges sharp. --colour / --no-colour Blur colours, too. [default: colour]",
        "--span FLOAT... First and last frame. [default: 0.0, 1.0]",
        "--times FRAME Moments. --mode [box|gauss] How. [default: box] --mask PATH Only there.",
    ):
        assert part in shown
    places = [shown.index(f"--{name} ") for name in ("image", "size", "mask", "last", "json")]
    assert places == sorted(places)


def test_what_the_dataclass_refuses_is_a_usage_error() -> None:
    done = CliRunner().invoke(blur_all, ["--image", "a", "--size", "-1"])
    assert done.exit_code == 2
    assert "radius must be at least 0, got -1." in done.stderr


def test_json_takes_the_place_of_text() -> None:
    assert json.loads(said(blur_all, "--image", "a", "--json")) == {"how": str(Blur(Path("a")))}


def test_changes_are_what_was_said() -> None:
    assert said(change) == "{}"
    assert said(change, "--radius", "3", "--no-edges") == "{'radius': 3, 'edges': False}"
    assert said(change, "--times", "1", "--mask", "c") == str({"times": (1,), "mask": Path("c")})
    assert "default" not in said(change, "--help")


def test_a_field_that_is_not_there_is_no_option() -> None:
    with pytest.raises(KeyError, match="width"):
        options_of(Blur, "width")
