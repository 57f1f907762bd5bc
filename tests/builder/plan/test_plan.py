from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from equime_hub.builder import plan as plans
from equime_hub.builder.causal import ExpertSampler
from equime_hub.builder.faces.drawn import DrawnFaces
from equime_hub.builder.plan import Plan, PlanConfig
from equime_hub.builder.plan.balance import PlanBalance
from equime_hub.errors import PlanError
from equime_hub.files import sha256
from equime_hub.schema.records import ClipSpec, Face, Landmarks
from equime_hub.schema.taxonomy import AGE_GROUPS, AU_INDEX, GENDERS, RACES
from tests.conftest import TINY, tiny_plan

SOURCE = DrawnFaces(1)
CHANGED = replace(TINY, emotions=("happiness", "fear"), counterfactuals=("emotion=anger", "AU4=.3"))
CAUSED = {
    "clip_id", "emotion", "au_onset", "au_apex", "au_source", "au_source_subject", "prompt",
    "negative_prompt", "counterfactual_of", "intervention",
}  # fmt: skip


@st.composite
def crowds(draw: st.DrawFn) -> list[Face]:
    """Faces of people, some with several, some of unknown demographics."""
    faces = []
    for person in range(draw(st.integers(1, 12))):
        known = {
            "gender": draw(st.sampled_from([None, *GENDERS])),
            "race": draw(st.sampled_from([None, *RACES[:2]])),
            "age_group": draw(st.sampled_from(AGE_GROUPS[:2])),
            "age": draw(st.sampled_from([None, 30, 30.5])),
        }
        for image in range(draw(st.integers(1, 3))):
            place = Landmarks.from_flat(tuple(person + image / 3 for _ in range(22)))
            faces.append(Face(f"p{person}", "x", f"{person}-{image}", "0", place, **known))
    return faces


configurations = st.builds(
    lambda rule, clips, cap, people, vectors, others, repeats: replace(
        TINY,
        repeats=repeats,
        counterfactuals=others,
        balance=PlanBalance(rule, clips=clips, max_clips_per_person=cap),
        limit_people=people,
        limit_vectors=vectors,
    ),
    st.sampled_from(["as-is", "uniform"]),
    st.sampled_from([None, 20, 50]),
    st.sampled_from([None, 1, 3, 12]),
    st.sampled_from([None, 1, 5]),
    st.sampled_from([None, 8]),
    st.sampled_from([(), ("emotion=fear",), ("emotion=fear", "do(AU4=0.3,AU12=0)")]),
    st.integers(1, 2),
)


def plan_of(faces: list[Face], config: PlanConfig, previous: Plan | None = None) -> Plan | None:
    """The plan; None if the balance cannot be had."""
    try:
        return plans.make(faces, SOURCE, config, previous.memory() if previous else None)
    except PlanError:
        return None


@given(crowds(), configurations)
@settings(max_examples=40)
def test_nobody_is_in_two_splits_and_no_clip_is_there_twice(
    faces: list[Face], config: PlanConfig
) -> None:
    plan = plan_of(faces, config)
    if plan is not None:
        pairs = {(spec.face.subject_id, spec.split) for spec in plan.specs}
        assert len(pairs) == len(plan.splits())
        assert not plan.splits().keys() & plan.absent.keys()
        assert plan.memory().keys() == {face.subject_id for face in faces}
        assert len({spec.clip_id for spec in plan.specs}) == len(plan.specs)


