from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from equime_hub import configs
from equime_hub.builder import plan as plans
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.errors import EquimeError, PlanError
from tests.conftest import TINY, tiny_plan


def test_a_plan_survives_its_file(plan: Plan, tmp_path: Path) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    assert plans.read(tmp_path / "plan.parquet") == plan


def test_a_plan_is_readable_with_any_table_tool(plan: Plan, tmp_path: Path) -> None:
    plans.write(plan, tmp_path / "plan.parquet")
    row = pq.read_table(tmp_path / "plan.parquet").to_pylist()[0]
    assert row["emotion"] == "happiness"
    assert row["split"] == "train"
    assert "micro-expression" in row["prompt"]


def test_the_same_inputs_give_the_same_plan(plan: Plan) -> None:
    again = tiny_plan()
    assert again == plan
    assert again.fingerprint == plan.fingerprint
    assert tiny_plan(config=replace(TINY, seed=1)).fingerprint != plan.fingerprint


def test_every_person_has_every_emotion_and_one_split(plan: Plan) -> None:
    by_person: dict[str, set[str]] = {}
    for spec in plan.specs:
        by_person.setdefault(spec.face.subject_id, set()).add(spec.split)
    assert all(len(splits) == 1 for splits in by_person.values())
    assert len(plan.specs) == len(by_person) * 5
    assert len({spec.clip_id for spec in plan.specs}) == len(plan.specs)


def test_fifty_more_people_move_nobody(plan: Plan) -> None:
    bigger = tiny_plan(58)
    before = plan.splits()
    assert {subject: bigger.splits()[subject] for subject in before} == before
    assert bigger.specs[: len(plan.specs)] == plan.specs


def test_splits_of_an_earlier_plan_stay_whatever_the_order(plan: Plan) -> None:
    source = DrawnFaces(20, 0, 128)
    reversed_faces = source.scan().faces[::-1]
    made = plans.make(reversed_faces, source, TINY, plan.splits())
    assert {subject: made.splits()[subject] for subject in plan.splits()} == plan.splits()


@pytest.mark.parametrize("fps", [24.0, 50.0, 100.0, 200.0])
def test_times_are_physical(fps: float) -> None:
    config = PlanConfig(width=64, height=64, num_frames=161, fps=fps)
    for spec in tiny_plan(4, config).specs:
        milliseconds = 1000 * (spec.offset_frame - spec.onset_frame) / fps
        assert 200 - 500 / fps <= milliseconds <= 500 + 500 / fps
        assert spec.offset_frame < 161


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"num_frames": 5, "fps": 100.0}, "needs at least 21 frames"),
        ({"emotions": ()}, "at least one"),
        ({"emotions": ("anger", "anger")}, "must differ"),
        ({"intensity": (0.0, 0.3)}, "intensity"),
        ({"intensity": (0.5, 0.3)}, "intensity"),
        ({"duration_ms": (500.0, 200.0)}, "duration_ms"),
        ({"fps": 0.0}, "fps must be positive"),
        ({"fps": 1.0}, "fps must be at least 4"),
        ({"split": (0.5, 0.4, 0.2)}, "sum to 1"),
        ({"repeats": 0}, "repeats"),
        ({"width": 0}, "sizes must be positive"),
    ],
)
def test_a_configuration_that_makes_no_sense_is_refused(
    change: dict[str, object], message: str
) -> None:
    with pytest.raises(PlanError, match=message):
        replace(PlanConfig(), **change)  # type: ignore[arg-type]


def test_an_emotion_without_action_units_is_refused() -> None:
    with pytest.raises(PlanError, match="No action units are known for 'repression'"):
        tiny_plan(1, replace(TINY, emotions=("repression",)))


def test_no_face_is_refused() -> None:
    with pytest.raises(PlanError, match="no face"):
        plans.make((), DrawnFaces(1), TINY)


def test_a_file_that_is_no_plan_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    with pytest.raises(PlanError, match="There is no plan"):
        plans.read(path)
    path.write_text("not parquet")
    with pytest.raises(PlanError, match="is not a plan"):
        plans.read(path)
    pq.write_table(pa.table({"a": [1]}), path)
    with pytest.raises(PlanError, match="is not a plan"):
        plans.read(path)


def test_rows_changed_by_hand_are_refused(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    plans.write(plan, path)
    table = pq.read_table(path)
    prompts = ["Smile!", *table["prompt"].to_pylist()[1:]]
    changed = table.set_column(table.schema.get_field_index("prompt"), "prompt", [prompts])
    pq.write_table(changed, path)
    with pytest.raises(PlanError, match=f"changed by hand \\({plan.specs[0].clip_id}\\)"):
        plans.read(path)


@pytest.mark.parametrize("column", ["apex_frame", "landmarks", "prompt", "clip_id"])
def test_a_plan_with_a_column_missing_or_senseless_is_refused(
    plan: Plan, tmp_path: Path, column: str
) -> None:
    path = tmp_path / "plan.parquet"
    plans.write(plan, path)
    table = pq.read_table(path)
    pq.write_table(table.drop_columns([column]), path)
    with pytest.raises(PlanError, match="changed by hand"):
        plans.read(path)
    nothing = pa.nulls(len(table), table.schema.field(column).type)
    pq.write_table(table.set_column(table.schema.names.index(column), column, nothing), path)
    with pytest.raises(PlanError, match="changed by hand"):
        plans.read(path)


@pytest.mark.parametrize(
    "values",
    [
        {"split": [0.5, 0.5]},
        {"intensity": [0.1]},
        {"repeats": 1.5},
        {"width": 256.5},
        {"seed": "x"},
        {"emotions": "anger"},
    ],
)
def test_a_configuration_of_wrong_types_names_the_field(values: dict[str, object]) -> None:
    with pytest.raises(EquimeError, match=next(iter(values))):
        configs.from_json(PlanConfig, values)


def test_a_configuration_survives_its_file(tmp_path: Path) -> None:
    configs.to_file(TINY, tmp_path / "config.json")
    assert configs.from_file(PlanConfig, tmp_path / "config.json") == TINY
    (tmp_path / "config.json").write_text('{"emotion": "anger"}')
    with pytest.raises(EquimeError, match="no field emotion; its fields are emotions"):
        configs.from_file(PlanConfig, tmp_path / "config.json")
