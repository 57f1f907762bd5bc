"""What a keeper should look at before answering a request: it advises, and decides nothing.

The words and addresses that it looks for are in `advice.json`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files

from equime_hub.cards.policy import STUDENT, Policy, Question
from equime_hub.hub.requests import Request

_KNOWN = json.loads(files("equime_hub.hub").joinpath("advice.json").read_text("utf-8"))
FREE_MAIL = frozenset(_KNOWN["free_mail"])
"""Domains where anybody can have an address."""
FREE_MAIL_ANYWHERE = frozenset(_KNOWN["free_mail_anywhere"])
"""Providers that have such domains under many countries: yahoo.co.jp, hotmail.fr."""
WORDS: Mapping[str, list[str]] = _KNOWN["words"]
"""Use that the policy forbids → English words and phrases that may tell of it."""

_DESCRIPTIONS = ("research", "use")
"""Questions whose answers are searched for `WORDS`."""
_BLANK = frozenset({"", "-", "--", ".", "/", "?", "x", "n/a", "na", "n.a.", "none", "no", "nil"})
_TICKED = frozenset({"yes", "true", "on", "1"})
_ADDRESS = re.compile(r"[^\s@<>(),;:]+@([^\s@<>(),;:]+\.[^\s@<>(),;:.]+)")


@dataclass(frozen=True)
class Advice:
    """One thing to look at.

    Attributes:
        check: "missing", "not agreed", "supervisor", "free mail", "commercial", "surveillance" or
            "handle".
        about: Key of the question, or "email" for the account's address.
        text: One sentence; it may quote the answer.
    """

    check: str
    about: str
    text: str

    @property
    def code(self) -> str:
        """Check and question without anything of the answer, for the decision log."""
        return f"{self.check}: {self.about}"


def advise(request: Request, policy: Policy) -> tuple[Advice, ...]:
    """Compare the answers with the policy.

    Args:
        request: Of any status.
        policy: Its questions; what they have no key for is not checked.

    Returns:
        What to look at, in the order of the questions; empty if nothing stands out.
    """
    found = list(_account(request))
    for question in policy.questions:
        found += _question(request, question, policy)
    return tuple(found)


def answer(request: Request, question: Question) -> str:
    """What was answered to a question; empty if nothing was, or only "-", "none" or the like.

    The form may have had other capitals or spaces.
    """
    for text, value in request.answers.items():
        if _plain(text) == _plain(question.text):
            # As a country, NA is Namibia and NO is Norway.
            blank = question.kind == "text" and _plain(value) in _BLANK
            return "" if blank else value
    return ""


def unknown(request: Request, policy: Policy) -> tuple[tuple[str, str], ...]:
    """Questions and answers that are not the policy's, as of a form of other times."""
    asked = {_plain(question.text) for question in policy.questions}
    return tuple((text, a) for text, a in request.answers.items() if _plain(text) not in asked)


def _plain(text: str) -> str:
    return " ".join(text.split()).casefold()


def _account(request: Request) -> Iterator[Advice]:
    if request.email and (domain := _free_domain(request.email)):
        text = f"The account's e-mail address is at {domain}, where anybody can have one."
        yield Advice("free mail", "email", text)


def _question(request: Request, question: Question, policy: Policy) -> Iterator[Advice]:
    given = answer(request, question)
    if question.is_agreement:
        if _plain(given) not in _TICKED:
            yield Advice("not agreed", question.key, f"Not agreed to: {question.text}.")
    elif question.key == "supervisor":
        if not given and _is_student(request, policy):
            yield Advice("supervisor", question.key, "A student who names no supervisor.")
    elif not given:
        yield Advice("missing", question.key, f"Not answered: {question.text}.")
    elif question.key == "name":
        if _is_handle(given, request.username):
            text = f"The name {given!r} looks like that of an account, not of a person."
            yield Advice("handle", question.key, text)
    elif question.key in _DESCRIPTIONS:
        yield from _uses(question, given)
    if question.key in ("affiliation", "supervisor") and (domain := _free_domain(given)):
        text = f"An address at {domain}, where anybody can have one, stands for an institution's."
        yield Advice("free mail", question.key, text)


def _uses(question: Question, given: str) -> Iterator[Advice]:
    for use, words in WORDS.items():
        said = [word for word in words if _says(given, word)]
        if said:
            text = f"Words that may tell of {use} use: {', '.join(said)} ({question.text})."
            yield Advice(use, question.key, text)


def _says(text: str, word: str) -> bool:
    pattern = r"\s+".join(map(re.escape, word.split()))
    return re.search(rf"(?<!\w){pattern}(?!\w)", text, flags=re.IGNORECASE) is not None


def _is_student(request: Request, policy: Policy) -> bool:
    positions = [q for q in policy.questions if q.key == "position"]
    return any(_plain(answer(request, q)) == _plain(STUDENT) for q in positions)


def _free_domain(text: str) -> str | None:
    """The first free-mail domain of the addresses in a text, if no address is of another."""
    domains = [domain.casefold() for domain in _ADDRESS.findall(text)]
    free = [domain for domain in domains if _is_free(domain)]
    return free[0] if free and len(free) == len(domains) else None


def _is_free(domain: str) -> bool:
    name, _, rest = domain.partition(".")
    return domain in FREE_MAIL or (
        name in FREE_MAIL_ANYWHERE and re.fullmatch(r"com|net|(com?\.)?[a-z]{2}", rest) is not None
    )


def _is_handle(name: str, username: str | None) -> bool:
    one_word = len(name.split()) == 1
    return (
        name.casefold() == (username or "").casefold()
        or re.search(r"[\d_@#/]", name) is not None
        or (one_word and name.isascii() and (name.islower() or "." in name))
    )
