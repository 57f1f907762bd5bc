"""What a dataset cannot show, and what must not be done with it."""

from __future__ import annotations

from equime_hub.cards import people
from equime_hub.cards.making import DRAWN
from equime_hub.cards.statistics import LONGEST_MS, Statistics
from equime_hub.cards.text import joined, listed, share
from equime_hub.schema.taxonomy import EMOTION_PRESETS


def values(statistics: Statistics) -> dict[str, str]:
    """What the card says about limits and ethics."""
    return {
        "limits": listed(filter(None, _limits(statistics))),
        "ethics": _faces(statistics),
    }


def is_synthetic(statistics: Statistics) -> bool:
    """Whether all clips were generated."""
    return set(statistics.claims["label_source"]) == {"synthetic"}


def _limits(statistics: Statistics) -> list[str]:
    generated = statistics.claims["label_source"].get("synthetic", 0)
    absent = [name for name in EMOTION_PRESETS["basic-7"] if name not in statistics.emotions]
    generators = {str(settings[0]).split()[0] for settings in statistics.settings}
    return [
        "The labels of synthetic clips say what was asked of the generator: nobody has looked at "
        "each clip and agreed. Test a model that was trained on them on real recordings before "
        "any claim."
        if generated
        else "",
        people.limit(statistics),
        "Apparent gender, age and race are coarse classes, and say nothing about how a person sees "
        "themselves."
        if statistics.filled.get("gender") or statistics.filled.get("race")
        else "",
        f"{share(statistics.too_long, statistics.durations.n)} of the expressions last longer "
        f"than {LONGEST_MS:.0f} ms, and are slow by any definition of a micro-expression."
        if statistics.durations and statistics.too_long
        else "",
        "`warp` moves the pixels of one picture: no wrinkle, tooth or shadow comes that was not "
        "there."
        if "warp" in generators
        else "",
        "Some faces are drawn by a program. They are for trying things out: what is learned from "
        "them says nothing about people."
        if any(source == DRAWN for source, _ in statistics.sources)
        else "",
        f"There is no clip of {joined(absent, 'or')}." if absent else "",
    ]


def _faces(statistics: Statistics) -> str:
    real = [source for source, _ in statistics.sources if source != DRAWN]
    if not real:
        return "No person is shown: every face is drawn by a program."
    pictured = (
        "The faces are photographs of real people, who never made these expressions"
        if is_synthetic(statistics)
        else "The clips show real people, some of them in recordings that they agreed to"
    )
    return f"{pictured} (source images: {joined(sorted(set(real)))}). Treat them as personal data."