@given(crowds(), configurations, st.randoms(use_true_random=False))
@settings(max_examples=40)
def test_people_who_come_later_move_nobody(
    faces: list[Face], config: PlanConfig, random: Any
) -> None:
    first = plan_of(faces[: max(1, len(faces) * 9 // 10)], config)
    alone = plan_of(faces, config)
    assert not first or not alone or first.memory().items() <= alone.memory().items()
    random.shuffle(faces)
    extended = plan_of(faces, config, first)
    assert not first or not extended or first.memory().items() <= extended.memory().items()


@given(crowds(), configurations)
@settings(
    max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None
)
def test_the_same_inputs_give_the_same_bytes_and_the_same_plan_again(
    tmp_path: Path, faces: list[Face], config: PlanConfig
) -> None:
    plan = plan_of(faces, config)
    if plan is not None:
        again = plans.make(faces, SOURCE, config)
        plans.write(plan, tmp_path / "a.parquet")
        plans.write(again, tmp_path / "b.parquet")
        assert sha256(tmp_path / "a.parquet") == sha256(tmp_path / "b.parquet")
        assert plans.read(tmp_path / "a.parquet") == plan


def pairs(plan: Plan) -> list[tuple[ClipSpec, ClipSpec]]:
    """Every counterfactual with its original."""
    originals = {spec.clip_id: spec for spec in plan.specs if spec.counterfactual_of is None}
    return [
        (originals[spec.counterfactual_of], spec) for spec in plan.specs if spec.counterfactual_of
    ]


def test_a_counterfactual_differs_only_in_what_the_intervention_causes() -> None:
    plan = tiny_plan(config=CHANGED)
    found = pairs(plan)
    assert {spec.intervention for _, spec in found} == {"emotion=anger", "do(AU4=0.3)"}
    assert len(found) * 3 == len(plan.specs) * 2
    for original, other in found:
        before, after = vars(original), vars(other)
        assert all(before[name] == after[name] for name in before.keys() - CAUSED)
        if other.intervention == "do(AU4=0.3)":
            assert other.emotion == original.emotion
            differing = [a != b for a, b in zip(original.au_apex, other.au_apex, strict=True)]
            assert differing.index(True) == AU_INDEX[4]
            assert sum(differing) == 1
            assert other.au_apex[AU_INDEX[4]] == 0.3
            assert other.au_onset == original.au_onset
        else:
            assert other.emotion == "anger"


def test_another_emotion_takes_the_aus_that_its_own_clip_has() -> None:
    anger = tiny_plan(config=replace(TINY, emotions=("anger",)))
    instead = tiny_plan(config=CHANGED)
    aus = {spec.face.subject_id: spec.au_apex for spec in anger.specs}
    for _, other in pairs(instead):
        if other.emotion == "anger":
            assert other.au_apex == aus[other.face.subject_id]


def test_an_intervention_that_changes_nothing_is_left_out() -> None:
    plan = tiny_plan(config=replace(TINY, counterfactuals=("AU12=0",)))
    assert {original.emotion for original, _ in pairs(plan)} == {"happiness"}
    assert len(pairs(plan)) == 8


@pytest.mark.parametrize("vectors", [None, 7])
def test_counterfactuals_leave_the_other_clips_as_they_are(vectors: int | None) -> None:
    config = replace(TINY, limit_vectors=vectors)
    changed = tiny_plan(config=replace(config, counterfactuals=("emotion=fear", "AU4=0.3")))
    originals = [spec for spec in changed.specs if not spec.counterfactual_of]
    assert originals == list(tiny_plan(config=config).specs)


def test_a_limit_takes_a_part_of_a_larger_one(plan: Plan) -> None:
    few, more = (tiny_plan(config=replace(TINY, limit_people=count)) for count in (3, 5))
    assert len(few.splits()) == 3
    assert few.splits().items() <= more.splits().items() <= plan.splits().items()
    assert set(few.specs) <= set(more.specs) <= set(plan.specs)
    assert few.memory() == plan.memory(), "the others keep their place"
    some, most = (tiny_plan(config=replace(TINY, limit_clips=count)) for count in (13, 30))
    assert len(some.specs) == 13
    assert set(some.specs) <= set(most.specs) <= set(plan.specs)
    assert tiny_plan(config=replace(TINY, limit_clips=99)).specs == plan.specs


def test_few_vectors_are_shared_by_all() -> None:
    plan = tiny_plan(20, replace(TINY, limit_vectors=12))
    vectors = [{spec.au_apex for spec in plan.specs if spec.emotion == e} for e in TINY.emotions]
    assert [len(own) for own in vectors] == [3, 3, 2, 2, 2]
    assert len({spec.seed for spec in plan.specs}) == len(plan.specs), "noise stays their own"


def test_images_of_a_person_take_turns() -> None:
    face = DrawnFaces(1, 0, 128).scan().faces[0]
    faces = [replace(face, source_image=name) for name in ("a", "b")]
    balance = PlanBalance(clips=15, max_clips_per_person=15)
    plan = plans.make(faces, SOURCE, replace(TINY, balance=balance))
    counts = Counter((spec.face.source_image, spec.emotion) for spec in plan.specs)
    assert set(counts.values()) == {2, 1}
    assert all(counts["a", emotion] == 2 for emotion in TINY.emotions)


def test_the_sampler_draws_the_aus_and_is_remembered(tmp_path: Path) -> None:
    sampler = ExpertSampler(map="du-2014", intensity=(0.5, 0.5))
    faces = DrawnFaces(2, 0, 128).scan().faces
    plan = plans.make(faces, SOURCE, TINY, sampler=sampler)
    assert {value for spec in plan.specs for value in spec.au_apex} == {0.0, 0.5}
    plans.write(plan, tmp_path / "plan.parquet")
    assert plans.read(tmp_path / "plan.parquet").sampler == sampler


def test_whole_numbers_are_as_good_as_others(tmp_path: Path) -> None:
    plan = tiny_plan(1, replace(TINY, fps=50))
    plans.write(plan, tmp_path / "plan.parquet")
    assert plans.read(tmp_path / "plan.parquet").fingerprint == plan.fingerprint
    assert plan.fingerprint == tiny_plan(1).fingerprint


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


def test_an_emotion_without_action_units_is_refused() -> None:
    with pytest.raises(PlanError, match="No action units are known for 'repression'"):
        tiny_plan(1, replace(TINY, emotions=("repression",)))


def test_a_face_of_no_known_group_is_refused() -> None:
    face = replace(DrawnFaces(1, 0, 64).scan().faces[0], gender="female")
    with pytest.raises(PlanError, match="is 'female'; expected one of woman, man"):
        plans.make((face,), SOURCE, TINY)


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


@pytest.mark.parametrize("row", [0, 7, 39])
@pytest.mark.parametrize(
    ("column", "value"),
    [("gender", None), ("age", 33.25), ("seed", 5), ("landmarks", [1.0] * 22),
     ("au_apex", [0.5] * 17), ("counterfactual_of", "0" * 16), ("split", "nowhere")],
)  # fmt: skip
def test_any_value_changed_by_hand_is_refused(
    plan: Plan, tmp_path: Path, row: int, column: str, value: object
) -> None:
    path = tmp_path / "plan.parquet"
    plans.write(plan, path)
    table = pq.read_table(path)
    values = table[column].to_pylist()
    assert values[row] != value
    values[row] = value
    index, kind = table.schema.names.index(column), table.schema.field(column).type
    pq.write_table(table.set_column(index, column, pa.array(values, kind)), path)
    with pytest.raises(PlanError, match=f"changed by hand \\({plan.specs[row].clip_id}|or splits"):
        plans.read(path)


def test_rows_in_another_order_are_refused(plan: Plan, tmp_path: Path) -> None:
    path = tmp_path / "plan.parquet"
    plans.write(plan, path)
    table = pq.read_table(path)
    pq.write_table(table.take(list(range(len(table)))[::-1]), path)
    with pytest.raises(PlanError, match="order or splits"):
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
