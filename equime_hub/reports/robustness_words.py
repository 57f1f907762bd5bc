"""What follows from the controls, in words.

No label tells how much of a face a model may read, so the bounds are ours: what a control leaves
of the score over guessing is little below a fifth of it, and much from a half on.
"""

from __future__ import annotations

from collections.abc import Iterator

from equime_hub.robustness.degradations import Degradation
from equime_hub.robustness.measure import Robustness

PARTLY, MOSTLY = 0.2, 0.5
"""Share of the score over guessing that a control keeps, from which our words change."""
_MEANING = {
    ("static", "half or more"): "this model may read faces, not motion.",
    ("static", "part"): "this model reads motion, and something of the face as well.",
    ("static", "little"): "without motion it knows next to nothing, as it should.",
    ("shuffled", "half or more"): "the order of frames hardly matters to this model; it may read "
    "single frames, or how far a face is from its first.",
    ("shuffled", "part"): "the order of frames matters to this model, and is not all it reads.",
    ("shuffled", "little"): "it needs the frames in their order.",
}


def verdicts(found: Robustness) -> Iterator[str]:
    """One sentence a control; one alone if clean clips give no more than guessing."""
    clean, guessing = found.clean, found.guessing
    controls = [each for each in found.conditions if each.kind == "control"]
    low = clean.part.scores["uf1"].low
    if controls and (clean.uf1 if low is None else low) <= guessing:
        yield (
            f"Clean clips give UF1 {clean.uf1:.2f} and guessing {guessing:.2f}: no more than "
            "guessing can be told from that, so the controls say nothing."
        )
        return
    for each in controls:
        kind = each.done.kind if isinstance(each.done, Degradation) else ""
        share = (each.uf1 - guessing) / (clean.uf1 - guessing)
        amount = "half or more" if share >= MOSTLY else "part" if share >= PARTLY else "little"
        yield (
            f"The {kind} control keeps {each.uf1 / clean.uf1:.2f} of UF1 ({each.uf1:.2f} of "
            f"{clean.uf1:.2f}; guessing gives {guessing:.2f}): {_MEANING[kind, amount]}"
        )
