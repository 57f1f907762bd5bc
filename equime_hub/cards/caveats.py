"""What a dataset cannot show, and what must not be done with it."""

from __future__ import annotations

from equime_hub.cards.making import DRAWN
from equime_hub.cards.statistics import Statistics
from equime_hub.cards.text import joined
from equime_hub.schema.taxonomy import EMOTION_PRESETS


def values(statistics: Statistics) -> dict[str, object]:
    """What the card says about limits and ethics."""
    sources = {source for source, _ in statistics.sources}
    absent = [name for name in EMOTION_PRESETS["basic-7"] if name not in statistics.emotions]
    return {
        "generated": "synthetic" in statistics.claims["label_source"],
        "coarse": statistics.filled.get("gender") or statistics.filled.get("race"),
        "warped": "warp" in {str(settings[0]).split()[0] for settings in statistics.settings},
        "drawn": DRAWN in sources,
        "absent": joined(absent, "or"),
        "only_drawn": sources <= {DRAWN},
        "synthetic": is_synthetic(statistics),
        "filmed": not is_synthetic(statistics),
        "photographs": joined(sorted(sources - {DRAWN})),
    }


def is_synthetic(statistics: Statistics) -> bool:
    """Whether all clips were generated."""
    return set(statistics.claims["label_source"]) == {"synthetic"}
