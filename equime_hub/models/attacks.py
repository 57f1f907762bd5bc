"""Adversarial attacks: the worst that small changes of its input can do to a model.

FGSM (Goodfellow et al. 2015) goes one step along the sign of the loss's gradient. PGD (Madry et
al. 2018) goes many smaller ones from a random place, and stays in the ball. Both are given the
weights (white box), and both keep to L∞: no value changes by more than epsilon.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import inf, isfinite
from typing import TYPE_CHECKING, Any, Literal, get_args

from equime_hub import seeds
from equime_hub.errors import EquimeError

if TYPE_CHECKING:
    from torch import Tensor
    from torch.nn import Module

Kind = Literal["fgsm", "pgd"]
KINDS: tuple[Kind, ...] = get_args(Kind)

Losses = Callable[[Sequence["Tensor"]], "Tensor"]
"""Points of B clips, one tensor each, to their B losses."""

_REACH = 2.5
"""PGD's steps together over epsilon, so that every place of the ball can be reached: Madry's."""


@dataclass(frozen=True)
class Attack:
    """One attack.

    Attributes:
        kind: "fgsm" or "pgd".
        epsilon: Farthest that a value may move, in the unit of what is attacked.
        steps: Of PGD.
        step: How far each of them goes; None is 2.5 epsilon / steps.

    Raises:
        EquimeError: No such kind, a negative or infinite number, or no step.
    """

    kind: Kind
    epsilon: float
    steps: int = 10
    step: float | None = None

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise EquimeError(f"There is no attack {self.kind!r}. Choose {' or '.join(KINDS)}.")
        for name, value in (("epsilon", self.epsilon), ("step", self.step or 0.0)):
            if not (isfinite(value) and value >= 0):
                raise EquimeError(f"{name} of an attack is a number from 0 on, got {value}.")
        if self.steps < 1:
            raise EquimeError(f"PGD goes at least one step, got {self.steps}.")

    @property
    def words(self) -> str:
        """What it is, for a table."""
        steps = "" if self.kind == "fgsm" else f"-{self.steps}"
        return f"{self.kind.upper()}{steps}, ε = {self.epsilon:g}"


def attacked(
    losses: Losses,
    clean: Sequence[Tensor],
    attack: Attack,
    *,
    low: float = -inf,
    high: float = inf,
    names: Sequence[str] | None = None,
) -> list[Tensor]:
    """Attack some clips, each by itself: how they are put into batches changes nothing.

    Args:
        losses: What is to grow; differentiable.
        clean: One tensor a clip, of any shapes; not changed.
        attack: How.
        low: Smallest value that a tensor may hold.
        high: Largest.
        names: Of the clips, which seed PGD's random starts; None numbers them.

    Returns:
        New tensors. PGD's are, for each clip, those with the largest loss among the clean ones,
        FGSM's and all on its way, so that it is never the weaker attack.
    """
    import torch

    def moved(here: Sequence[Tensor], slopes: Sequence[Tensor], step: float) -> list[Tensor]:
        """A step along the signs of the slopes, kept in the ball around the start and in range."""
        return [
            (point + step * slope.sign())
            .clamp(start - attack.epsilon, start + attack.epsilon)
            .clamp(low, high)
            for point, start, slope in zip(here, clean, slopes, strict=True)
        ]

    clean_losses, slopes = _slopes(losses, clean)
    once = moved(clean, slopes, attack.epsilon)
    if attack.kind == "fgsm":
        return once
    with torch.no_grad():
        worst, most = _worse(clean, clean_losses, once, losses(once))
    step = _REACH * attack.epsilon / attack.steps if attack.step is None else attack.step
    names = names or [str(number) for number in range(len(clean))]
    here = [
        (point + attack.epsilon * _uniform(point, name)).clamp(low, high)
        for point, name in zip(clean, names, strict=True)
    ]
    for _ in range(attack.steps):
        found, slopes = _slopes(losses, here)
        worst, most = _worse(worst, most, here, found)
        here = moved(here, slopes, step)
    with torch.no_grad():
        return _worse(worst, most, here, losses(here))[0]


def cross_entropies(model: Module, inputs: Mapping[str, Any], labels: Tensor) -> Tensor:
    """The loss of each clip, B."""
    from torch.nn.functional import cross_entropy

    given = {key: value for key, value in inputs.items() if key != "labels"}
    return cross_entropy(model(**given).logits.float(), labels, reduction="none")


@contextlib.contextmanager
def predicting(model: Module) -> Iterator[None]:
    """Let a model predict inside the block; afterwards each part is in the mode it was in."""
    modes = [(part, part.training) for part in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _uniform(like: Tensor, name: str) -> Tensor:
    """Numbers in [-1, 1) of the shape and on the device of a tensor."""
    import torch

    drawn = seeds.generator("pgd", name).uniform(-1, 1, tuple(like.shape))
    return torch.from_numpy(drawn).to(like)


def _worse(
    old: Sequence[Tensor], most: Tensor, new: Sequence[Tensor], found: Tensor
) -> tuple[list[Tensor], Tensor]:
    """For each clip the one of two points with the larger loss, and that loss."""
    import torch

    larger = (found > most).tolist()
    points = [n if more else o for o, n, more in zip(old, new, larger, strict=True)]
    return points, torch.maximum(most, found)


def _slopes(losses: Losses, points: Sequence[Tensor]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """Losses, and the gradient of each by its own clip; gradients of weights are not touched."""
    import torch

    # New leaves: the slopes are those of the points, not of what they were made from.
    leaves = [point.detach().requires_grad_() for point in points]
    with torch.enable_grad():
        found = losses(leaves)
        slopes = torch.autograd.grad(found.sum(), leaves)
    return found.detach(), slopes
