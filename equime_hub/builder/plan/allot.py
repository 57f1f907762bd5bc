"""Who gets how many clips: shares of groups made into clips of persons.

Inside a group people take turns: everybody gets one of each emotion before anybody gets a second.
What a group cannot give is reported and never made up elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from equime_hub.builder.plan.balance import Balance, Group, label
from equime_hub.errors import PlanError

Item = TypeVar("Item")


@dataclass(frozen=True)
class Quota:
    """What a group was to get and what it got.

    Attributes:
        group: Its values, separated by commas.
        wanted: Clips by its share.
        got: Clips planned.
        people: People there are.
        reason: Why it got less, or nothing; None if it got all.
    """

    group: str
    wanted: int
    got: int
    people: int
    reason: str | None = None


@dataclass(frozen=True)
class Person:
    """What allotting needs to know of a person.

    Attributes:
        group: As `Balance.group` says.
        offer: Clips with one for each face, emotion and repeat.
    """

    group: Group
    offer: int


def allot(
    balance: Balance, people: Mapping[str, Person], emotions: Mapping[str, float]
) -> tuple[dict[str, dict[str, int]], tuple[Quota, ...]]:
    """Clips of every person and emotion.

    Args:
        balance: The rule.
        people: By subject, in the order in which their turn comes.
        emotions: Weights, positive, in any unit.

    Returns:
        Subject → emotion → clips, without those who get none; and a quota for every group, or
        none if everything is taken as it is.

    Raises:
        PlanError: A group with a share has nobody, nobody's group is known, or there are fewer
            clips than groups that should get equally many.
    """
    if balance.takes_all and len(set(emotions.values())) == 1:
        rounds = {who: divmod(person.offer, len(emotions)) for who, person in people.items()}
        if not any(rest for _, rest in rounds.values()):  # turns would end here, only later
            return {who: dict.fromkeys(emotions, whole) for who, (whole, _) in rounds.items()}, ()
    members: defaultdict[Group, list[str]] = defaultdict(list)
    for subject, person in people.items():
        members[person.group].append(subject)
    room = _room(balance, people)
    capacity = {group: sum(room[who] for who in members[group]) for group in members}
    shares = _shares(balance, capacity)
    most = min(capacity[group] * sum(shares.values()) / share for group, share in shares.items())
    wanted = apportion(balance.clips or int(most), shares)
    turns = _Turns(emotions)
    for group in wanted:
        turns.give(min(wanted[group], capacity[group]), members[group], room)
    if balance.rule == "as-is" and balance.clips is None:
        return turns.given, ()
    return turns.given, tuple(_quotas(balance, wanted, capacity, members))


def apportion(total: int, shares: Mapping[Item, Fraction]) -> dict[Item, int]:
    """Whole numbers in the ratio of the shares, by largest remainders; they sum to `total`.

    >>> apportion(10, {"a": Fraction(1), "b": Fraction(1), "c": Fraction(1)})
    {'a': 4, 'b': 3, 'c': 3}
    """
    whole = sum(shares.values())
    exact = {item: total * share / whole for item, share in shares.items()}
    parts = {item: int(value) for item, value in exact.items()}
    rest = sorted(exact, key=lambda item: parts[item] - exact[item])  # ties: as they came
    for item in rest[: total - sum(parts.values())]:
        parts[item] += 1
    return parts


def _room(balance: Balance, people: Mapping[str, Person]) -> dict[str, int]:
    """Most clips of each person."""
    most = balance.max_clips_per_person
    offers = {subject: person.offer for subject, person in people.items()}
    if most is None:
        return offers
    if balance.rule == "as-is" and balance.clips is None:
        return {subject: min(offer, most) for subject, offer in offers.items()}
    return dict.fromkeys(offers, most)


def _shares(balance: Balance, capacity: Mapping[Group, int]) -> dict[Group, Fraction]:
    """Shares above 0, in the order of the taxonomy."""
    if balance.rule == "targets":
        shares = {target.group: Fraction(target.share) for target in balance.targets}
        wanted = [group for group in balance.groups if shares.get(group)]
        empty = [label(group) for group in wanted if group not in capacity]
        if empty:
            raise PlanError(
                f"Groups have a share but nobody in them ({len(empty)}): "
                f"{'; '.join(empty[:5])}{'; …' if len(empty) > 5 else ''}. Take them out, or "
                "bring faces of such people."
            )
        return {group: shares[group] for group in wanted}
    groups = [group for group in balance.groups if group in capacity]
    if balance.rule == "as-is":
        return {group: Fraction(capacity[group]) for group in groups}
    known = [group for group in groups if group != balance.unknown]
    if not known:
        raise PlanError(
            f"There is nobody whose {', '.join(balance.by)} are known, so nothing can be "
            "balanced. Declare them (--subjects), measure them (equime attributes), or plan as is."
        )
    if balance.clips is not None and balance.clips < len(known):
        raise PlanError(
            f"A uniform plan over {len(known)} groups needs at least {len(known)} clips, got "
            f"{balance.clips}."
        )
    return dict.fromkeys(known, Fraction(1))


def _quotas(
    balance: Balance,
    wanted: Mapping[Group, int],
    capacity: Mapping[Group, int],
    members: Mapping[Group, Sequence[str]],
) -> Iterable[Quota]:
    for group in balance.groups:
        want, people = wanted.get(group, 0), len(members.get(group, ()))
        got = min(want, capacity.get(group, 0))
        reason = None
        if not people:
            reason = "nobody"
        elif group not in wanted:
            reason = "not all known" if group == balance.unknown else "no share"
        elif got < want:
            reason = "people used up"
        if people or group != balance.unknown:
            yield Quota(label(group), want, got, people, reason)


class _Turns:
    """Hands out clips; remembers who has what.

    The emotion of a clip is one that the person is owed; among those, what the group lacks most,
    then what all lack most. So a person has every emotion before any twice (with equal weights),
    and the totals stay even too.
    """

    def __init__(self, emotions: Mapping[str, float]) -> None:
        whole = sum(emotions.values())
        self._weights = {emotion: weight / whole for emotion, weight in emotions.items()}
        self._all: Counter[str] = Counter()
        self.given: dict[str, dict[str, int]] = {}

    def give(self, clips: int, people: Sequence[str], room: Mapping[str, int]) -> None:
        """Give a group its clips; they fit in its room."""
        group: Counter[str] = Counter()
        has = {who: 0 for who in people}
        while clips:
            for who in people:
                turn = min(len(self._weights), room[who] - has[who], clips)
                if turn:
                    own = self.given.setdefault(who, dict.fromkeys(self._weights, 0))
                    for done in range(turn):
                        self._one(own, has[who] + done, group)
                    has[who] += turn
                    clips -= turn

    def _one(self, own: dict[str, int], count: int, group: Counter[str]) -> None:
        owed = [e for e, weight in self._weights.items() if weight * (count + 1) - own[e] > 1e-9]
        in_group, in_all = group.total() + 1, self._all.total() + 1

        def need(emotion: str) -> tuple[float, float]:
            weight = self._weights[emotion]
            return weight * in_group - group[emotion], weight * in_all - self._all[emotion]

        chosen = max(owed, key=need)
        for counts in (own, group, self._all):
            counts[chosen] += 1
