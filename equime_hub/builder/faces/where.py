"""Choosing images by their attributes: `Smiling=-1 and not (Eyeglasses=1 or Blurry=1)`.

::

    or      = and ("or" and)*
    and     = not ("and" not)*
    not     = "not" not | "(" or ")" | clause
    clause  = name ("=" | "!=") ("1" | "-1")

`and` binds tighter than `or`, `not` tighter than both; their case does not matter, that of names
does. An attribute is 1 where it holds and -1 where it does not, as CelebA writes it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import NoReturn

import numpy as np
import numpy.typing as npt

from equime_hub.errors import FaceError

Columns = Mapping[str, npt.NDArray[np.int8]]
"""Attribute → its value for every image, 1 or -1."""
Chosen = npt.NDArray[np.bool_]

MAX_DEPTH = 100
"""How deep parentheses and `not` may nest."""

_TOKEN = re.compile(r"\s*(!=|==|=|[()]|[+-]?\w+|\S)")
_WORDS = ("and", "or", "not", "(", ")", "=", "==", "!=")


@dataclass(frozen=True)
class Clause:
    """An attribute that must have a value, or must not."""

    name: str
    value: int
    equal: bool = True

    def __str__(self) -> str:
        return f"{self.name}{'=' if self.equal else '!='}{self.value}"

    def clauses(self) -> Iterator[Clause]:
        """Itself."""
        yield self

    def chosen(self, columns: Columns) -> Chosen:
        """Which images it holds for."""
        found: Chosen = (columns[self.name] == self.value) == self.equal
        return found


@dataclass(frozen=True)
class Not:
    """What must not hold."""

    part: Where

    def __str__(self) -> str:
        return f"not {_bracketed(self.part)}"

    def clauses(self) -> Iterator[Clause]:
        """All clauses in it, as written."""
        yield from self.part.clauses()

    def chosen(self, columns: Columns) -> Chosen:
        """Which images it holds for."""
        return ~self.part.chosen(columns)


@dataclass(frozen=True)
class Both:
    """Two conditions joined by `and` or `or`."""

    left: Where
    word: str
    right: Where

    def __str__(self) -> str:
        return f"{_bracketed(self.left)} {self.word} {_bracketed(self.right)}"

    def clauses(self) -> Iterator[Clause]:
        """All clauses in it, in the order written."""
        yield from self.left.clauses()
        yield from self.right.clauses()

    def chosen(self, columns: Columns) -> Chosen:
        """Which images it holds for."""
        left, right = self.left.chosen(columns), self.right.chosen(columns)
        return left & right if self.word == "and" else left | right


Where = Clause | Not | Both


def parse(text: str, names: Collection[str]) -> Where:
    """Read a condition.

    Args:
        text: Such as `Smiling=-1 and Eyeglasses=-1`.
        names: The attributes there are.

    Raises:
        FaceError: No condition, or an attribute that is not there; the message says where.
    """
    return _Parser(text, names).whole()


def _bracketed(part: Where) -> str:
    return f"({part})" if isinstance(part, Both) else str(part)


class _Parser:
    """Recursive descent over the tokens of one text; `place` is the next one."""

    def __init__(self, text: str, names: Collection[str]) -> None:
        self.text, self.names = text, names
        self.tokens = [(found[1], found.start(1)) for found in _TOKEN.finditer(text)]
        self.place = self.depth = 0

    def whole(self) -> Where:
        found = self._either()
        if self.place < len(self.tokens):
            self._refuse("'and', 'or' or the end")
        return found

    def _either(self) -> Where:
        found = self._both()
        while self._take("or"):
            found = Both(found, "or", self._both())
        return found

    def _both(self) -> Where:
        found = self._one()
        while self._take("and"):
            found = Both(found, "and", self._one())
        return found

    def _one(self) -> Where:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FaceError(f"--where nests deeper than {MAX_DEPTH}; write it flatter.")
        found: Where
        if self._take("not"):
            found = Not(self._one())
        elif self._take("("):
            found = self._either()
            if not self._take(")"):
                self._refuse("')'")
        else:
            found = self._clause()
        self.depth -= 1
        return found

    def _clause(self) -> Clause:
        name = self._next()
        if name in ("", *_WORDS):
            self._refuse("the name of an attribute")
        if name not in self.names:
            close = get_close_matches(name, self.names, 3, 0.5)
            raise FaceError(
                f"--where asks for {name!r}, which is no attribute; choose one of: "
                f"{', '.join(close or self.names)}."
            )
        self.place += 1
        equal = self._take("=") or self._take("==")
        if not equal and not self._take("!="):
            self._refuse(f"'=' or '!=' after {name}")
        value = self._next()
        if value not in ("1", "+1", "-1"):
            self._refuse(f"1 (it holds) or -1 (it does not) for {name}")
        self.place += 1
        return Clause(name, int(value), equal)

    def _next(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def _take(self, word: str) -> bool:
        found = self._next().lower() == word
        self.place += found
        return found

    def _refuse(self, expected: str) -> NoReturn:
        if self.place < len(self.tokens):
            token, start = self.tokens[self.place]
            got = f"{token!r} at character {start + 1}"
        else:
            got = "its end"
        raise FaceError(f"--where {self.text!r} cannot be read: expected {expected}, got {got}.")
