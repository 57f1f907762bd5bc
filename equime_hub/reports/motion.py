"""How the faces of chosen clips move: curves, planned and estimated times, and a name for it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from equime_hub.errors import DatasetError
from equime_hub.progress import Progress, watched
from equime_hub.reports.clips import ClipLabels, labels, videos
from equime_hub.reports.figures import COLUMN, INK, PALETTE, canvas, panels
from equime_hub.schema.records import Landmarks
from equime_hub.tables import markdown, number
from equime_hub.video.motion import Motion, classify, estimate
from equime_hub.video.timing import milliseconds

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FindFace = Callable[[npt.NDArray[np.uint8], bool], Landmarks | None]
"""Finds the face in a clip's first frame, H×W×3 RGB; told whether that is an aligned face, as
it is in every generated clip. None if there is no face.

A dataset does not hold landmarks. Where alignment puts an average face is near enough: against
the landmarks of the plan, 60 clips of 12 drawn people got the same kind and an apex at most one
frame away from the planned one, with nine amplitudes of ten within 0.70 to 1.19 of what they
should be, half of them within 0.86 to 1.03. Landmarks found by `locate` did a little worse."""

Times = tuple[int | None, int | None, int | None]
"""Frames of onset, apex and offset; None where unknown."""

_TIMES = ("onset_frame", "apex_frame", "offset_frame")
_COLUMNS = (
    "clip_id", "subject_id", "emotion", "facs", "fps", "accepted", "apex_source", "generator",
    *_TIMES,
)  # fmt: skip
_CURVES: dict[str, dict[str, Any]] = {
    "brow": {"color": PALETTE[0]},
    "eye": {"color": PALETTE[2]},
    "mouth": {"color": PALETTE[1]},
    "head": {"color": "#7d7d7d", "linestyle": (0, (3, 1.2))},
}
"""How attributes of `Motion` are drawn."""
_SHADE = "#e9ecef"


@dataclass(frozen=True, eq=False)
class Course:
    """The motion of one clip.

    Attributes:
        row: What the dataset says of it; its emotion is "unknown" if it has none.
        motion: What is measured, on the decoded frames.
    """

    row: ClipLabels
    motion: Motion

    @property
    def told(self) -> Times:
        """What the dataset says of the times."""
        onset, apex, offset = (self.row[name] for name in _TIMES)
        return onset, apex, offset

    @property
    def kind(self) -> str:
        """What the motion is called, one of `equime_hub.video.motion.KINDS`."""
        return classify(self.motion)

    @property
    def found(self) -> Times:
        """The estimated times."""
        return self.motion.onset_frame, self.motion.apex_frame, self.motion.offset_frame


def courses(
    folder: Path,
    find_face: FindFace,
    *,
    clips: Sequence[str] = (),
    number: int = 6,
    progress: Progress | None = None,
) -> list[Course]:
    """Measure clips of a dataset.

    Args:
        folder: The dataset; of its videos only the chosen ones are read.
        find_face: Finds where to measure.
        clips: Their `clip_id`; none chooses `number` clips that passed every gate, of as many
            emotions and then as many people as there are.
        number: How many, if they are not named.
        progress: Told of clips.

    Raises:
        DatasetError: No dataset there, no such clip, none that passed, or no face in a clip.
        VideoError: A clip cannot be decoded or measured.
    """
    from equime_hub.video.codec import decode

    rows = labels(folder, _COLUMNS)
    chosen = _named(folder, rows, clips) if clips else _spread(folder, rows, number)
    files = videos(folder, [row["clip_id"] for row in chosen])
    found = []
    for row in watched(chosen, progress):
        frames = decode(files[row["clip_id"]]).frames
        face = find_face(frames[0], row["generator"] is not None)
        if face is None:
            raise DatasetError(
                f"No face is found in the first frame of clip {row['clip_id']}. Choose other "
                "clips with --clip."
            )
        row["emotion"] = row["emotion"] or "unknown"
        found.append(Course(row, estimate(frames, row["fps"], face)))
    return found


def _named(folder: Path, rows: Sequence[ClipLabels], clips: Sequence[str]) -> list[ClipLabels]:
    known = {row["clip_id"]: row for row in rows}
    if missing := [clip for clip in clips if clip not in known]:
        raise DatasetError(
            f"{folder} has no clip {', '.join(missing)}. Some of its {len(known):,} are: "
            f"{', '.join(list(known)[:3])}."
        )
    return [known[clip] for clip in dict.fromkeys(clips)]


def _spread(folder: Path, rows: Sequence[ClipLabels], number: int) -> list[ClipLabels]:
    """The next clip is always of the rarest emotion so far, and then of the rarest person."""
    left = [row for row in rows if row["accepted"]]
    if not left:
        raise DatasetError(
            f"No clip of {folder} passed every gate. Name the clips to look at with --clip."
        )
    chosen: list[ClipLabels] = []
    seen: Counter[tuple[str, str | None]] = Counter()
    for _ in range(min(number, len(left))):
        row = min(left, key=lambda r: [seen[name, r[name]] for name in ("emotion", "subject_id")])
        left.remove(row)
        chosen.append(row)
        seen.update((name, row[name]) for name in ("emotion", "subject_id"))
    return chosen


def as_markdown(found: Sequence[Course]) -> str:
    """A line a clip. Times are in milliseconds from the first frame, as told → as estimated."""
    header = ["clip", "person", "emotion", "AUs", "motion", "amplitude (IOD)", "peak to noise",
              *(f"{name} (ms)" for name in ("onset", "apex", "offset")),
              "width (ms)", "returned (%)", "head (IOD)"]  # fmt: skip
    rows = []
    for course in found:
        row, motion = course.row, course.motion
        rows.append([
            row["clip_id"], row["subject_id"], row["emotion"], row["facs"] or "–", course.kind,
            number(motion.amplitude, 3), number(motion.peak_to_noise, 3),
            *(f"{_ms(told, motion.fps)} → {_ms(here, motion.fps)}"
              for told, here in zip(course.told, course.found, strict=True)),
            _whole(motion.fwhm_ms), _whole(motion.returned and 100 * motion.returned),
            number(motion.head_motion, 3),
        ])  # fmt: skip
    return markdown(header, rows, left=5)


def _ms(frame: int | None, fps: float) -> str:
    return _whole(None if frame is None else milliseconds(frame, fps))


def _whole(value: float | None) -> str:
    return "–" if value is None else f"{value:.0f}"


def as_json(found: Sequence[Course]) -> dict[str, Any]:
    """The same and the curves as plain values: IODs at milliseconds from the first frame."""
    return {"clips": [_plain(course) for course in found]}


def _plain(course: Course) -> dict[str, Any]:
    motion = course.motion
    curves = {name: getattr(motion, name).round(6).tolist() for name in ("expression", *_CURVES)}
    return {
        **{name: course.row[name] for name in ("clip_id", "subject_id", "emotion", "facs")},
        "source": course.row["apex_source"],
        "kind": course.kind,
        "told": dict(zip(_TIMES, course.told, strict=True)),
        "estimated": dict(zip(_TIMES, course.found, strict=True)),
        **{name: getattr(motion, name)
           for name in ("fps", "amplitude", "peak_to_noise", "duration_ms", "fwhm_ms", "returned",
                        "head_motion", "seen")},
        "curves": {"ms": _clock(motion).round(3).tolist(), **curves},
    }  # fmt: skip


def _clock(motion: Motion) -> npt.NDArray[np.float64]:
    """Milliseconds of every frame from the first."""
    return milliseconds(np.arange(len(motion.expression)), motion.fps)


def draw(found: Sequence[Course], path: Path) -> None:
    """Draw the curves, one panel a clip, all to one scale.

    Shaded is the time from onset to offset that the dataset tells, with a line at its apex; the
    bar on top is what is estimated.

    Args:
        found: At least one.
        path: Its suffix is one of `figures.SUFFIXES`.
    """
    columns = min(len(found), 2 if len(found) == 4 else 3)
    rows = -(-len(found) // columns)
    width = COLUMN if columns == 1 else 2 * COLUMN
    with canvas(width, 1.55 * rows + (0.95 if columns == 1 else 0.55), path) as figure:
        axes = panels(figure, len(found), columns, sharey=True)
        for panel, course in zip(axes, found, strict=True):
            _panel(panel, course)
        low = min(getattr(c.motion, name).min() for c in found for name in _CURVES)
        high = max(getattr(c.motion, name).max() for c in found for name in _CURVES)
        axes[0].set_ylim(low - 0.05 * (high - low), high + 0.2 * max(high - low, 1e-3))
        for panel in axes[-columns:]:
            panel.set_xlabel("time (ms)", labelpad=1.5)
        for panel in axes[::columns]:
            panel.set_ylabel("motion (IOD)", labelpad=2)
        handles, names = _legend({course.row["apex_source"] for course in found})
        figure.legend(handles, names, loc="outside upper center", ncols=3 if columns == 1 else 7,
                      handlelength=1.6, columnspacing=1.4)  # fmt: skip


def _panel(panel: Axes, course: Course) -> None:
    motion, clock = course.motion, _clock(course.motion)
    onset, apex, offset = course.told
    if onset is not None and offset is not None:
        panel.axvspan(clock[onset], clock[offset], color=_SHADE, linewidth=0)
    if apex is not None:
        panel.axvline(clock[apex], color=INK, linewidth=0.6)
    for name, style in _CURVES.items():
        panel.plot(clock, getattr(motion, name), linewidth=1.0, **style)
    rail = panel.get_xaxis_transform()
    ends = [clock[frame] for frame in course.found[::2] if frame is not None]
    if motion.apex_frame is not None:
        reach = [*ends, clock[motion.apex_frame]]
        panel.plot([min(reach), max(reach)], [0.94] * 2, color=INK, linewidth=0.8, transform=rail)
        panel.plot(ends, [0.94] * len(ends), "|", color=INK, markersize=5, transform=rail)
        panel.plot(clock[motion.apex_frame], 0.94, "D", color=INK, markersize=3, transform=rail)
    panel.set_xlim(0, clock[-1])
    aus = f", AU {course.row['facs']}" if course.row["facs"] else ""
    panel.set_title(f"{course.row['emotion']}{aus}", loc="left", weight="bold", pad=10)
    panel.text(0, 1.03, _subtitle(course), size=6, transform=panel.transAxes)


def _subtitle(course: Course) -> str:
    motion = course.motion
    parts = [course.kind, f"{motion.amplitude:.3f} IOD"]
    if motion.duration_ms is not None:
        parts.append(f"{motion.duration_ms:.0f} ms")
    if motion.fwhm_ms is not None:
        parts.append(f"width {motion.fwhm_ms:.0f} ms")
    return " · ".join(parts)


def _legend(sources: set[str | None]) -> tuple[list[Any], list[str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    said = next(iter(sources)) if len(sources) == 1 else None
    said = said or "labelled"
    marks = {
        f"{said} onset to offset": Patch(color=_SHADE),
        f"{said} apex": Line2D([], [], color=INK, linewidth=0.6),
        "estimated here": Line2D([], [], color=INK, linewidth=0.8, marker="D", markersize=3),
    }
    lines = [Line2D([], [], linewidth=1.0, **style) for style in _CURVES.values()]
    return [*lines, *marks.values()], [*_CURVES, *marks]
