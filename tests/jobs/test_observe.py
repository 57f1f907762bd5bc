from __future__ import annotations

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub.builder.observers import Apex, SeenEmotion, SeenUnits
from equime_hub.cards import dataset_card
from equime_hub.errors import DatasetError, EquimeError
from equime_hub.jobs.observe import WORKSHOP, observe
from equime_hub.reports.verify import verify
from equime_hub.video.codec import decode
from tests.conftest import sums

OBSERVED = [
    "emotion_observed", "emotion_observed_score", "emotion_observer", "au_observed", "au_observer",
]  # fmt: skip


@dataclass
class Light:
    """Calls bright faces happy, and knows nothing of dark ones."""

    least: float = 0.0
    tool: str = "light 1"
    patience: int = 1000
    asked: list[str] = field(default_factory=list)

    def emotion(self, apex: Apex) -> SeenEmotion | None:
        if len(self.asked) == self.patience:
            raise KeyboardInterrupt
        self.asked.append(apex.clip_id)
        light = float(apex.image.mean()) / 255
        return SeenEmotion("happiness", light) if light >= self.least else None

    def units(self, apex: Apex) -> SeenUnits | None:
        return SeenUnits((float(apex.image.mean()) / 255,) * 17)


def table(folder: Path, name: str = "data") -> pa.Table:
    return pa.concat_tables(map(pq.read_table, sorted(folder.glob(f"{name}/*.parquet"))))


def rows(folder: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = table(folder).to_pylist()
    return found


def look(folder: Path, *observers: Any) -> Any:
    return observe(folder, *observers, card=dataset_card.write)


def test_the_apex_is_observed_and_nothing_else_changes(dataset: Path) -> None:
    before = table(dataset)
    assert before.select(OBSERVED).to_pylist() == [dict.fromkeys(OBSERVED)] * 40
    light = Light()
    report = look(dataset, light, light)
    assert (report.clips, report.emotions, report.units) == (40, 40, 40)
    assert report.shards == len(list(dataset.glob("data/*")))
    for row in rows(dataset):
        frame = decode(row["video"]["bytes"]).frames[row["apex_frame"]]
        value = np.float32(frame.mean() / 255)
        assert [row[name] for name in OBSERVED] == [
            "happiness", value, "light 1", [value] * 17, "light 1",
        ]  # fmt: skip
    assert table(dataset).drop(OBSERVED).equals(before.drop(OBSERVED))
    assert table(dataset, "metadata").equals(table(dataset).drop(["video"]))
    images = table(dataset, "onset_apex")
    assert images.drop(["onset", "apex"]).equals(table(dataset, "metadata"))
    assert verify(dataset) == []
    assert not (dataset / WORKSHOP).exists()
    made_with = json.loads((dataset / "build.json").read_text("utf-8"))["made_with"]
    assert made_with["measured"]["tools"]["emotion"] == "light 1"


def test_the_same_again_changes_no_byte_and_asks_nobody(dataset: Path) -> None:
    look(dataset, Light(), Light())
    before, again = sums(dataset), Light()
    assert look(dataset, again, again).shards == 0
    assert sums(dataset) == before
    assert again.asked == []


def test_another_version_looks_again(dataset: Path) -> None:
    look(dataset, Light())
    newer = Light(tool="light 2")
    look(dataset, newer)
    assert len(newer.asked) == 40
    assert {row["emotion_observer"] for row in rows(dataset)} == {"light 2"}


def test_no_answer_keeps_what_is_known(dataset: Path) -> None:
    look(dataset, Light())
    values = sorted(row["emotion_observed_score"] for row in rows(dataset))
    half = Light(least=(values[19] + values[20]) / 2, tool="picky 1")
    assert look(dataset, half).emotions == 40
    assert [row["emotion_observer"] for row in rows(dataset)].count("picky 1") == 20
    assert {row["emotion_observed"] for row in rows(dataset)} == {"happiness"}


def test_a_stopped_run_changes_nothing_and_goes_on(dataset: Path) -> None:
    before = {name: data for name, data in sums(dataset).items()}
    impatient = Light(patience=23)
    with pytest.raises(KeyboardInterrupt):
        look(dataset, impatient)
    assert {n: d for n, d in sums(dataset).items() if not n.startswith(".")} == before
    torn, *whole = (dataset / WORKSHOP).rglob("*.json")
    torn.write_bytes(torn.read_bytes()[:-7])
    kept = sum(len(json.loads(seal.read_text())["result"]) for seal in whole)
    assert kept > 0
    more = Light()
    look(dataset, more)
    assert len(more.asked) == 40 - kept
    assert verify(dataset) == []
    assert not (dataset / WORKSHOP).exists()


def test_other_tools_do_not_take_what_one_has_seen(dataset: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        look(dataset, Light(patience=5))
    other = Light(tool="light 2")
    look(dataset, other)
    assert len(other.asked) == 40


def test_without_any_answer_nothing_is_written(dataset: Path) -> None:
    before = sums(dataset)
    with pytest.raises(DatasetError, match="None of the 40 clips got an answer"):
        look(dataset, Light(least=2.0))
    assert sums(dataset) == before


def test_mistakes_are_sentences(dataset: Path) -> None:
    with pytest.raises(EquimeError, match="nothing to observe"):
        look(dataset)
    with pytest.raises(DatasetError, match="holds no dataset"):
        look(Path("nowhere"), Light())
    before = sums(dataset)
    shard = next(dataset.glob("data/*"))
    damaged = bytearray(shard.read_bytes())
    damaged[len(damaged) // 2] ^= 1
    shard.write_bytes(damaged)
    light = Light()
    with pytest.raises(DatasetError, match="damaged"):
        look(dataset, light)
    assert light.asked == []
    assert {n for n, data in sums(dataset).items() if data != before[n]} == {
        shard.relative_to(dataset).as_posix()
    }


@pytest.mark.parametrize(("emotion", "score"), [("joy", 0.5), ("fear", 1.2), ("fear", -0.1)])
def test_foreign_answers_are_refused(emotion: str, score: float) -> None:
    with pytest.raises(EquimeError, match="must be happiness"):
        SeenEmotion(emotion, score)


@pytest.mark.parametrize("values", [(0.1,) * 16, (1.5,) * 17, (float("nan"),) * 17])
def test_foreign_intensities_are_refused(values: tuple[float, ...]) -> None:
    with pytest.raises(EquimeError, match="17 numbers from 0 to 1"):
        SeenUnits(values)
