"""A run without fault, to plant leaks in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from equime_hub.evaluation import manifest, rows
from equime_hub.evaluation.log.record import SCHEMA
from equime_hub.evaluation.manifest import Manifest, Preprocessing
from equime_hub.schema.taxonomy import EMOTIONS_3

COLUMNS = ("fold", "role", "clip_id", "subject_id", *rows.CLIP)
MANIFEST = Manifest(
    model="st_cnn",
    protocol="loso",
    selection="inner-validation",
    classes=EMOTIONS_3,
    label_map={"mie_x": {"0": "negative", "1": "positive", "2": "surprise"}},
    seeds=(0, 1),
    train_sets=("casme2", "samm", "mie_x"),
    test_sets=("casme2", "samm"),
    pretraining=("oulu-casia",),
    preprocessing=Preprocessing("train", "inside-fold", "inside-fold", "mask", 16),
    aggregation="pooled",
    config_hash="c0ffee",
    software={"torch": "2.14"},
)


@dataclass
class Made:
    """What the three files of a run will hold."""

    manifest: Manifest
    rows: list[dict[str, Any]]
    predictions: list[dict[str, Any]] | None

    def clip(self, clip_id: str, **changes: Any) -> None:
        """Change what is said of a clip."""
        for row in self.rows:
            if row["clip_id"] == clip_id:
                row.update(changes)

    def role(self, clip_id: str, fold: str | None, role: str) -> None:
        """Give a clip one more role."""
        first = next(row for row in self.rows if row["clip_id"] == clip_id)
        self.rows.append({**first, "fold": fold, "role": role})

    def declare(self, **changes: Any) -> None:
        """Change the manifest; fields of its preprocessing too."""
        inner = {
            k: changes.pop(k) for k in list(changes) if hasattr(self.manifest.preprocessing, k)
        }
        inside = replace(self.manifest.preprocessing, **inner)
        self.manifest = replace(self.manifest, preprocessing=inside, **changes)

    def write(self, folder: Path) -> Path:
        """The run's folder."""
        manifest.write(self.manifest, folder)
        schema = pa.schema([(name, pa.string()) for name in COLUMNS])
        rows.write(pa.Table.from_pylist(self.rows, schema), folder)
        if self.predictions is not None:
            found = pa.Table.from_pylist(self.predictions, SCHEMA)
            pq.write_table(found, folder / manifest.PREDICTIONS)
        return folder


def made(sizes: Sequence[int] = (1, 2, 1, 2, 3, 1, 2), k: int | None = None) -> Made:
    """A run without fault: real, synthetic, macro and pretraining clips; nobody known twice.

    Args:
        sizes: Clips of each real person p0, p1, ... The first half of them is of casme2.
        k: Number of folds; None is one a person. Person i is tested in the fold i % k, "f0", and
            validated in the one before.
    """
    folds = k or len(sizes)
    predictions: list[dict[str, Any]] = []
    found = Made(replace(MANIFEST, protocol="k-fold" if k else "loso"), [], predictions)
    for number, size in enumerate(sizes):
        dataset = "casme2" if number < len(sizes) / 2 else "samm"
        for clip in range(size):
            row = _row(f"p{number}-{clip}", f"p{number}", dataset)
            for fold, role in (
                (None, "train"),
                (f"f{number % folds}", "test"),
                (f"f{(number - 1) % folds}", "validation"),
            ):
                found.rows.append({**row, "fold": fold, "role": role})
            predictions += _predictions(row, f"f{number % folds}")
    for number in range(4):
        giver = 1 + number % (len(sizes) - 1)
        donor = f"{'casme2' if giver < len(sizes) / 2 else 'samm'}/p{giver}"
        row = _row(f"made-{number}", str(number), "celeba-hq", au_source_subject=donor)
        found.rows.append({**row, "fold": None, "role": "train"})
        found.rows.append({**row, "fold": f"f{giver % folds}", "role": "unused"})
    again = _row("made-3-again", "3", "celeba-hq", counterfactual_of="made-3")
    again["source_sha256"] = "sha-made-3"
    found.rows.append({**again, "fold": None, "role": "train"})
    macro = _row("macro-0", "S010", "ck+", expression="macro")
    found.rows.append({**macro, "fold": None, "role": "train"})
    before = _row("before-0", "P001", "oulu-casia", expression="macro")
    found.rows.append({**before, "fold": None, "role": "pretrain"})
    return found


def _row(clip: str, subject: str, dataset: str, **more: str) -> dict[str, Any]:
    return {
        "clip_id": clip,
        "subject_id": subject,
        "source_dataset": dataset,
        "source_image": f"{clip}.png",
        "source_sha256": f"sha-{clip}",
        "expression": "micro",
        **more,
    }


def _predictions(row: dict[str, Any], fold: str) -> list[dict[str, Any]]:
    """Two seeds; over all clips each class is predicted."""
    place = sum(map(ord, row["clip_id"]))
    return [
        {
            "clip_id": row["clip_id"],
            "subject_id": row["subject_id"],
            "dataset": row["source_dataset"],
            "fold": fold,
            "seed": seed,
            "reference": EMOTIONS_3[place % 3],
            "prediction": EMOTIONS_3[(place + seed) % 3],
            "config_hash": "c0ffee",
        }
        for seed in (0, 1)
    ]
