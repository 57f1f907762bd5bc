from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result

from equime_hub.cli import main
from equime_hub.schema.taxonomy import AU_NUMBERS
from tests.conftest import sums


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, ["observe", *map(str, arguments)])


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((), "Say who shall observe"),
        (("--emotion", "oracle"), "'oracle' is not"),
        (("--csv", ".", "--emotion", "deepface"), "say whose"),
        (("--aus", "openface", "--csv", "nix"), "'nix'"),
    ],
)
def test_wrong_calls_are_refused(dataset: Path, arguments: tuple[str, ...], told: str) -> None:
    before = sums(dataset)
    done = run("equime", *arguments)
    assert done.exit_code == 2
    assert told in done.stderr
    assert sums(dataset) == before


def write_csvs(dataset: Path) -> int:
    """What OpenFace would write of the first split: exactly what was intended."""
    Path("csv").mkdir()
    path = sorted(dataset.glob("metadata/*"))[0]
    rows = pq.read_table(path, columns=["clip_id", "au_apex", "num_frames"]).to_pylist()
    header = ["frame", "confidence", "success", *(f"AU{n:02d}_r" for n in AU_NUMBERS)]
    for row in rows:
        values = ", ".join(f"{5 * value:.6f}" for value in row["au_apex"])
        lines = [", ".join(header)]
        lines += [f"{frame}, 0.98, 1, {values}" for frame in range(1, row["num_frames"] + 1)]
        Path("csv", f"{row['clip_id']}.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return len(rows)


def test_from_csv_files_to_agreement(dataset: Path) -> None:
    try:
        importlib.util.find_spec("equime_hub.builder.causal.openface")
    except ImportError:
        pytest.skip("the reader of OpenFace's files is not here")
    clips = write_csvs(dataset)
    done = run("equime", "--aus", "openface", "--csv", "csv")
    assert done.exit_code == 0, done.output
    assert done.stdout == f"AUs observed in {clips} of 40 clips\n"
    again = json.loads(run("equime", "--aus", "openface", "--csv", "csv", "--json").stdout)
    assert (again["units"], again["emotions"], again["shards"]) == (clips, None, 0)
    told = CliRunner().invoke(main, ["report", "agreement", "--threshold", "0.001", "--json"])
    values = json.loads(told.stdout)
    (by,) = values["action_units"]
    everything = by["units"][-1]
    assert (everything["precision"], everything["recall"]) == (1, 1)
    assert everything["correlation"] == pytest.approx(1)
    assert len(values["without_action_units"]) == 40 - clips
    text = CliRunner().invoke(main, ["report", "agreement"])
    assert text.stdout.startswith("# Intended and observed")
