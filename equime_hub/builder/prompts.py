"""Words for a video model: what should move, and what should not.

Intensities and durations are worded in few steps, so that a large plan has few distinct prompts
and each is encoded once. Texts stay below the 128 tokens that LTX-Video reads.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from equime_hub.errors import PlanError
from equime_hub.files import beside
from equime_hub.schema.taxonomy import ACTION_UNITS, AU_NUMBERS, EMOTIONS, ActionUnit

_TEXTS = beside(__file__, "prompts.json")
VERSIONS: Mapping[str, str] = _TEXTS["versions"]
"""Style → version of its sentences; changes with any change of them."""

MAX_TOKENS = 128
"""Tokens that `LTXImageToVideoPipeline` reads, the end of the sentence included."""

BUDGET = 120
"""Tokens that a text may have by `tokens`, a reserve below `MAX_TOKENS`."""

README_TEMPLATES: Mapping[str, str] = _TEXTS["readme"]
"""How each template of EquiME's README ("Generation Prompts") goes on after `_README_START`, up
to where the README breaks off ("..."); the rest was not published."""
_README_START = "A professional static headshot showing "

_FRAMES: list[str] = _TEXTS["frames"]
"""From rich to terse: the first one that fits."""

_STRONG = 0.5
_STRENGTHS = (
    (0.15, "barely"),
    (0.25, "slightly"),
    (_STRONG, "visibly"),
    (float("inf"), "strongly"),
)
_TIMES = (
    (250.0, "a fifth of a second"),
    (400.0, "a third of a second"),
    (750.0, "half a second"),
    (1500.0, "a second"),
    (float("inf"), "a few seconds"),
)
_SIDES = {None: "", "left": " on the left", "right": " on the right"}

PUBLISHED_NEGATIVE: tuple[str, ...] = tuple(_TEXTS["negative"])
"""Negative prompt of EquiME's released script (generation_pipeline/inference_cropped.py)."""

_UNFIT = {*_TEXTS["of the photograph"], *_TEXTS["said otherwise"]}
_OURS: dict[str, list[int]] = _TEXTS["ours"]
"""Words, and the action units that ask for what they forbid."""


def prompt(
    emotion: str,
    au_apex: Sequence[float],
    *,
    style: str = "facs",
    side: Mapping[int, str] | None = None,
    timing: tuple[float, float, float] | None = None,
) -> str:
    """Text that describes the clip.

    "facs" names every active unit, the strongest first, and is always within `BUDGET` if no
    side is given; the rich sentence makes room for a terse one when nearly all units are active.
    "facs-timed" also words the duration, for models that know how long a second is.
    "equime-readme" is EquiME's template of the emotion. It knows no units, sides or times.

    Args:
        emotion: One of `EMOTIONS`; "others" is not named in the text.
        au_apex: 17 intensities in [0, 1], in the order of `AU_NUMBERS`.
        style: One of `VERSIONS`.
        side: "left" or "right" (of the person) by AU number; a unit without one has no side
            named, and the model moves both. Contempt is usually on one side (AU 12 and 14).
        timing: Onset, apex and offset in ms, for "facs-timed"; only the duration is worded, in
            five steps. Without it, "a fraction of a second".

    Raises:
        PlanError: An unknown emotion, style or side, a style without that emotion, no AU vector,
            times out of order, or sides that leave no room.
    """
    _demand(emotion in EMOTIONS, f"An emotion is one of {', '.join(EMOTIONS)}", emotion)
    _demand(style in VERSIONS, f"A style of prompts is one of {', '.join(VERSIONS)}", style)
    active = tuple((unit, _step(value, _STRENGTHS)) for unit, value in _active(au_apex))
    if style == "equime-readme":
        known = ", ".join(README_TEMPLATES)
        _demand(emotion in README_TEMPLATES, f"The README has templates for {known}", emotion)
        return _README_START + README_TEMPLATES[emotion]
    time = _time(timing if style == "facs-timed" else None)
    return _sentence(emotion, time, active, tuple((side or {}).items()))


@lru_cache(maxsize=4096)  # many clips have the same words
def _sentence(
    emotion: str,
    time: str,
    active: tuple[tuple[ActionUnit, str], ...],
    side: tuple[tuple[int, str], ...],
) -> str:
    words = {
        "emotion": "" if emotion == "others" else f"{emotion} ",
        "time": time,
        "movements": _movements(active, dict(side)),
    }
    texts = [frame.format(**words) for frame in _FRAMES]
    for text in texts:
        if tokens(text) <= BUDGET:
            return text
    raise PlanError(
        f"A prompt of about {tokens(texts[-1])} tokens is too long for the {BUDGET} there is room "
        f"for; name fewer sides: “{texts[-1]}”"
    )


