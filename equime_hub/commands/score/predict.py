"""`equime predict`: which expression videos show, when it begins, culminates and ends."""

from __future__ import annotations

import csv
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from equime_hub.commands.common import counted, json_option, progress_bar, report, talk
from equime_hub.commands.score.score_options import OUT
from equime_hub.files import write_text

if TYPE_CHECKING:
    from equime_hub.prediction.video import Reading
    from equime_hub.reports.strip import Strip

TIMES = ("onset", "apex", "offset")
MOST = 40
"""Videos that one picture shows."""


def _picture(ctx: click.Context, param: click.Parameter, path: Path | None) -> Path | None:
    if path and path.suffix not in (".png", ".svg", ".pdf"):
        raise click.BadParameter(f"{path.name!r} does not end in .png, .svg, .pdf.")
    return path


@click.command(
    short_help="Say what videos show: emotion, onset, apex, offset.",
    epilog="""\b
Examples:
  equime predict clip.mp4
  equime predict recordings/ --model runs/evolution/model --csv told.csv
  equime predict slow.mp4 --fps 240 --model ORG/simple3dcnn --strip slow.png""",
)
@click.argument(
    "videos", metavar="VIDEO...", nargs=-1, required=True, type=click.Path(path_type=Path)
)
@click.option(
    "--model", metavar="MODEL", help="Saved model or run: folder or Hub id; without, only motion."
)
@click.option(
    "--fps",
    type=click.FloatRange(min=0, min_open=True),
    show_default="what the file says",
    help="Frames per second of the scene; slow-motion files say another rate.",
)
@click.option("--device", show_default="the first GPU, or cpu", help="Such as cuda:1.")
@json_option
@click.option("--csv", "as_csv", type=OUT, help="Write a table with a row a video.")
@click.option(
    "--strip",
    type=OUT,
    callback=_picture,
    help="Draw faces with onset, apex and offset, and the curve of motion: PNG, SVG or PDF.",
)
@click.pass_context
def predict(
    ctx: click.Context,
    videos: tuple[Path, ...],
    model: str | None,
    fps: float | None,
    device: str | None,
    as_json: bool,
    as_csv: Path | None,
    strip: Path | None,
) -> None:
    """Look at each VIDEO, a file or a folder of them, of any rate and size.

    The face is found in the first frame. Onset, apex and offset are estimated from how it moves
    against that frame. With --model each video also gets an emotion. Videos that cannot be read
    are told of in the table; the exit code is then 1.
    """
    from equime_hub.prediction import video as reading

    paths = reading.found_in(videos)
    if strip and len(paths) > MOST:
        raise click.UsageError(
            f"--strip shows up to {MOST} videos, and these are {len(paths):,}; name fewer."
        )
    opened = None
    if model is not None:
        from equime_hub.models import saved as saved_model

        opened = saved_model.load(model, device)
    found: list[Reading] = []
    with progress_bar("predict", "videos") as progress:
        for path in paths:
            progress(len(found), len(paths))
            found.append(reading.read(path, opened, fps=fps, pictures=strip is not None))
        progress(len(found), len(paths))
    if as_json:
        report({"model": model, "videos": [_plain(each) for each in found]})
    else:
        click.echo(_table(found))
    if as_csv:
        write_text(as_csv, _csv(found, () if opened is None else opened.classes))
    readable = [each for each in found if each.trouble is None]
    if strip and readable:
        from equime_hub.reports.strip import draw

        draw([_strip(each) for each in readable], strip)
    for file in (as_csv, strip if readable else None):
        if file:
            talk(f"Written: {file}")
    if broken := len(found) - len(readable):
        talk(f"{counted(broken, 'video', 'videos')} of {len(found):,} cannot be read.")
        ctx.exit(1)


def _table(found: list[Reading]) -> str:
    from equime_hub.tables import markdown

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
    return markdown(header, rows, left=len(header))


def _when(each: Reading, name: str) -> str:
    frame = getattr(each.moments, name)
    return "–" if frame is None else f"{frame} ({each.ms(frame):,.0f} ms)"


def _plain(each: Reading) -> dict[str, Any]:
    if each.trouble is not None:
        return {"video": each.path, "error": each.trouble}
    motion = each.motion
    return {
        "video": each.path,
        "error": None,
        "frames": each.frames,
        "fps": each.fps,
        "width": each.size[0],
        "height": each.size[1],
        "measured": {"first_frame": each.window[0], "last_frame": each.window[1] - 1},
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


def _csv(found: list[Reading], classes: tuple[str, ...]) -> str:
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


def _strip(each: Reading) -> Strip:
    from equime_hub.reports.strip import Strip

    assert each.pictures is not None
    marks = {name: each.ms(getattr(each.moments, name)) for name in TIMES}
    about = [each.path.name, f"{each.frames:,} frames", f"{each.fps:g} fps",
             f"{each.size[0]}×{each.size[1]}"]  # fmt: skip
    if each.emotion is not None and each.kind is not None:
        about.append(each.kind)
    measured = {}
    if each.motion is not None:
        first, end = each.window
        measured = {"clock": each.clock[first:end], "motion": each.motion.expression}
    return Strip(
        title=each.emotion or each.kind or "no motion measured",
        subtitle="   ".join(about),
        pictures=each.pictures,
        times=[float(each.clock[place]) for place in each.places],
        marks={name: time for name, time in marks.items() if time is not None},
        chances=each.probabilities,
        notes=each.notes,
        **measured,
    )
