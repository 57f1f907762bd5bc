"""Loss and UF1 of every epoch as a figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from equime_hub.reports.figures import COLUMN, INK, PALETTE, canvas

_PARTS = {"train": PALETTE[0], "validation": PALETTE[1], "test": PALETTE[2]}
_PANELS = {"loss": "cross-entropy", "uf1": "UF1"}
_DOT: dict[str, Any] = {
    "linestyle": "none", "marker": "o", "markersize": 3.5, "markeredgecolor": INK,
    "markeredgewidth": 0.5,
}  # fmt: skip


History = Sequence[Mapping[str, float]]
"""One training, an entry an epoch: "train_loss", "validation_uf1" and so on where they were
measured, and "chosen", which is true for the epoch that is reported."""


def draw(histories: Sequence[History], path: Path, title: str = "") -> None:
    """Draw trainings over each other: each as a thin line, and their mean as a thick one.

    The mean goes as far as half of them do. A dot is the epoch that is reported; with many
    trainings, it is the middle one.

    Args:
        histories: At least one.
        path: Its suffix is one of `figures.SUFFIXES`.
        title: Above both panels.
    """
    with canvas(2 * COLUMN, 0.62 * COLUMN, path) as figure:
        axes = figure.subplots(1, 2)
        for axis, (score, name) in zip(axes, _PANELS.items(), strict=True):
            for part, colour in _PARTS.items():
                _part(axis, histories, f"{part}_{score}", part, colour)
            axis.set(xlabel="epoch", ylabel=name)
            axis.margins(x=0.02)
            axis.xaxis.get_major_locator().set_params(integer=True)
        axes[0].set_ylim(bottom=0)
        axes[1].set_ylim(0, 1.02)
        lines, labels = axes[0].get_legend_handles_labels()
        if len(lines) > 1:  # a dot is on what is not training
            lines.append(axes[0].plot([], [], color="white", **_DOT)[0])
            labels.append("epoch that is reported")
        figure.legend(lines, labels, loc="outside upper right", ncols=len(labels))
        if title:
            axes[0].set_title(title, loc="left", weight="bold")


def _part(axis: Any, histories: Sequence[History], key: str, label: str, colour: str) -> None:
    table = _table(histories, key)
    if not np.isfinite(table).any():
        return
    epochs = np.arange(1, table.shape[1] + 1)
    if len(table) > 1:
        axis.plot(epochs, table.T, color=colour, linewidth=0.4, alpha=max(0.12, 0.6 / len(table)))
    known = np.isfinite(table).sum(axis=0)
    far = known * 2 >= len(table)
    mean = np.nansum(table[:, far], axis=0) / known[far]
    axis.plot(epochs[far], mean, color=colour, linewidth=1.2, label=label)
    if key.startswith("train"):
        return
    chosen = int(np.median([_chosen(history) for history in histories]))
    if chosen < len(mean):
        axis.plot(epochs[chosen], mean[chosen], color=colour, clip_on=False, zorder=3, **_DOT)


def _chosen(history: History) -> int:
    return next((place for place, epoch in enumerate(history) if epoch.get("chosen")), 0)


def _table(histories: Sequence[History], key: str) -> npt.NDArray[np.float64]:
    """Trainings × epochs; NaN where nothing was measured."""
    table = np.full((len(histories), max(map(len, histories))), np.nan)
    for row, history in zip(table, histories, strict=True):
        row[: len(history)] = [epoch.get(key, np.nan) for epoch in history]
    return table
