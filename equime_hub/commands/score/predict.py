"""`equime predict`: which expression videos show, when it begins, culminates and ends."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.exceptions import Exit

from equime_hub.commands.common import counted, progress_bar, report, talk
from equime_hub.commands.figures import Figure
from equime_hub.commands.options import Device, OutFile, command
from equime_hub.commands.score.score_options import talk_of
from equime_hub.files import write_text
from equime_hub.progress import watched
from equime_hub.tables import markdown

if TYPE_CHECKING:
    from equime_hub.prediction.video import VideoReading

TIMES = ("onset", "apex", "offset")
MOST = 40
"""Videos that one picture shows."""


@command(
    "Say what videos show: emotion, onset, apex, offset.",
    json="table",
    videos={"metavar": "VIDEO..."},
    model={"metavar": "MODEL"},
    fps={"type": click.FloatRange(min=0, min_open=True)},
    table={"called": "csv"},
)
def predict(
    videos: tuple[Path, ...],
    *,
    model: str | None = None,
    fps: float | None = None,
    device: Device | None = None,
    table: OutFile | None = None,
    strip: Figure | None = None,
) -> None:
    """Look at each VIDEO, a file or a folder of them, of any rate and size.

    The face is found in the first frame. Onset, apex and offset are estimated from how it moves
    against that frame. With --model each video also gets an emotion. Videos that cannot be read
    are told of in the table; the exit code is then 1.

    Options:
        model: Saved model or run: folder or Hub id; without, only motion.
        fps: Frames per second of the scene; slow-motion files say another rate.
            [default: what the file says]
        table: Write a table with a row a video.
        strip: Draw faces with onset, apex and offset, and the curve of motion: PNG, SVG or PDF.

    Examples:
        equime predict clip.mp4
        equime predict recordings/ --model runs/evolution/model --csv told.csv
        equime predict slow.mp4 --fps 240 --model ORG/simple3dcnn --strip slow.png
    """
    from equime_hub.prediction.video import found_in, read

    paths = found_in(videos)
    if strip and len(paths) > MOST:
        raise click.UsageError(
            f"--strip shows up to {MOST} videos, and these are {len(paths):,}; name fewer."
        )
    opened = None
    if model is not None:
        from equime_hub.models import saved

        opened = saved.load(model, device)
    with progress_bar("predict", "videos") as progress:
        found = [
            read(path, opened, fps=fps, pictures=strip is not None)
            for path in watched(paths, progress)
        ]
    report({"model": model, "videos": [_plain(each) for each in found]}, _table(found))
    if table:
        write_text(table, _csv(found, () if opened is None else opened.classes))
    readable = [each for each in found if each.trouble is None]
    if strip and readable:
        from equime_hub.reports.strip import draw

        draw(readable, strip)
    talk_of((table, strip if readable else None))
    if broken := len(found) - len(readable):
        talk(f"{counted(broken, 'video', 'videos')} of {len(found):,} cannot be read.")
        raise Exit(1)


def _table(found: list[VideoReading]) -> str:
    header = ["video", "emotion", "onset", "apex", "offset", "motion", "frames", "fps", "remarks"]
    rows = []
    for each in found:
        if each.trouble is not None:
            rows.append([each.path.name, *["–"] * 7, each.trouble])
            continue
        emotion = "–" if each.emotion is None else (
            f"{each.emotion} {each.probabilities[each.emotion]:.2f}"
        )  # fmt: skip
        rows.append([
            each.path.name, emotion, *(_when(each, name) for name in TIMES), each.kind or "–",
            f"{each.frames:,}", f"{each.fps:g}", " ".join(each.notes),
        ])  # fmt: skip
    return markdown(header, rows, left=len(header))  # frames with milliseconds are words, too


def _when(each: VideoReading, name: str) -> str:
    frame = getattr(each.moments, name)
    return "–" if frame is None else f"{frame} ({each.ms(frame):,.0f} ms)"


def _plain(each: VideoReading) -> dict[str, Any]:
    if each.trouble is not None:
        return {"video": each.path, "error": each.trouble}
    motion, (width, height), (first, end) = each.motion, each.size, each.window
    return {
        "video": each.path,
        "error": None,
        "frames": each.frames,
        "fps": each.fps,
        "width": width,
        "height": height,
        "measured": {"first_frame": first, "last_frame": end - 1},
        "face": each.face,
        "emotion": each.emotion,
        "probabilities": each.probabilities,
        **{f"{name}_frame": getattr(each.moments, name) for name in TIMES},
        **{f"{name}_ms": each.ms(getattr(each.moments, name)) for name in TIMES},
        "motion": each.kind,
        "amplitude": None if motion is None else motion.amplitude,
        "curve": None if motion is None else motion.expression.round(5).tolist(),
        "notes": each.notes,
    }


def _csv(found: list[VideoReading], classes: tuple[str, ...]) -> str:
    names = [
        "video", "error", "emotion", *(f"p({name})" for name in classes),
        *(f"{name}_{unit}" for name in TIMES for unit in ("frame", "ms")),
        "motion", "amplitude", "frames", "fps", "width", "height", "face",
    ]  # fmt: skip
    text = StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for each in found:
        chances = {f"p({name})": chance for name, chance in each.probabilities.items()}
        writer.writerow({**_plain(each), **chances})
    return text.getvalue()
