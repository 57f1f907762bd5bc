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
from collections.abc import Mapping
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


def select(text: str, columns: Columns) -> tuple[Chosen, dict[str, int]]:
    """Which images a condition chooses, and how many each of its clauses does by itself.

    Args:
        text: Such as `Smiling=-1 and Eyeglasses=-1`.
        columns: The attributes there are.

    Raises:
        FaceError: No condition, or an attribute that is not there; the message says where.
    """
    parser = _Parser(text, columns)
    found = parser.either()
    if parser.place < len(parser.tokens):
        parser.refuse("'and', 'or' or the end")
    return found, parser.clauses


class _Parser:
    """Recursive descent over the tokens of one text; `place` is the next one.

    Conditions are applied to the columns as they are read, so no tree of them is kept.
    """

    def __init__(self, text: str, columns: Columns) -> None:
        self.text, self.columns = text, columns
        self.clauses: dict[str, int] = {}
        self.tokens = [(found[1], found.start(1)) for found in _TOKEN.finditer(text)]
        self.place = self.depth = 0

    def either(self) -> Chosen:
        found = self._both()
        while self._take("or"):
            found = found | self._both()
        return found

    def _both(self) -> Chosen:
        found = self._one()
        while self._take("and"):
            found = found & self._one()
        return found

    def _one(self) -> Chosen:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise FaceError(f"--where nests deeper than {MAX_DEPTH}; write it flatter.")
        if self._take("not"):
            found = ~self._one()
        elif self._take("("):
            found = self.either()
            if not self._take(")"):
                self.refuse("')'")
        else:
            found = self._clause()
        self.depth -= 1
        return found

    def _clause(self) -> Chosen:
        name = self._next()
        if name in ("", *_WORDS):
            self.refuse("the name of an attribute")
        if name not in self.columns:
            close = get_close_matches(name, self.columns, 3, 0.5)
            raise FaceError(
                f"--where asks for {name!r}, which is no attribute; choose one of: "
                f"{', '.join(close or self.columns)}."
            )
        self.place += 1
        equal = self._take("=") or self._take("==")
        if not equal and not self._take("!="):
            self.refuse(f"'=' or '!=' after {name}")
        value = self._next()
        if value not in ("1", "+1", "-1"):
            self.refuse(f"1 (it holds) or -1 (it does not) for {name}")
        self.place += 1
        chosen = (self.columns[name] == int(value)) == equal
        self.clauses[f"{name}{'=' if equal else '!='}{int(value)}"] = int(chosen.sum())
        return np.asarray(chosen)

    def _next(self) -> str:
        return self.tokens[self.place][0] if self.place < len(self.tokens) else ""

    def _take(self, word: str) -> bool:
        found = self._next().lower() == word
        self.place += found
        return found

    def refuse(self, expected: str) -> NoReturn:
        if self.place < len(self.tokens):
            token, start = self.tokens[self.place]
            got = f"{token!r} at character {start + 1}"
        else:
            got = "its end"
        raise FaceError(f"--where {self.text!r} cannot be read: expected {expected}, got {got}.")
