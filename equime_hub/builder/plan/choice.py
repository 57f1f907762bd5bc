"""Which clips are planned: limits and balance, applied to what the faces offer.

Whoever is left out is left out by a hash of seed and name, evenly over splits and groups, so
that a smaller limit takes a part of what a larger one takes. Inside a group people take turns:
everybody gets one of each emotion before anybody gets a second. What a group cannot give is
reported and never made up elsewhere.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TypeVar

from equime_hub import seeds
from equime_hub.builder.plan.balance import Group, PlanBalance, label
from equime_hub.builder.plan.config import PlanConfig
from equime_hub.errors import PlanError
from equime_hub.schema.records import Face

Item = TypeVar("Item", bound=Hashable)


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


Offer = tuple[Group, int]
"""What allotting needs to know of a person: the group, and the clips with one for each face,
emotion and repeat."""


@dataclass(frozen=True)
class Wish:
    """One clip to plan.

    Attributes:
        face: Whose.
        emotion: Which.
        repeat: From 0, counted for the face and emotion.
    """

    face: Face
    emotion: str
    repeat: int

    @property
    def name(self) -> tuple[str, str, str, int]:
        """Sets it apart from all others."""
        return (self.face.subject_id, self.face.source_image, self.emotion, self.repeat)


def choose(
    faces: Sequence[Face], splits: Mapping[str, str], config: PlanConfig
) -> tuple[list[Wish], tuple[Quota, ...]]:
    """Clips in the order of the faces, and what every group got.

    Args:
        faces: All there are.
        splits: Split of every person.
        config: Limits and balance.

    Raises:
        PlanError: The balance cannot be had, see `allot`.
    """
    images = Counter(face.subject_id for face in faces)
    groups = {face.subject_id: config.balance.group(face) for face in faces}
    order = list(groups)
    if config.limit_people is not None or not config.balance.takes_all:
        people_in = ((who, (*group, splits[who])) for who, group in groups.items())
        order = interleaved(people_in, config.seed, "person")
    set_size = len(config.emotions) * config.repeats
    people = {who: (groups[who], images[who] * set_size) for who in order[: config.limit_people]}
    clips, quotas = allot(config.balance, people, config.weights())
    wishes = list(_wishes(faces, images, clips))
    if config.limit_clips is not None and config.limit_clips < len(wishes):
        named = ((w.name, (w.emotion, splits[w.face.subject_id])) for w in wishes)
        kept = set(interleaved(named, config.seed, "clip")[: config.limit_clips])
        wishes = [wish for wish in wishes if wish.name in kept]
    return wishes, quotas


def allot(
    balance: PlanBalance, people: Mapping[str, Offer], emotions: Mapping[str, float]
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
        rounds = {who: divmod(offer, len(emotions)) for who, (_, offer) in people.items()}
        if not any(rest for _, rest in rounds.values()):  # turns would end here, only later
            return {who: dict.fromkeys(emotions, whole) for who, (whole, _) in rounds.items()}, ()
    members: defaultdict[Group, list[str]] = defaultdict(list)
    for subject, (group, _) in people.items():
        members[group].append(subject)
    room = _room(balance, people)
    capacity = {group: sum(room[who] for who in members[group]) for group in members}
    shares = _shares(balance, capacity)
    # The group that runs out first, at these shares, says how many clips there can be in all.
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
    # What is cut off most comes first.
    rest = sorted(exact, key=lambda item: parts[item] - exact[item])  # ties: as they came
    for item in rest[: total - sum(parts.values())]:
        parts[item] += 1
    return parts


def _room(balance: PlanBalance, people: Mapping[str, Offer]) -> dict[str, int]:
    """Most clips of each person."""
    most = balance.max_clips_per_person
    offers = {subject: offer for subject, (_, offer) in people.items()}
    if most is None:
        return offers
    if balance.rule == "as-is" and balance.clips is None:
        return {subject: min(offer, most) for subject, offer in offers.items()}
    return dict.fromkeys(offers, most)


def _shares(balance: PlanBalance, capacity: Mapping[Group, int]) -> dict[Group, Fraction]:
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
    balance: PlanBalance,
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


def interleaved(items: Iterable[tuple[Item, Hashable]], seed: int, what: str) -> list[Item]:
    """Items in an order whose every beginning holds each group near its share.

    Args:
        items: Each with its group; items and groups can be written as JSON.
        seed: Chooses the order inside a group, and where the group begins.
        what: Sets this order apart from others of the same seed.
    """
    ranked: defaultdict[Hashable, list[tuple[int, Item]]] = defaultdict(list)
    for item, group in items:
        ranked[group].append((seeds.derive(seed, what, item), item))  # type: ignore[arg-type]
    placed = []
    for group, members in ranked.items():
        # Not always at the same place: otherwise small groups would be late in every order.
        start = seeds.derive(seed, what, "start", group) / 2**63  # type: ignore[arg-type]
        for place, (rank, item) in enumerate(sorted(members)):
            placed.append(((place + start) / len(members), rank, item))
    return [item for _, _, item in sorted(placed)]


def _wishes(
    faces: Sequence[Face], images: Mapping[str, int], clips: Mapping[str, Mapping[str, int]]
) -> Iterator[Wish]:
    """Clips of a person go round their images before any image is used again."""
    seen: Counter[str] = Counter()
    for face in faces:
        who = face.subject_id
        place, count = seen[who], images[who]
        seen[who] += 1
        for emotion, number in clips.get(who, {}).items():
            for repeat in range(-(-(number - place) // count)):
                yield Wish(face, emotion, repeat)
