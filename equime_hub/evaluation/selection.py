"""Which epoch is reported: a rule with a name, chosen before the test is looked at.

- `last`: the last epoch. How many there are must not have been chosen by the test either.
- `inner-validation`: the best epoch on people who were taken out of the training part of the
  fold (`inner_folds`).
- `best-on-test`: the best epoch on the test itself. Published scores rise by 6 to 14 points of
  F1 by it (Varanka et al. 2023, Table 3), so it is refused unless one says `leaky`, and then the
  word stays with the result.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from math import isfinite

from equime_hub.errors import EquimeError
from equime_hub.splits import folds
from equime_hub.splits.folds import Fold

LAST = "last"
INNER_VALIDATION = "inner-validation"
BEST_ON_TEST = "best-on-test"
RULES = (LAST, INNER_VALIDATION, BEST_ON_TEST)

LEAKY = "leaky"


def select(scores: Sequence[float], rule: str, leaky: bool = False) -> int:
    """Choose an epoch; of equally good ones the first.

    Args:
        scores: One an epoch, in their order, of the part that the rule looks at; higher is better.
        rule: One of `RULES`.
        leaky: Allows `best-on-test`.

    Returns:
        Its index, from 0.

    Raises:
        EquimeError: No epoch, an unknown rule, `best-on-test` without `leaky`, or a score that is
            not finite where the rule looks at it.
    """
    stored_name(rule)
    if not scores:
        raise EquimeError("There is no epoch to select; train for at least one.")
    demand_leaky(rule, leaky)
    if rule == LAST:
        return len(scores) - 1
    for number, score in enumerate(scores):
        if not isfinite(score):
            part = "test" if is_leaky(rule) else "validation"
            raise EquimeError(
                f"Epoch {number} has the {part} score {score}; every epoch needs a finite one."
            )
    return scores.index(max(scores))


def inner_folds(
    fold: Fold,
    subjects: Sequence[str],
    k: int = 5,
    strata: Sequence[Hashable] | None = None,
    seed: int = 0,
) -> Iterator[Fold]:
    """Divide the training part of a fold again, by person: k times k - 1 parts to one.

    Folds with the same training rows are divided alike. One inner fold of k = 5 is DFME's 4:1.

    Args:
        fold: A fold of these rows; nothing of its test part is used.
        subjects: Person of every row, as for `splits.folds.k_folds`.
        k: How many inner folds.
        strata: One value a row, as for `k_folds`.
        seed: Breaks ties.

    Yields:
        Folds named "fold/inner-0", ...: `train` and `test` are the rows to train on and those to
        validate on, numbered as in `fold`.

    Raises:
        PlanError: Fewer than `k` people to train on, or what `k_folds` refuses.
    """
    rows = fold.train.tolist()
    own = None if strata is None else [strata[row] for row in rows]
    for number, inner in enumerate(folds.k_folds([subjects[row] for row in rows], k, own, seed)):
        name = f"{fold.name}/inner-{number}"
        yield Fold(name, fold.train[inner.train], fold.train[inner.test])


def stored_name(rule: str) -> str:
    """A rule as it is stored and printed; that of a leaky one says so.

    >>> stored_name("last"), stored_name("best-on-test")
    ('last', 'best-on-test (leaky)')

    Raises:
        EquimeError: There is no such rule.
    """
    plain = rule.removesuffix(f" ({LEAKY})")
    if plain not in RULES:
        raise EquimeError(f"There is no selection {rule!r}. Choose one of: {', '.join(RULES)}.")
    return f"{plain} ({LEAKY})" if is_leaky(plain) else plain


def is_leaky(rule: str | None) -> bool:
    """Whether a rule, as `RULES` or `stored_name` have it, looks at the test; None is unknown."""
    return rule is not None and rule.startswith(BEST_ON_TEST)


def demand_leaky(rule: str | None, leaky: bool) -> None:
    """Refuse a leaky rule that is not called so.

    Raises:
        EquimeError: The rule looks at the test and `leaky` is False.
    """
    if is_leaky(rule) and not leaky:
        raise EquimeError(
            f"{BEST_ON_TEST} chooses by the test that it reports. Choose {LAST} or "
            f"{INNER_VALIDATION}, or say leaky (leaky=True, --leaky): the word then stays with "
            "every score."
        )
