from __future__ import annotations

import importlib
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from pkgutil import iter_modules
from tempfile import TemporaryDirectory

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub.errors import DatasetError, EquimeError
from equime_hub.evaluation import lint, rows
from equime_hub.evaluation.lint import RULES, LintFinding, LintReport
from equime_hub.tables import compact
from tests.support.trainings import COLUMNS, Made, made


def report(run: Made, *rules: str, max_rows: int = 10) -> LintReport:
    with TemporaryDirectory() as folder:
        return lint.check(lint.read(run.write(Path(folder))), rules or None, max_rows)


def told(run: Made) -> set[str]:
    """Rules that found an error or a warning."""
    found = report(run)
    return {finding.rule for finding in (*found.of("error"), *found.of("warning"))}


def only(run: Made, rule: str) -> LintFinding:
    (finding,) = (f for f in report(run).findings if f.severity != "unchecked")
    assert finding.rule == rule
    return finding


# What is planted concerns p0, who has one clip, is tested in f0, and is validated in the last fold.


def as_p0(run: Made, clip: str, **changes: str) -> None:
    """A clip of training learns something of p0, but in folds in which p0 is validated."""
    run.clip(clip, **(changes or {"subject_id": "casme2/p0"}))
    (last,) = (r["fold"] for r in run.rows if r["clip_id"] == "p0-0" and r["role"] == "validation")
    run.role(clip, last, "unused")


def donor(run: Made) -> None:
    run.rows = [r for r in run.rows if (r["clip_id"], r["role"]) != ("made-0", "unused")]


def validated(run: Made) -> None:
    as_p0(run, "made-0")
    run.role("made-0", "f0", "validation")


def validated_by_training(run: Made) -> None:
    run.clip("made-0", subject_id="casme2/p0")
    run.role("made-0", "f0", "unused")


def twice(run: Made) -> None:
    run.role("p0-0", "f1", "test")
    run.declare(protocol="k-fold")
    run.predictions = None  # a log has no place for them


def forgotten(run: Made) -> None:
    run.rows.append({**run.rows[0], "clip_id": "p0-1", "fold": None, "role": "train"})
    run.role("p0-1", "f0", "unused")
    run.clip("p0-1", source_image="p0-1.png", source_sha256="sha-p0-1")
    (last,) = (r["fold"] for r in run.rows if r["clip_id"] == "p0-0" and r["role"] == "validation")
    run.role("p0-1", last, "unused")


def swapped(run: Made) -> None:
    run.declare(label_map={"MiE-X": {"0": "positive", "1": "negative", "2": "surprise"}})


def alone(run: Made) -> None:
    run.declare(seeds=(0,))
    run.predictions = [row for row in run.predictions or [] if row["seed"] == 0]


def constant(run: Made) -> None:
    run.predictions = [{**row, "prediction": "negative"} for row in run.predictions or []]


PLANTS: dict[str, Callable[[Made], None]] = {
    "shared-people": lambda run: as_p0(run, "made-0"),
    "shared-images": lambda run: as_p0(run, "made-0", source_sha256="sha-p0-0"),
    "counterfactuals": lambda run: as_p0(run, "made-0", counterfactual_of="p0-0"),
    "macro-clips": lambda run: as_p0(run, "macro-0"),
    "donors": donor,
    "validation-in-test": validated,
    "validation-in-train": validated_by_training,
    "pretraining": lambda run: run.clip("before-0", subject_id="casme2/p0"),
    "shared-clips": lambda run: run.role("p0-0", "f0", "train"),
    "tested-twice": twice,
    "never-tested": forgotten,
    "protocol-name": lambda run: run.clip("p1-1", subject_id="another"),
    "selection": lambda run: run.declare(selection="best-on-test (leaky)"),
    "normalisation": lambda run: run.declare(normalisation="all"),
    "oversampling": lambda run: run.declare(oversampling="before-split"),
    "augmentation": lambda run: run.declare(augmentation="before-split"),
    "zero-padding": lambda run: run.declare(padding="zero"),
    "fold-averaging": lambda run: run.declare(aggregation="fold-averaged"),
    "one-seed": alone,
    "label-map": swapped,
    "readable-predictions": lambda run: run.predictions.append(run.predictions[0]),  # type: ignore
    "every-test-predicted": lambda run: run.predictions.pop() and None,  # type: ignore
    "every-class-predicted": constant,
    "config-hash": lambda run: run.declare(config_hash="decaf"),
}
WARNINGS = {"validation-in-train", "never-tested", "one-seed", "every-class-predicted"}


