from __future__ import annotations

from collections.abc import Callable, Sequence
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from equime_hub.errors import EquimeError
from equime_hub.models import attacks as at
from equime_hub.models.attacks import Attack


class Linear(nn.Module):
    """Logits W x, with dropout and a normalisation that would move while training."""

    def __init__(self, extra: bool = False) -> None:
        super().__init__()
        self.norm = nn.BatchNorm1d(6) if extra else nn.Identity()
        self.drop = nn.Dropout(0.5) if extra else nn.Identity()
        self.weight = nn.Parameter(
            torch.randn(3, 6, generator=torch.Generator().manual_seed(1)) / 99
        )

    def forward(self, pixel_values: Tensor, mask: Tensor | None = None) -> Any:
        return SimpleNamespace(logits=self.drop(self.norm(pixel_values)) @ self.weight.T)


class Bent(Linear):
    """Not linear, so that one step is not the best."""

    def forward(self, pixel_values: Tensor, mask: Tensor | None = None) -> Any:
        return super().forward((pixel_values / 80).sin() * 99)


def batch(clips: int = 4) -> tuple[Tensor, Tensor]:
    drawn = torch.Generator().manual_seed(clips)
    return torch.rand(clips, 6, generator=drawn) * 255, torch.arange(clips) % 3


def losses(model: nn.Module, labels: Tensor) -> Callable[[Sequence[Tensor]], Tensor]:
    return lambda points: at.cross_entropies(
        model, {"pixel_values": torch.stack([*points])}, labels
    )


def test_fgsm_is_the_gradient_sign_written_out() -> None:
    model, (x, y) = Linear(), batch()
    # Of cross-entropy over W x: Wᵀ (softmax(W x) − one-hot).
    wrong = (x @ model.weight.T).softmax(-1) - torch.eye(3)[y]
    expected = (x + 0.5 * (wrong @ model.weight).sign()).clamp(0, 255)
    found = at.attacked(losses(model, y), [*x], Attack("fgsm", 0.5), low=0, high=255)
    torch.testing.assert_close(torch.stack(found), expected.detach())
    assert not any(point.requires_grad for point in found)


def test_an_attack_in_training_leaves_the_model_as_it_was() -> None:
    model, (x, y) = Linear(extra=True), batch()
    model.drop.eval()  # a part that somebody froze
    before = {name: value.clone() for name, value in model.state_dict().items()}
    of = losses(model, y)
    with at.predicting(model):
        found = at.attacked(of, [*x], Attack("fgsm", 1.0))
        assert (of(found) > of([*x])).all()
    assert model.training and model.norm.training and not model.drop.training
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())
    assert model.weight.grad is None


def test_pgd_is_at_least_as_bad_as_fgsm() -> None:
    model, (x, y) = Bent(), batch(12)
    of = losses(model, y)
    clean, one, many = (
        of(points)
        for points in (
            [*x],
            at.attacked(of, [*x], Attack("fgsm", 24.0), low=0, high=255),
            at.attacked(of, [*x], Attack("pgd", 24.0, steps=30), low=0, high=255),
        )
    )
    assert (many >= one).all() and (many > one + 1e-3).any()
    assert (many > clean + 0.1).all()


@settings(max_examples=30)
@given(
    kind=st.sampled_from(at.KINDS),
    epsilon=st.floats(0, 300),
    steps=st.integers(1, 4),
    step=st.none() | st.floats(0, 400),
)
def test_no_attack_leaves_the_ball_or_the_range(
    kind: at.Kind, epsilon: float, steps: int, step: float | None
) -> None:
    model, (x, y) = Bent(), batch()
    made = at.attacked(losses(model, y), [*x], Attack(kind, epsilon, steps, step), low=0, high=255)
    moved = torch.stack(made)
    assert (moved - x).abs().max() <= epsilon + 1e-4
    assert moved.min() >= 0 and moved.max() <= 255
    if epsilon == 0:
        assert torch.equal(moved, x)


def test_batches_change_nothing() -> None:
    model, (x, y) = Bent(), batch()
    names = list("abcd")
    for attack in (Attack("fgsm", 4.0), Attack("pgd", 4.0, 3)):
        whole = at.attacked(losses(model, y), [*x], attack, names=names)
        one = at.attacked(losses(model, y[2:3]), [x[2]], attack, names=["c"])
        torch.testing.assert_close(one[0], whole[2])


def test_clips_may_be_of_different_lengths() -> None:
    points = [torch.ones(2, 3), torch.ones(5, 3)]
    found = at.attacked(lambda p: torch.stack([t.square().sum() for t in p]), points,
                        Attack("pgd", 0.5, 4))  # fmt: skip
    assert [tuple(t.shape) for t in found] == [(2, 3), (5, 3)]
    assert all(torch.allclose(t, torch.tensor(1.5)) for t in found)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"kind": "deepfool", "epsilon": 1}, "fgsm or pgd"),
        ({"kind": "fgsm", "epsilon": -1}, "epsilon"),
        ({"kind": "pgd", "epsilon": float("nan")}, "epsilon"),
        ({"kind": "pgd", "epsilon": 1, "steps": 0}, "at least one step"),
        ({"kind": "pgd", "epsilon": 1, "step": float("inf")}, "step"),
    ],
)
def test_what_is_no_attack_is_refused(arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(EquimeError, match=said):
        Attack(**arguments)
