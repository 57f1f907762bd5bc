"""`equime audit`: does anything of one split leak into another?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import asdict
from functools import lru_cache
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING

import click
from click.exceptions import Exit

from equime_hub.commands.common import columns, counted, progress_bar, report
from equime_hub.commands.options import File, Folder, command
from equime_hub.errors import DatasetError, FaceError, PlanError
from equime_hub.files import sha256

if TYPE_CHECKING:
    import pyarrow as pa

    from equime_hub.builder.spec import Image
    from equime_hub.splits.audit import Audit, Pixels, Stratum


_SHOWN = 12
"""Strata printed; `--json` has all."""


@command("Look for leaks between the splits.")
def audit(
    path: Path = Path("equime"),
    *,
    no_images: bool = False,
    faces: Folder | None = None,
    identities: File | None = None,
) -> None:
    """Check the splits of PATH, a dataset folder or a plan.

    No person, source image, counterfactual or look-alike may be in two splits, and no clip may
    have the action units of a person of a later split. Also shows how evenly gender, race and
    age are spread. Exit code 1 if anything leaks.

    Options:
        no_images: Do not look for photographs that look the same, which opens each of them.
        faces: Where the photographs lie: of a plan, if they were moved; of a dataset, to compare
            them instead of the first frames.
        identities: CSV or index of `equime faces` with the columns source_image and subject_id:
            who is really shown.

    Examples:
        equime audit plan.parquet
        equime audit equime --no-images --json
        equime audit plan.parquet --identities who.csv
    """
    from equime_hub.splits import rows
    from equime_hub.splits.audit import audit as run

    if no_images and faces:
        raise click.UsageError("--faces is for comparing photographs; leave it or --no-images out.")
    table = rows.read(path)
    names = None if identities is None else rows.read_identities(identities)
    pixels = None if no_images else _pixels(path, table, faces)
    with progress_bar("photographs", "photographs") as progress:
        found = run(table, identities=names, pixels=pixels, progress=progress)
    strata = sorted(found.balance.strata, key=lambda stratum: -stratum.deviation)
    even = {**asdict(found.balance), "deviation": found.balance.worst.deviation}
    report(
        {"path": path, "ok": not found.leaks, **asdict(found), "balance": even},
        _lines(found, strata),
        f"{counted(found.clips, 'clip', 'clips')} of "
        f"{counted(found.people, 'person', 'people')}, "
        f"{counted(found.images or 0, 'photograph', 'photographs')} compared: "
        f"{counted(len(found.leaks), 'leak', 'leaks')}. The largest deviation is "
        f"{strata[0].deviation:.1f} people.",
    )
    if found.leaks:
        raise Exit(1)


def _pixels(path: Path, table: pa.Table, faces: Path | None) -> Pixels:
    if path.is_file():
        from equime_hub.builder import plan as plans
        from equime_hub.commands.build.faces import moved

        try:
            plan = plans.read(path)
        except PlanError as error:
            raise PlanError(f"{error} To audit the rows alone, use --no-images.") from error
        source = plan.source if faces is None else moved(plan.source, faces)
        return lambda row: source.pixels(plan.specs[row].face)
    return first_frames(path) if faces is None else _photographs(table, faces)


def _photographs(table: pa.Table, folder: Path) -> Pixels:
    from equime_hub.builder.faces.folder import read

    names, hashes = table["source_image"].to_pylist(), table["source_sha256"].to_pylist()

    def photograph(row: int) -> Image:
        file = folder / str(names[row])
        if not file.is_file() or sha256(file) != hashes[row]:
            raise FaceError(
                f"{file} is not there, or its SHA-256 is not {hashes[row]}. Leave --faces out to "
                "compare first frames instead."
            )
        return read(file)

    return photograph


def first_frames(folder: Path) -> Pixels:
    """Gives frame 0 of a row's clip; quick for rows in ascending order.

    Raises:
        DatasetError: The dataset has no videos.
    """
    import pyarrow.parquet as pq

    from equime_hub.splits.rows import shards
    from equime_hub.video import codec

    files = [pq.ParquetFile(file) for file in shards(folder)]
    if any("video" not in file.schema_arrow.names for file in files):
        raise DatasetError(
            f"{folder} has no videos to take first frames from. Use --no-images, or --faces with "
            "the folder of photographs."
        )
    groups = [(file, group) for file in files for group in range(file.num_row_groups)]
    starts = [0, *accumulate(f.metadata.row_group(group).num_rows for f, group in groups)]

    # Rows are asked for in order, so that no other row group is needed again.
    @lru_cache(maxsize=1)
    def videos(place: int) -> list[dict[str, bytes]]:
        file, group = groups[place]
        rows: list[dict[str, bytes]] = file.read_row_group(group, ["video"])["video"].to_pylist()
        return rows

    def first_frame(row: int) -> Image:
        place = bisect_right(starts, row) - 1
        video = videos(place)[row - starts[place]]
        frame: Image = codec.decode(video["bytes"], [0]).frames[0]
        return frame

    return first_frame


def _lines(found: Audit, strata: list[Stratum]) -> Iterator[str]:
    for finding in found.findings:
        yield f"{finding.severity}: {finding.sentence}"
    splits, shown = found.balance.people, strata[:_SHOWN]
    cells = [
        (one.name, *(f"{one.got[split]:,} ({one.expected[split]:,.1f})" for split in splits))
        for one in shown
    ]
    yield columns([("people (expected)", *splits), *cells], 18)
    if len(strata) > len(shown):
        yield f"and {len(strata) - len(shown)} strata nearer to what is expected"
