"""FACS codes of the annotation tables: `4+L10`, `R12A`, `4 or 7`, and what they say in numbers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass, replace

from equime_hub.errors import DatasetError
from equime_hub.loading_script.real.notes import say
from equime_hub.schema.taxonomy import AU_INDEX, AU_NUMBERS

INTENSITIES = {"A": 0.2, "B": 0.4, "C": 0.6, "D": 0.8, "E": 1.0}
"""FACS's five letters, trace to maximum, in equal steps."""

PRESENT = 0.5
"""Intensity of a unit without letter, as most tables write them: it is there, how much is not said.
The middle of the range, which no letter has, so that such units can be told apart."""

_UNIT = re.compile(
    r"(?:AU)?\s*(?P<side>[LRTB])?\s*(?:AU)?\s*(?P<number>\d{1,2})\s*(?P<intensity>[A-E])?"
    r"\s*(?P<marks>(?:\?|\(k\)|\s)*)",
    re.IGNORECASE,
)
_NOTHING = {"", "-", "/", "none"}


@dataclass(frozen=True)
class Code:
    """One action unit of a FACS code.

    Attributes:
        number: FACS number.
        side: "L" or "R" of the person's face, "T" or "B" for its upper or lower part; None is both.
        intensity: "A" (trace) to "E" (maximum); None if the coder wrote none.
        doubtful: Whether the coder set a "?" behind it.
        kept: Whether it carries 4DME's "(k)", which does not count as part of the expression.
        others: What it may be instead ("4 or 7" is 4 with others 7); they have no others.
    """

    number: int
    side: str | None = None
    intensity: str | None = None
    doubtful: bool = False
    kept: bool = False
    others: tuple[Code, ...] = ()


def parse(text: str | None, where: str = "") -> tuple[Code, ...]:
    """Read a FACS code; None, "", "-", "/" and "none" are no unit.

    Letter case, spaces, "AU" before a number and full-width signs do not matter.

    >>> [code.number for code in parse("4+L10")], parse("R12A")[0].intensity
    ([4, 10], 'A')

    Args:
        text: The cell as the release writes it.
        where: Its place, for the message: "SAMM_Micro_FACS_Codes_v2.xlsx I31".

    Raises:
        DatasetError: Some of it is no unit; nothing is dropped silently.
    """
    plain = unicodedata.normalize("NFKC", text or "").strip()
    if plain.lower() in _NOTHING:
        return ()
    codes = []
    for piece in re.split(r"[+,;、]", plain):
        first, *others = (
            _code(unit, text or "", where)
            for unit in re.split(r"\bor\b|(?<=\d)or(?=[\dLRTB])|或", piece, flags=re.IGNORECASE)
        )
        codes.append(replace(first, others=tuple(others)))
    return tuple(codes)


def _code(unit: str, text: str, where: str) -> Code:
    found = _UNIT.fullmatch(unit.strip())
    if not found:
        raise DatasetError(
            f"{where or 'An AU cell'} says {text!r}, of which {unit.strip()!r} is no action unit. "
            "Units look like 4, L10, R12A or 4?, with + between them."
        )
    marks = found["marks"].lower()
    return Code(
        int(found["number"]),
        found["side"] and found["side"].upper(),
        found["intensity"] and found["intensity"].upper(),
        doubtful="?" in marks,
        kept="k" in marks,
    )


def render(codes: Iterable[Code]) -> str:
    """The code in one spelling, which `parse` reads back.

    >>> render(parse("AU4，r12a or AU14 ?"))
    '4+R12A or 14?'
    """
    return "+".join(" or ".join(map(_unit, (code, *code.others))) for code in codes)


def _unit(code: Code) -> str:
    marks = "?" * code.doubtful + "(k)" * code.kept
    return f"{code.side or ''}{code.number}{code.intensity or ''}{marks}"


def vector(codes: Iterable[Code]) -> tuple[float, ...] | None:
    """What the units say as 17 intensities in [0, 1], in the order of `taxonomy.AU_NUMBERS`.

    Letters A to E are 0.2 to 1.0, a unit without letter is `PRESENT`; of two sides the stronger
    counts. Units outside the 17 (such as 24 and 38) and "(k)" units count nothing: they stay in the
    column `facs` only.

    >>> vector(parse("4+L10C+24"))[:8]
    (0.0, 0.0, 0.5, 0.0, 0.0, 0.0, 0.0, 0.6)

    Returns:
        The intensities. None without any unit, and None if it is not known which of the 17 there
        are: a "?" behind one, or an "or" between different ones.
    """
    values = [0.0] * len(AU_NUMBERS)
    known = False
    for code in codes:
        known = True
        meant = [each for each in (code, *code.others) if not each.kept]
        ours = {each.number for each in meant} & set(AU_INDEX)
        unsure = any(each.doubtful for each in meant) or len({each.number for each in meant}) > 1
        if ours and unsure:
            return None
        for number in ours:
            strength = max(INTENSITIES.get(each.intensity or "", PRESENT) for each in meant)
            values[AU_INDEX[number]] = max(values[AU_INDEX[number]], strength)
    return tuple(values) if known else None


def vector_of(text: str | None, where: str = "") -> tuple[float, ...] | None:
    """`vector` of a cell; None with a remark (`notes`) if the cell cannot be read.

    So one odd cell does not stop an import; its text stays in the column `facs`.
    """
    try:
        return vector(parse(text, where))
    except DatasetError as error:
        say(str(error))
        return None