def explicit(run: Made) -> Made:
    """The same run with a row for every clip, role and fold."""
    with TemporaryDirectory() as folder:
        found = rows.read(run.write(Path(folder)))
    bits = {"train": rows.TRAIN, "validation": rows.VALIDATION, "test": rows.TEST}
    bits["pretrain"] = rows.PRETRAIN
    clips = found.clips.to_pylist()
    long = [
        {**clips[clip], "fold": fold.name, "role": role}
        for fold in found
        for role, bit in bits.items()
        for clip in np.flatnonzero(fold.has(bit)).tolist()
    ]
    return replace(run, rows=long)


@pytest.mark.parametrize("form", [made(), explicit(made()), made(k=3)])
def test_a_clean_run_is_silent(form: Made) -> None:
    found = report(form)
    assert found.findings == ()
    assert found.rules == tuple(RULES.names()) and len(found.rules) == 24
    assert (found.folds, found.clips) in ((7, 19), (3, 19))


def test_every_rule_has_a_name_and_a_plant() -> None:
    modules = [
        importlib.import_module(m.name) for m in iter_modules(lint.__path__, lint.__name__ + ".")
    ]
    rules = {id(v): v for m in modules for v in vars(m).values() if isinstance(v, lint.Rule)}
    assert sorted(rule.id for rule in rules.values()) == sorted(RULES.names()) == sorted(PLANTS)


@pytest.mark.parametrize("name", PLANTS)
def test_a_planted_leak_is_found_by_its_rule_alone(name: str) -> None:
    run = made()
    PLANTS[name](run)
    assert told(run) == {name}
    found = report(run, name)
    severity = "warning" if name in WARNINGS else "error"
    assert {finding.severity for finding in found.findings} == {severity}
    assert all(finding.source and finding.sentence.endswith(".") for finding in found.findings)


@given(
    sizes=st.lists(st.integers(1, 3), min_size=3, max_size=9),
    by_person=st.booleans(),
    folds=st.integers(3, 9),
    name=st.sampled_from(sorted(PLANTS)),
    long=st.booleans(),
)
@settings(max_examples=12)
def test_any_leak_in_any_run_is_found(
    sizes: list[int], by_person: bool, folds: int, name: str, long: bool
) -> None:
    sizes = [1, 2, *sizes]
    run = made(sizes, None if by_person else min(folds, len(sizes)))
    assert told(run) <= {"every-class-predicted"}
    if name in ("never-tested", "protocol-name"):
        run.declare(protocol="loso")
    PLANTS[name](run)
    assert name in told(explicit(run) if long and name != "pretraining" else run)


def test_the_numbers_of_a_finding() -> None:
    run = made()
    as_p0(run, "made-0")
    as_p0(run, "made-1")
    finding = only(run, "shared-people")
    assert finding.fold == "f0"
    assert finding.sentence == "People of the test who are also in training: 1 of 1 (clips: 2)."
    assert (finding.clips, finding.clip_count) == (("made-0", "made-1"), 2)
    assert finding.people == ("casme2/p0",)
    (short,) = report(run, "shared-people", max_rows=1).findings
    assert (short.clips, short.clip_count) == (("made-0",), 2)


def test_folds_are_told_apart_and_seeds_named() -> None:
    run = made()
    run.rows = [
        r
        for r in run.rows
        if (r["clip_id"], r["role"]) not in {("made-0", "unused"), ("made-1", "unused")}
    ]
    findings = report(run, "donors").findings
    assert [(f.fold, f.clips) for f in findings] == [("f1", ("made-0",)), ("f2", ("made-1",))]


@pytest.mark.parametrize(
    ("dataset", "subject", "leaks"),
    [
        ("casme2", "p0", True),
        ("celeba-hq", "casme2/p0", True),
        (None, "p0", True),  # may be anybody's
        ("celeba-hq", "p0", False),
        (None, "samm/p0", False),
    ],
)
def test_who_is_the_same_person(dataset: str | None, subject: str, leaks: bool) -> None:
    run = made()
    as_p0(run, "made-0", subject_id=subject, source_dataset=dataset)  # type: ignore[arg-type]
    assert ("shared-people" in told(run)) == leaks


