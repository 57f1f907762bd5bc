"""The packages of docs/extending.md: files and commands are taken from the page itself."""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs/extending.md"
_BLOCK = re.compile(r"^<!-- (file|run)(?:: (\S+))? -->\n```(\w+)\n(.*?)^```$", re.M | re.S)


@dataclass(frozen=True)
class Block:
    """A block of code with a comment before it.

    Attributes:
        kind: "file" or "run".
        said: Name of the file, or how a command ends: "refused" or "".
        language: Such as "toml", "py" or "bash".
        text: The lines.
        package: Whose `pyproject.toml` is the last one above it; "" before the first.
    """

    kind: str
    said: str
    language: str
    text: str
    package: str


def blocks() -> list[Block]:
    """All of the page, in order."""
    found, package = [], ""
    for kind, said, language, text in _BLOCK.findall(PAGE.read_text(encoding="utf-8")):
        if said.endswith("/pyproject.toml"):
            package = said.partition("/")[0]
        found.append(Block(kind, said, language, text, package))
    return found


def files(start: str = "") -> dict[str, str]:
    """Files of the page whose names begin so: name → text."""
    found = (block for block in blocks() if block.kind == "file")
    return {block.said: block.text for block in found if block.said.startswith(start)}


def write(start: str, folder: Path) -> None:
    """Write the files of the page whose names begin so below a folder."""
    for name, text in files(start).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


@dataclass(frozen=True)
class Site:
    """What pip installs packages into, a folder that is in `sys.path`."""

    folder: Path

    def install(self, package: str, projects: Path) -> None:
        """Write a package of the page below `projects`; build and install it, without network."""
        write(f"{package}/", projects)
        options = ("--no-index", "--no-deps", "--no-build-isolation", "--no-compile", "--quiet")
        where = ("--target", str(self.folder), str(projects / package))
        done = self.python("-m", "pip", "install", *options, *where)
        assert done.returncode == 0, done.stdout + done.stderr

    def follow(self, package: str) -> list[str]:
        """Do what the page says below a package, line by line.

        Commands run in processes of their own. Python runs in this one, which has imported already
        what takes seconds.

        Returns:
            What each has printed: on stderr, where it was refused.
        """
        printed = []
        for block in blocks():
            if (block.kind, block.package) != ("run", package):
                continue
            if block.language == "py":
                with contextlib.redirect_stdout(io.StringIO()) as stdout:
                    exec(block.text, {})
                printed.append(stdout.getvalue())
            else:
                lines = block.text.splitlines()
                printed += [self._equime(line, bool(block.said)) for line in lines]
        return printed

    def _equime(self, line: str, refused: bool) -> str:
        program, *arguments = shlex.split(line)
        assert program == "equime"
        done = self.python("-m", "equime_hub", *arguments)
        assert done.returncode == int(refused), done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr if refused else done.stdout

    def python(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Run Python in the working directory; it finds what is installed here."""
        paths = filter(None, (str(self.folder), str(ROOT), os.environ.get("PYTHONPATH")))
        return subprocess.run(
            [sys.executable, *arguments],
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths)},
            capture_output=True,
            text=True,
            check=False,
        )
