"""Which clips are planned: limits and balance, applied to what the faces offer.

Whoever is left out is left out by a hash of seed and name, evenly over splits and groups, so
that a smaller limit takes a part of what a larger one takes.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

from equime_hub import seeds
from equime_hub.builder.plan.allot import Person, Quota, allot
from equime_hub.builder.plan.config import PlanConfig
from equime_hub.schema.records import Face

Item = TypeVar("Item", bound=Hashable)


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
    people = {
        who: Person(groups[who], images[who] * set_size) for who in order[: config.limit_people]
    }
    clips, quotas = allot(config.balance, people, config.weights())
    wishes = list(_wishes(faces, images, clips))
    if config.limit_clips is not None and config.limit_clips < len(wishes):
        named = ((w.name, (w.emotion, splits[w.face.subject_id])) for w in wishes)
        kept = set(interleaved(named, config.seed, "clip")[: config.limit_clips])
        wishes = [wish for wish in wishes if wish.name in kept]
    return wishes, quotas


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