@pytest.mark.parametrize("given", ["p1", "casme2/p1", "anything/else/p1"])
def test_donors_by_either_name(given: str) -> None:
    run = made()
    run.clip("made-1", au_source_subject=given)
    found = report(run, "donors").findings
    assert [f.clips for f in found] == ([("made-1",)] if given != "anything/else/p1" else [])


def test_an_image_name_counts_inside_its_dataset() -> None:
    run = made()
    as_p0(run, "made-0", source_image="p0-0.png")
    assert told(run) == set()
    run.clip("made-0", source_dataset="casme2", subject_id="somebody")
    assert told(run) == {"shared-images"}


def test_a_dataset_that_was_pretrained_on_as_a_whole() -> None:
    run = made()
    run.declare(pretraining=("imagenet", "CASME2"))
    assert "pretrained on casme2, which is tested" in only(run, "pretraining").sentence
    run.rows.append({**run.rows[0], "clip_id": "other", "subject_id": "other", "fold": None,
                     "role": "pretrain", "source_image": None, "source_sha256": None})  # fmt: skip
    assert told(run) == set()  # now the rows say who was in it


def test_pretraining_on_a_clip_of_the_test() -> None:
    run = made()
    run.role("p0-0", None, "pretrain")
    finding = only(run, "pretraining")
    assert (finding.fold, finding.clips) == ("f0", ("p0-0",))


def test_what_is_left_out_is_unchecked() -> None:
    run = made()
    run.manifest = type(run.manifest)()
    run.predictions = None
    with TemporaryDirectory() as folder:
        run.write(Path(folder))
        kept = [name for name in COLUMNS[:5]]
        found = pa.Table.from_pylist(run.rows).select(kept)
        rows.write(found, Path(folder))
        told = lint.check(lint.read(Path(folder)))
    assert told.of("error") == () and told.of("warning") == ()
    assert {f.rule for f in told.of("unchecked")} == {
        "shared-images", "counterfactuals", "donors", "protocol-name", "selection",
        "normalisation", "oversampling", "augmentation", "zero-padding", "fold-averaging",
        "one-seed", "label-map", "every-test-predicted", "every-class-predicted", "config-hash",
    }  # fmt: skip


def test_inner_validation_needs_rows_of_validation() -> None:
    run = made()
    run.rows = [row for row in run.rows if row["role"] != "validation"]
    (finding,) = report(run).findings
    assert (finding.rule, finding.severity) == ("selection", "unchecked")
    assert "7 of 7 folds have no rows of validation, such as f0" in finding.sentence


def test_other_selections_and_protocols_are_not_judged() -> None:
    run = made()
    run.declare(selection="by moonlight", protocol="everything")
    assert {(f.rule, f.severity) for f in report(run).findings} == {
        ("selection", "unchecked"),
        ("protocol-name", "unchecked"),
    }


def test_k_folds_called_loso() -> None:
    run = made(k=3)
    run.declare(protocol="loso")
    sentence = "The protocol is called loso, but 3 folds test 7 people, up to 3 in one."
    assert only(run, "protocol-name").sentence == sentence


def test_a_dataset_left_out_is_left_out() -> None:
    run = made()
    run.rows = [
        {**row, "fold": row["fold"] and row["source_dataset"]}
        for row in run.rows
        if row["role"] in ("train", "test") and row["source_dataset"] in ("casme2", "samm")
    ]
    run.predictions = None
    run.declare(protocol="lodo", selection="last")
    assert told(run) == set()
    run.rows.append({**run.rows[0], "clip_id": "more", "subject_id": "more", "fold": None,
                     "role": "train", "source_image": None, "source_sha256": None})  # fmt: skip
    finding = only(run, "protocol-name")
    assert finding.sentence == "Clips of training of the dataset that is left out: 1."
    assert (finding.fold, finding.clips) == ("casme2", ("more",))


