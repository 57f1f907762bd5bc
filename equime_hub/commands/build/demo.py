"""`equime demo`: the whole way, from faces to `load_dataset`, in one command."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from shlex import quote
from typing import Any

from equime_hub.builder import plan as plans
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.plan import PlanConfig
from equime_hub.builder.render import RenderConfig
from equime_hub.cards.statistics import Statistics
from equime_hub.commands.build import faces
from equime_hub.commands.build.build import build_with_card
from equime_hub.commands.common import columns, counted, report
from equime_hub.commands.options import Workers, command
from equime_hub.errors import DatasetError
from equime_hub.jobs.build import BuildConfig
from equime_hub.loading_script.names import NAME

PICTURE = Path("demo.png")


@command("Build a small dataset and look at it.")
def demo(
    *,
    folder: faces.Faces | None = None,
    people: faces.People | None = None,
    out: Path = Path(NAME),
    workers: Workers | None = None,
) -> None:
    """Build a small dataset, open it, and draw what is in it.

    Writes the dataset, its plan (equime-plan.parquet) and a picture (demo.png): one row an
    emotion, seven evenly spaced frames, one person.

    Options:
        out: Folder of the dataset.

    Examples:
        equime demo
        equime demo --faces photos/ --out equime-photos
    """
    source, found = faces.load(folder, people)
    plan = plans.make(found, source, PlanConfig())
    licence = None if folder else "cc0-1.0"  # nobody's face
    config = BuildConfig(RenderConfig(WarpBackend()), license=licence, title="EquiME demo")
    _, statistics = build_with_card(plan, out, config, workers)
    # Written last: a refused build leaves the plan of the dataset that is there.
    plan_file = out.with_name(f"{out.name}-plan.parquet")
    plans.write(plan, plan_file)
    split = next(iter(statistics.splits))
    opened = _open(out, split)
    _draw(opened, PICTURE)
    features = {name: str(kind) for name, kind in opened.features.items()}
    clips = {name: size.clips for name, size in statistics.splits.items()}
    counts = {"features": features, "splits": clips, "emotions": statistics.emotions}
    report(
        {"dataset": out, **counts, "picture": PICTURE},
        _lines(opened, statistics),
        *_next_steps(out, plan_file, statistics),
    )


def _open(out: Path, split: str) -> Any:
    from datasets import config, disable_progress_bars, load_dataset
    from datasets.exceptions import DatasetGenerationError

    disable_progress_bars()  # ours say enough
    try:
        return load_dataset(NAME if out == Path(NAME) else str(out.absolute()), split=split)
    except (OSError, DatasetGenerationError) as error:
        raise DatasetError(
            f"The dataset is whole in {out}, but datasets cannot copy it to its cache in "
            f"{config.HF_DATASETS_CACHE} ({error}). Set HF_HOME to a folder with room."
        ) from error


def _draw(opened: Any, picture: Path) -> None:
    from equime_hub.reports.grid import GridRow, transfer_grid

    person = opened[0]["subject_id"]
    rows: dict[str, GridRow] = {}
    chosen = opened.filter(lambda subject: subject == person, input_columns=["subject_id"])
    for row in chosen:
        emotion = opened.features["emotion"].int2str(row["emotion"])
        if emotion not in rows:
            moments = {name: row[f"{name}_frame"] for name in ("onset", "apex", "offset")}
            clip = row["video"].clip()
            rows[emotion] = GridRow(emotion, subtitle=f"AU {row['facs']}", clip=clip, **moments)
    transfer_grid(list(rows.values()), picture, title=f"{person}: from onset to offset")


def _lines(opened: Any, statistics: Statistics) -> Iterator[str]:
    yield "Features"
    for name, kind in opened.features.items():
        yield f"  {name:<20} {kind}"
    yield "\nSplits"
    for split, size in statistics.splits.items():
        people = counted(size.subjects, "person", "people")
        yield f"  {split:<12} {size.clips:>5} clips of {people}"
    for title, table in (
        ("Emotion", statistics.emotions),
        ("Gender", statistics.groups["gender"]),
        ("Age group", statistics.groups["age group"]),
    ):
        splits = list(next(iter(table.values())))
        cells = [
            (f"  {name:<12}", *(row[split] for split in splits)) for name, row in table.items()
        ]
        yield "\n" + columns([(title, *splits), *cells], 12)


def _next_steps(out: Path, plan_file: Path, statistics: Statistics) -> Iterator[str]:
    if len(statistics.splits) < 3:
        yield f"\nToo few people for three splits; all are in {', '.join(statistics.splits)}."
    name = NAME if out == Path(NAME) else str(out)
    yield f"\nThe dataset is in {out}/, a picture of it in {PICTURE}, its plan in {plan_file}."
    yield "Next:"
    code = f"from datasets import load_dataset; print(load_dataset({name!r}))"
    yield f"  python -c {quote(code)}"
    yield f"  equime verify {quote(str(out))}"
    yield "  equime plan --people 200 --out plan.parquet && equime build plan.parquet --out big"