def negative_prompt(au_apex: Sequence[float]) -> str:
    """What to avoid, without anything that `au_apex` asks for.

    It is `PUBLISHED_NEGATIVE` with these changes. What describes the photograph (light, clothing,
    makeup, pose) is dropped: the clip starts from it, and would have to leave it. So are "animation
    style" and "3d render", next to "cartoon" and "illustration". "Blink eye" becomes "blinking" and
    "closed eyes", unless AU 45 is active. "extreme expressions" stays unless a unit is at 0.5 or
    more. From the paper (§2.1.2) come "open mouth", unless AU 25 or 26 is active, and "visible
    teeth", unless AU 10, 25 or 26 is. "changed identity" is new.

    Args:
        au_apex: 17 intensities in [0, 1], in the order of `AU_NUMBERS`.

    Raises:
        PlanError: No AU vector.
    """
    active = _active(au_apex)
    strong = any(value >= _STRONG for _, value in active)
    return _unwanted(frozenset(unit.number for unit, _ in active), strong)


@lru_cache(maxsize=4096)
def _unwanted(numbers: frozenset[int], strong: bool) -> str:
    dropped = _UNFIT | set(_TEXTS["too strong"] if strong else ())
    kept = [words for words in PUBLISHED_NEGATIVE if words not in dropped]
    return ", ".join(kept + [words for words, units in _OURS.items() if numbers.isdisjoint(units)])


def texts(
    emotions: Sequence[str],
    au_apex: npt.NDArray[np.float64],
    times: npt.NDArray[np.float64],
    *,
    style: str = "facs",
) -> tuple[list[str], list[str]]:
    """Prompt and negative prompt of many clips; equal words are made once.

    Args:
        emotions: N names.
        au_apex: N×17, as for `prompt`.
        times: N×3: onset, apex and offset in ms.
        style: One of `VERSIONS`.

    Raises:
        PlanError: As `prompt`.
    """
    strengths, spans = ([limit for limit, _ in steps] for steps in (_STRENGTHS, _TIMES))
    steps = np.where(au_apex > 0, np.searchsorted(strengths, au_apex, side="right") + 1, 0)
    span = np.searchsorted(spans, times[:, 2] - times[:, 0], side="right")
    known: dict[tuple[str, bytes, int], tuple[str, str]] = {}
    found = []
    for row, key in enumerate(zip(emotions, map(bytes, steps.astype(np.uint8)), span, strict=True)):
        if key not in known:
            onset, apex, offset = times[row].tolist()
            words = prompt(key[0], au_apex[row], style=style, timing=(onset, apex, offset))
            known[key] = words, negative_prompt(au_apex[row])
        found.append(known[key])
    return [words for words, _ in found], [avoided for _, avoided in found]


def tokens(text: str) -> int:
    """Estimate from above how many T5 tokens a text has, the end of the sentence included.

    T5's vocabulary (google/t5-v1_1-xxl, SentencePiece) is not part of this package. Counted are
    four letters of a word begun, and every other mark. T5 keeps common words whole whatever their
    length, so that a text comes out too long, while a single short and rare word may come out too
    short. It is no proof: the text encoder counts for real, and refuses what is too long.

    >>> tokens("translate English to German: The house is wonderful.")  # T5: 11
    18
    """
    pieces = re.findall(r"[A-Za-z]+|[^A-Za-z\s]", text)
    return 1 + sum(-(-len(piece) // 4) for piece in pieces)


def _active(au_apex: Sequence[float]) -> list[tuple[ActionUnit, float]]:
    values = [float(value) for value in au_apex]
    _demand(
        len(values) == len(ACTION_UNITS) and all(0 <= value <= 1 for value in values),
        f"An AU vector is {len(ACTION_UNITS)} intensities in [0, 1]",
        values,
    )
    return [(unit, value) for unit, value in zip(ACTION_UNITS, values, strict=True) if value > 0]


def _movements(active: Sequence[tuple[ActionUnit, str]], side: Mapping[int, str]) -> str:
    """Phrases by strength and side: "jaw drops visibly, brows furrow and lips part slightly"."""
    for item in side.items():
        valid = item[0] in AU_NUMBERS and item[1] in ("left", "right")
        _demand(valid, "A side is left or right, by the number of an AU", item)
    groups: dict[str, list[str]] = {}
    for _, adverb in reversed(_STRENGTHS):
        for unit, strength in active:
            if strength == adverb:
                how = adverb + _SIDES[side.get(unit.number)]
                groups.setdefault(how, []).append(unit.phrase)
    parts = [f"{_listed(phrases)} {how}" for how, phrases in groups.items()]
    return ", ".join(parts) or "nothing moves"


def _listed(parts: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(parts[:-1]), parts[-1])))


def _time(timing: tuple[float, float, float] | None) -> str:
    if timing is None:
        return "a fraction of a second"
    onset, apex, offset = timing
    ordered = onset <= apex <= offset and onset < offset < float("inf")
    _demand(ordered, "Onset, apex and offset are times in this order, in ms", timing)
    return _step(offset - onset, _TIMES)


def _step(value: float, steps: Sequence[tuple[float, str]]) -> str:
    return next(words for limit, words in steps if value < limit)


def _demand(holds: bool, rule: str, got: object) -> None:
    if not holds:
        raise PlanError(f"{rule}; got {got!r}.")