def test_predictions_of_no_test() -> None:
    run = made()
    assert run.predictions is not None
    run.predictions[0] = {**run.predictions[0], "clip_id": "stranger"}
    missing, strange = report(run, "every-test-predicted").findings
    assert missing.sentence == (
        "1 of 24 tests have no prediction, in 1 of 7 folds and 1 of 2 seeds."
    )
    assert missing.clips == ("p0-0",)
    assert strange.sentence.startswith("1 of 24 predictions are of no test")
    assert (strange.clips, strange.clip_count, strange.people) == (("stranger",), 1, ())


def test_a_seed_that_never_predicted() -> None:
    run = made()
    run.declare(seeds=(0, 1, 2))
    assert "12 of 36 tests" in only(run, "every-test-predicted").sentence


@pytest.mark.parametrize(
    ("labels", "classes", "wrong"),
    [
        ({"mie_x": {"0": "negative"}}, ("negative", "positive", "surprise"), None),
        ({"ck+": {"6": "positive", "1": "negative"}}, None, "6 as positive instead of"),
        ({"casme2": {"happiness": "negative", "sadness": "negative"}}, ("negative", "positive"),
         "happiness as negative instead of positive"),
        ({"casme2": {"happiness": "happiness", "others": None}}, ("happiness", "others"), None),
        ({"casme2": {"Surprise": "positive"}}, ("negative", "positive"), None),
        ({"casme2": {"tense": "negative"}}, ("negative", "positive", "surprise"), None),
    ],
)  # fmt: skip
def test_labels(
    labels: dict[str, dict[str, str | None]], classes: tuple[str, ...] | None, wrong: str | None
) -> None:
    run = made()
    run.declare(label_map=labels, classes=classes, train_sets=())
    found = report(run, "label-map").findings
    assert [wrong in finding.sentence for finding in found if wrong] == ([True] if wrong else [])
    assert bool(found) == bool(wrong)


def test_classes_in_another_order_than_the_numbers_of_a_dataset() -> None:
    run = made()
    run.declare(label_map={}, classes=("positive", "negative", "surprise"))
    (finding,) = report(run, "label-map").findings
    assert finding.severity == "warning"
    assert "mie_x numbers them negative, positive, surprise" in finding.sentence


def test_folds_drawn_anew_for_each_seed() -> None:
    run = made(k=3)
    schema = pa.schema([*((name, pa.string()) for name in COLUMNS), ("seed", pa.int64())])
    long = [
        {**row, "seed": None if row["fold"] is None else seed}
        for row in run.rows
        for seed in (0, 1)
    ]
    with TemporaryDirectory() as name:
        folder = run.write(Path(name))
        rows.write(pa.Table.from_pylist(long, schema), folder)
        assert lint.check(lint.read(folder)).findings == ()
        long.append({**long[0], "clip_id": "p0-0", "fold": "f1", "role": "test", "seed": 1})
        rows.write(pa.Table.from_pylist(long, schema), folder)
        (finding,) = lint.check(lint.read(folder), ["tested-twice"]).findings
        assert finding.sentence == "Clips in the test of several folds of seed 1: 1."


def test_an_unknown_rule_and_no_folder(tmp_path: Path) -> None:
    with pytest.raises(EquimeError, match=r"There is no rule 'x'. Choose one of: shared-people"):
        report(made(), "x")
    with pytest.raises(DatasetError, match=r"There is no folder .*gone; a run is a folder"):
        lint.read(tmp_path / "gone")


def test_the_page_has_the_rules_and_its_example_is_clean(tmp_path: Path) -> None:
    page = (Path(__file__).parents[2] / "docs/protocols.md").read_text("utf-8")
    cells = [(f"`{rule.id}`", rule.severity, rule.title, rule.source) for rule in lint.chosen()]
    assert compact(("rule", "severity", "what must hold", "source"), cells, left=4) in page
    (code,) = re.findall(r"^```python\n(.*?)^```", page, flags=re.M | re.S)
    exec(code, {"run": tmp_path})
    (declared,) = re.findall(r"^```json\n(.*?)^```", page, flags=re.M | re.S)
    (tmp_path / "run.json").write_text(declared)
    found = lint.check(lint.read(tmp_path))
    assert found.of("error") == () and (found.folds, found.clips) == (3, 4)
