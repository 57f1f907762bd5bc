"""Whether the weights that training began with have seen the test."""

from __future__ import annotations

from collections.abc import Iterator
from unicodedata import normalize

import numpy as np

from equime_hub.evaluation.lint.finding import Found, rule, unchecked
from equime_hub.evaluation.lint.leaks import Reason, leaking
from equime_hub.evaluation.lint.run import Run
from equime_hub.evaluation.rows import PRETRAIN, TEST


@rule("error", "Kapoor & Narayanan 2023, leakage L3.2; self-supervision on all of CAS(ME)³")
def pretraining(run: Run) -> Iterator[Found]:
    """The weights were pretrained on no clip, person or source image of the test."""
    wanted: set[Reason] = {"clip", "counterfactual", "macro", "person", "image"}
    for fold, clips in leaking(run, wanted, PRETRAIN, TEST):
        sentence = f"Clips of pretraining with people or images of the test: {len(clips):,}."
        yield Found(sentence, fold.title, clips)
    declared = run.manifest.pretraining
    tested, pretrained = (_datasets(run, role) for role in (TEST, PRETRAIN))
    if declared is None and not pretrained:
        yield unchecked("run.json does not say pretraining.")
    tested |= set(run.manifest.test_sets or ())
    told = {plain(name) for name in pretrained}
    for name in sorted(tested):
        if plain(name) in set(map(plain, declared or ())) - told:
            yield Found(
                f"The weights were pretrained on {name}, which is tested, and no rows with the "
                "role pretrain say that the people of the test were left out."
            )


def plain(name: str) -> str:
    """Name of a dataset without capitals, spaces, dashes and superscripts.

    >>> plain("MiE-X"), plain("CAS(ME)³"), plain("cas(me)_3")
    ('miex', 'cas(me)3', 'cas(me)3')
    """
    return "".join(c for c in normalize("NFKC", name).lower() if c not in " -_")


def _datasets(run: Run, role: int) -> set[str]:
    """Datasets of the clips that have a role in any fold."""
    found = np.zeros(len(run.rows.clips), bool)
    for fold in run.rows:
        found |= fold.has(role)
    names = run.column("source_dataset").filter(found).unique().drop_null().to_pylist()
    return set(names)
