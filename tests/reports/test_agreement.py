from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import cohen_kappa_score, confusion_matrix

from equime_hub.errors import DatasetError
from equime_hub.reports.agreement import _kappa, agreement, as_markdown
from equime_hub.schema.taxonomy import AU_INDEX, EMOTIONS

Clip = tuple[str, str | None]


def aus(**values: float) -> list[float]:
    vector = [0.0] * 17
    for name, value in values.items():
        vector[AU_INDEX[int(name[2:])]] = value
    return vector


def save(rows: list[dict[str, Any]], split: str = "train") -> Path:
    """Labels of clips; what a row does not say is null."""
    folder = Path("made-up")
    (folder / "metadata").mkdir(parents=True, exist_ok=True)
    units = pa.list_(pa.float32(), 17)
    schema = pa.schema([
        ("clip_id", pa.string()), ("accepted", pa.bool_()), ("emotion", pa.int64()),
        ("emotion_observed", pa.string()), ("emotion_observer", pa.string()),
        ("au_apex", units), ("au_observed", units), ("au_observer", pa.string()),
    ])  # fmt: skip
    table = pa.Table.from_pylist([{"accepted": True, **row} for row in rows], schema)
    pq.write_table(table, folder / f"metadata/{split}-00000-of-00001.parquet")
    return folder


def emotions(*pairs: tuple[str, str], observer: str = "eye 1") -> list[dict[str, Any]]:
    return [
        {"clip_id": f"{observer}-{i}", "emotion": EMOTIONS.index(a), "emotion_observed": b,
         "emotion_observer": observer}
        for i, (a, b) in enumerate(pairs)
    ]  # fmt: skip


HAND = emotions(
    ("happiness", "happiness"), ("happiness", "happiness"), ("happiness", "neutral"),
    ("anger", "anger"), ("anger", "disgust"), ("fear", "happiness"),
)  # fmt: skip


def test_emotions_by_hand() -> None:
    found = agreement(save(HAND))
    (by,) = found["emotions"]
    assert list(by["classes"]) == ["happiness", "disgust", "anger", "fear", "neutral"]
    assert [list(line.values()) for line in by["confusion"].values()] == [
        [2, 0, 0, 0, 1], [0, 0, 0, 0, 0], [0, 1, 1, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 0],
    ]  # fmt: skip
    assert by["accuracy"] == 0.5
    # By chance 3·3 + 0·1 + 2·1 + 1·0 + 0·1 of 36.
    assert by["kappa"] == pytest.approx((1 / 2 - 11 / 36) / (1 - 11 / 36))
    kappa = by["classes"]["happiness"].pop("kappa")
    assert kappa == pytest.approx((4 / 6 - 1 / 2) / (1 - 1 / 2))
    assert by["classes"]["happiness"] == {
        "intended": 3, "observed": 3, "recall": 2 / 3, "precision": 2 / 3,
    }  # fmt: skip
    neutral, fear = by["classes"]["neutral"], by["classes"]["fear"]
    assert (neutral["recall"], neutral["precision"]) == (None, 0)
    assert (fear["recall"], fear["precision"]) == (0, None)


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=1, max_size=30))
def test_kappa_is_that_of_scikit_learn(pairs: list[tuple[int, int]]) -> None:
    one, other = zip(*pairs, strict=True)
    ours = _kappa(np.asarray(confusion_matrix(one, other, labels=range(4))))
    if len({*one, *other}) == 1:
        assert ours is None
    else:
        assert ours == pytest.approx(cohen_kappa_score(one, other))


def test_units_by_hand() -> None:
    pairs = [
        (aus(au4=0.3, au12=0.1), aus(au4=0.5, au12=0.1)),
        (aus(au4=0.1), aus(au4=0.2)),  # just on, though 0.2 is no float32
        (aus(au12=0.2), aus(au4=0.4)),
        (aus(), aus()),
    ]
    rows = [
        {"clip_id": str(i), "au_apex": a, "au_observed": b, "au_observer": "eye 1"}
        for i, (a, b) in enumerate(pairs)
    ]
    (by,) = agreement(save(rows))["action_units"]
    units = {unit["name"]: unit for unit in by["units"]}
    expected = np.corrcoef([0.3, 0.1, 0, 0], [0.5, 0.2, 0.4, 0])[0, 1]
    four, twelve, one = units["AU 4"], units["AU 12"], units["AU 1"]
    assert four.pop("correlation") == pytest.approx(expected, abs=1e-6)
    assert [*four.values()] == ["AU 4", 2, 3, 2, 2 / 3, 1]
    assert (twelve["observed"], twelve["precision"], twelve["recall"]) == (0, None, 0)
    assert [*one.values()] == ["AU 1", 0, 0, 0, None, None, None]
    assert [*units["all"].values()][:4] == ["all", 4, 3, 2]
    (lower,) = agreement(save(rows), threshold=0.05)["action_units"]
    assert {u["name"]: u["recall"] for u in lower["units"]}["AU 12"] == 0.5


def test_who_lacks_observations_is_said() -> None:
    rows = [{"clip_id": f"plain-{i}", "emotion": 0} for i in range(7)]
    found = agreement(save([*HAND, *rows]))
    assert found["without_emotion"] == [row["clip_id"] for row in rows]
    assert len(found["without_action_units"]) == 13
    text = as_markdown(found)
    assert (
        "7 of 13 clips have no observed emotion to compare with: plain-0, plain-1, plain-2, "
        "plain-3, plain-4, and 2 more."
    ) in text
    assert "No clip has observed AUs to compare with." in text
    values = json.loads(json.dumps(found))
    assert values == found
    assert values["emotions"][0]["confusion"]["anger"]["disgust"] == 1
    assert values["action_units"] == []


def test_tools_are_kept_apart() -> None:
    save(HAND)
    found = agreement(save(emotions(("fear", "fear"), observer="eye 2"), "test"))
    assert [(by["observer"], by["clips"], by["accuracy"]) for by in found["emotions"]] == [
        ("eye 1", 6, 0.5), ("eye 2", 1, 1.0),
    ]  # fmt: skip
    assert found["emotions"][1]["kappa"] is None
    assert "Every clip has observed emotion." in as_markdown(found)


def test_rejected_clips_are_left_out_unless_wanted() -> None:
    folder = save([{**row, "accepted": row["emotion"] != 0} for row in HAND])
    found = agreement(folder)
    assert (found["clips"], found["rejected"], found["emotions"][0]["clips"]) == (3, 3, 3)
    assert "3 more failed a gate" in as_markdown(found)
    assert agreement(folder, rejected=True)["clips"] == 6
    nobody = save([{**row, "accepted": False} for row in HAND])
    with pytest.raises(DatasetError, match="--rejected"):
        agreement(nobody)


def test_mistakes_are_sentences(built: Path) -> None:
    with pytest.raises(DatasetError, match="No observer has looked at the 40 clips"):
        agreement(built)
    with pytest.raises(DatasetError, match="holds no built dataset"):
        agreement(Path("nowhere"))
    folder = save(HAND)
    (path,) = folder.glob("metadata/*")
    pq.write_table(pq.read_table(path).drop(["au_observed"]), path)
    with pytest.raises(DatasetError, match=r"lacks au_observed.*another schema"):
        agreement(folder)
    path.write_bytes(b"PAR1")
    with pytest.raises(DatasetError, match="cannot be read"):
        agreement(folder)
