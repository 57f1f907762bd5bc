"""Names of people across datasets: "casme2/sub01" is one person, "sub01" may be anybody's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from equime_hub.errors import PlanError


def full_name(dataset: str | None, subject: str) -> str:
    """`dataset/subject`; the subject alone if the dataset is unknown or stands in it already.

    >>> full_name("casme2", "sub01"), full_name("casme2", "casme2/sub01"), full_name(None, "sub01")
    ('casme2/sub01', 'casme2/sub01', 'sub01')
    """
    return subject if not dataset or subject.startswith(f"{dataset}/") else f"{dataset}/{subject}"


@dataclass(frozen=True)
class People:
    """Some people, found by either form of their name.

    Two names mean one person if they are equal, or if one of them names no dataset and equals the
    other's part after the last slash. So a name without dataset is taken for that person of any
    dataset: better a clip dropped than a test person trained on.

    Attributes:
        names: Names as given, and the subjects of those that name a dataset.
        anywhere: Names that name no dataset.
    """

    names: frozenset[str]
    anywhere: frozenset[str]

    @classmethod
    def of(cls, names: Iterable[str]) -> People:
        """People of these names.

        Raises:
            PlanError: One text was given instead of a list.
        """
        if isinstance(names, str):
            raise PlanError(f"People are given as a list of names, got the text {names!r}.")
        given = frozenset(names)
        return cls(given | set(map(_subject, given)), frozenset(n for n in given if "/" not in n))

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and (name in self.names or _subject(name) in self.anywhere)


def _subject(name: str) -> str:
    return name.rpartition("/")[2]
