"""The expression-transfer grid of one person: a row an emotion, from onset to offset."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError
from equime_hub.reports.clips import ClipLabels, labels, videos
from equime_hub.reports.figures import ACCENT, INK, save
from equime_hub.video.clip import Clip
from equime_hub.video.sampling import uniform
from equime_hub.video.timing import milliseconds

_TIMES = ("onset_frame", "apex_frame", "offset_frame")
_COLUMNS = (
    "clip_id", "subject_id", "emotion", "facs", "accepted", "counterfactual_of", *_TIMES
)  # fmt: skip


@dataclass(frozen=True)
class GridRow:
    """One clip of a transfer grid.

    Attributes:
        title: Shown beside it, such as the emotion.
        subtitle: Shown under the title, such as the FACS code.
        clip: All frames.
        onset: First frame shown.
        apex: Frame of the strongest expression.
        offset: Last frame shown.
    """

    title: str
    subtitle: str
    clip: Clip
    onset: int
    apex: int
    offset: int


def grid_rows(folder: Path, subject: str | None = None) -> tuple[str, list[GridRow]]:
    """One clip an emotion of one person, emotions in alphabetical order as in the supplement.

    Of several clips of an emotion the first one that passed every gate is taken. Counterfactuals,
    and clips whose onset, apex or offset is unknown, are left out.

    Args:
        folder: A dataset; of its videos only the chosen ones are read.
        subject: Whose; None takes the first of those with the most emotions.

    Returns:
        The person and the rows.

    Raises:
        DatasetError: No dataset there, no such person, or no clip of theirs that can be shown.
    """
    from equime_hub.video.codec import decode

    people: dict[str, dict[str, ClipLabels]] = {}
    for row in labels(folder, _COLUMNS):
        clips = people.setdefault(row["subject_id"], {})
        if row["counterfactual_of"] is None and None not in [row[name] for name in _TIMES]:
            emotion = row["emotion"] or "unknown"
            if not clips.get(emotion, {}).get("accepted"):
                clips[emotion] = row if row["accepted"] else clips.get(emotion, row)
    if subject is None:
        subject = max(people, key=lambda person: len(people[person]))
    if subject not in people:
        raise DatasetError(
            f"{folder} has no person {subject!r}. Some of its {len(people):,} are: "
            + ", ".join(list(people)[:5])
            + "."
        )
    chosen = people[subject]
    if not chosen:
        raise DatasetError(
            f"No clip of {subject!r} in {folder} says where onset, apex and offset are."
        )
    files = videos(folder, {row["clip_id"] for row in chosen.values()})
    return subject, [
        GridRow(
            emotion,
            f"AU {row['facs']}" if row["facs"] else "",
            decode(files[row["clip_id"]]),
            *(row[name] for name in _TIMES),
        )
        for emotion, row in sorted(chosen.items())
    ]


def transfer_grid(rows: Sequence[GridRow], path: Path, *, columns: int = 7, title: str) -> None:
    """Draw clips as rows of evenly spaced frames, as figure 1 of the EquiME supplement does.

    A last column shows where the apex differs from the onset, because a micro-expression is
    hard to see in a still.

    Args:
        rows: One clip each.
        path: Its suffix is one of `SUFFIXES`.
        columns: Frames a row, evenly spaced from onset to offset.
        title: Above the figure.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.35 * (columns + 2.1), 1.52 * len(rows) + 0.75), dpi=110)
    FigureCanvasAgg(figure)
    axes = figure.subplots(
        len(rows), columns + 2, squeeze=False,
        gridspec_kw={"width_ratios": [0.9, *([1.0] * columns), 1.0]},
    )  # fmt: skip
    for line, row in zip(axes, rows, strict=True):
        line[0].text(0.98, 0.58, row.title, ha="right", va="center", size=11, color=INK,
                     weight="bold")  # fmt: skip
        line[0].text(0.98, 0.38, row.subtitle, ha="right", va="center", size=8, color=INK)
        indices = row.onset + uniform(row.offset - row.onset + 1, columns)
        nearest = indices[np.argmin(np.abs(indices - row.apex))]
        for axis, index in zip(line[1:-1], indices, strict=True):
            axis.imshow(row.clip.frames[index])
            is_apex = index == nearest
            axis.set_title(
                f"{milliseconds(int(index) - row.onset, row.clip.fps):.0f} ms",
                size=7.5, pad=2.5, color=ACCENT if is_apex else INK,
                weight="bold" if is_apex else "normal",
            )  # fmt: skip
        change = _difference(row)
        line[-1].imshow(change, cmap="magma", vmin=0, vmax=max(10.0, float(change.max())))
        line[-1].set_title("|apex − onset|", size=7.5, pad=2.5, color=INK)
    for axis in axes.flat:
        axis.set_axis_off()
    figure.suptitle(title, size=12, color=INK, weight="bold", y=0.988, va="top")
    figure.subplots_adjust(left=0.0, right=0.995, top=0.93, bottom=0.01, wspace=0.04, hspace=0.17)
    save(figure, path)


def _difference(row: GridRow) -> npt.NDArray[np.float64]:
    """Absolute change of brightness from onset to apex, smoothed against noise, H×W."""
    import cv2

    first, last = (row.clip.frames[i].mean(axis=2) for i in (row.onset, row.apex))
    return np.asarray(cv2.GaussianBlur(np.abs(last - first), (0, 0), 1.2), np.float64)
