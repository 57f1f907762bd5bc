from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.errors import DatasetError
from equime_hub.schema.taxonomy import GENDERS
from equime_hub.splits import lookalikes, rows
from equime_hub.splits.assign import assign
from equime_hub.splits.audit import Audit, audit

Row = dict[str, Any]


def clips(people: Mapping[str, str], per_person: int = 2, **more: Any) -> list[Row]:
    """Clips of people in splits, one image each."""
    return [
        {
            "clip_id": f"{person}-{number}",
            "split": split,
            "subject_id": person,
            "source_dataset": "made",
            "source_image": f"{person}.png",
            "source_sha256": f"sha-{person}",
            "au_source_subject": None,
            "counterfactual_of": None,
            "gender": "woman",
            "race": "asian",
            "age_group": "20-30",
            **more,
        }
        for person, split in people.items()
        for number in range(per_person)
    ]


def clean_clips() -> list[Row]:
    return clips({"a": "train", "b": "train", "c": "validation", "d": "test"})


def run(found: list[Row], **options: Any) -> Audit:
    return audit(pa.Table.from_pylist(found), **options)


def rules(found: Audit) -> list[tuple[str, str]]:
    return [(finding.rule, finding.severity) for finding in found.findings]


def test_a_clean_table_is_silent() -> None:
    found = run(clean_clips())
    assert found.findings == () and found.leaks == ()
    assert (found.clips, found.people, found.images) == (8, 4, None)


@given(strata=st.lists(st.sampled_from(GENDERS), min_size=1, max_size=60), seed=st.integers(0, 99))
def test_what_assign_gives_is_silent(strata: list[str], seed: int) -> None:
    split = assign((f"p{i}", (gender,)) for i, gender in enumerate(strata))
    found = [
        {**row, "gender": strata[int(row["subject_id"][1:])], "counterfactual_of": f"p{seed}-0"}
        for row in clips(split)
    ]
    alone = [row for row in found if row["subject_id"] == f"p{seed}"]
    others = [{**row, "counterfactual_of": None} for row in found if row not in alone]
    assert run(others + alone).findings == ()


def test_a_person_in_two_splits() -> None:
    found = clean_clips()
    found[0].update(split="test", source_sha256=None)
    (leak,) = run(found).findings
    assert (leak.rule, leak.severity) == ("shared people", "leak")
    assert (leak.people, set(leak.clips)) == (("a",), {"a-0", "a-1"})
    assert leak.sentence.startswith(
        "People in more than one split: 1 of 4, such as a (test, train). "
    )


def test_an_image_in_two_splits_and_of_two_people() -> None:
    found = clean_clips()
    found[-1]["source_sha256"] = "sha-a"
    report = run(found)
    assert rules(report) == [("shared images", "leak")] * 2
    in_splits, of_people = report.findings
    assert "1 of 4, such as a.png (test, train)" in in_splits.sentence
    assert "1 of 4, such as a.png (a, d)" in of_people.sentence
    assert set(in_splits.clips) == {"a-0", "a-1", "d-1"} and set(in_splits.people) == {"a", "d"}


def test_an_image_of_two_people_of_one_split() -> None:
    found = clean_clips()
    found[2]["source_sha256"] = "sha-a"
    (leak,) = run(found).leaks
    assert "more than one person: 1 of 4, such as a.png (a, b)" in leak.sentence


def test_a_counterfactual_in_another_split() -> None:
    found = clean_clips()
    found[-1]["counterfactual_of"] = "a-1"
    found[1]["counterfactual_of"] = "a-0"
    found[2]["counterfactual_of"] = "not in the table"
    (leak,) = run(found).findings
    assert leak.rule == "counterfactuals" and "1, such as d-1 of a-1" in leak.sentence
    assert leak.clips == ("d-1",)


@pytest.mark.parametrize(
    ("split", "donor", "leaks"),
    [
        ("train", "made/d", True),
        ("train", "d", True),
        ("train", "made/c", True),
        ("train", "made/a", False),
        ("train", "other/d", False),
        ("validation", "made/d", True),
        ("validation", "made/a", False),
        ("test", "made/a", False),
        ("test", "made/c", False),
    ],
)
def test_action_units_of_a_held_out_person(split: str, donor: str, leaks: bool) -> None:
    found = clean_clips()
    clip = next(row for row in found if row["split"] == split)
    clip["au_source_subject"] = donor
    report = run(found)
    assert rules(report) == [("donors", "leak")] * leaks
    told = [(finding.people, finding.clips) for finding in report.findings]
    assert told == [((donor,), (clip["clip_id"],))] * leaks
    assert not leaks or f"1, such as those of {donor}. " in report.leaks[0].sentence


def test_subjects_that_are_images_are_a_warning() -> None:
    found = clips({"1": "train", "2": "test"}, source_dataset="celebahq (subjects are images)")
    (warning,) = run(found).findings
    assert (warning.rule, warning.severity) == ("images as people", "warning")
    assert "celebahq (subjects are images)" in warning.sentence
    assert run(found, identities={"1.png": "x", "2.png": "y"}).findings == ()


def test_a_split_by_image_number_is_caught_by_the_identities() -> None:
    numbers = [str(number) for number in range(40)]
    split = assign((number, ()) for number in numbers)
    found = clips(split, source_dataset="celebahq (subjects are images)")
    identities = {f"{number}.png": f"person {int(number) // 4}" for number in numbers}
    assert run(found).leaks == ()
    report = run(found, identities=identities)
    splits: defaultdict[str, set[str]] = defaultdict(set)
    for number, where in split.items():
        splits[identities[f"{number}.png"]].add(where)
    parted = {person for person, where in splits.items() if len(where) > 1}
    (leak,) = report.findings
    assert leak.rule == "shared people" and set(leak.people) == parted != set()
    assert f"{len(parted)} of 10, such as person " in leak.sentence
    assert report.people == 10
    true = clips(assign((person, ()) for person in splits))
    assert run(true, identities={f"{who}.png": who for who in splits}).findings == ()


def test_people_of_a_kind_in_one_split_are_told() -> None:
    found = clips({f"m{i}": "train" for i in range(20)}, gender="man")
    found += clips({f"w{i}": "test" for i in range(20)})
    report = run(found)
    assert rules(report) == [("balance", "info")]
    men, women = report.balance.strata
    assert (men.name, men.got, men.expected) == (
        "man, asian, 20-30",
        {"train": 20, "test": 0},
        {"train": 10, "test": 10},
    )
    assert men.deviation == women.deviation == report.balance.worst.deviation == 10
    assert report.balance.people == {"train": 20, "test": 20}


@given(st.lists(st.tuples(st.sampled_from("abcdef"), st.sampled_from("xyz")), min_size=1))
def test_the_balance_counts_people_and_not_clips(found: list[tuple[str, str]]) -> None:
    table = [
        {**row, "clip_id": str(number), "gender": None, "race": None, "age_group": None}
        for number, (person, split) in enumerate(found)
        for row in clips({person: split}, 1)
    ]
    even = run(table).balance
    assert even.people == Counter(split for _, split in set(found))
    (stratum,) = even.strata
    assert stratum.name == "unknown, unknown, unknown"
    assert stratum.deviation == 0 and stratum.got == even.people


# --- photographs ----------------------------------------------------------------------------------

Image = npt.NDArray[np.uint8]


def photograph(seed: int, size: int = 128) -> Image:
    """Smooth noise: no two look the same."""
    noise = np.random.default_rng(seed).integers(0, 256, (8, 8, 3), dtype=np.uint8)
    return np.asarray(cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC), np.uint8)


def resized(image: Image, size: int) -> Image:
    return np.asarray(cv2.resize(image, (size, size), interpolation=cv2.INTER_AREA), np.uint8)


def jpeg(image: Image, quality: int) -> Image:
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def look(found: list[Row], images: Mapping[str, Image], **options: Any) -> Audit:
    return run(found, pixels=lambda row: images[found[row]["subject_id"]], **options)


def test_photographs_that_differ_are_silent() -> None:
    steps: list[tuple[int, int]] = []
    images = {person: photograph(seed) for seed, person in enumerate("abcd")}
    report = look(clean_clips(), images, progress=lambda *step: steps.append(step))
    assert report.findings == () and report.images == 4
    assert steps == [(done, 4) for done in range(5)]


def test_a_copy_in_another_split_is_a_leak() -> None:
    images = {person: photograph(seed) for seed, person in enumerate("abcd")}
    images["d"] = jpeg(resized(images["a"], 80), 50)
    (leak,) = look(clean_clips(), images).findings
    assert (leak.rule, leak.severity) == ("look-alikes", "leak")
    assert "in two splits: 1, such as a.png (train) and d.png (test). " in leak.sentence
    assert leak.people == ("a", "d")


def test_a_copy_of_two_people_of_one_split_is_a_warning() -> None:
    images = {person: photograph(seed) for seed, person in enumerate("abcd")}
    images["b"] = jpeg(images["a"], 80)
    (warning,) = look(clean_clips(), images).findings
    assert (warning.rule, warning.severity) == ("look-alikes", "warning")
    assert "of two people: 1, such as a.png (a) and b.png (b). " in warning.sentence


def test_frames_without_a_hash_are_all_compared() -> None:
    found = [{**row, "source_sha256": None} for row in clean_clips()]
    images = {person: photograph(seed) for seed, person in enumerate("abcd")}
    report = look(found, images)
    assert report.images == 8 and report.findings == ()


@pytest.mark.parametrize("change", ["quality 20", "half", "double", "darker"])
def test_copies_are_found_among_many(change: str) -> None:
    images = [photograph(seed) for seed in range(300)]
    changed: Callable[[Image], Image] = {
        "quality 20": lambda image: jpeg(image, 20),
        "half": lambda image: resized(image, 64),
        "double": lambda image: resized(image, 256),
        "darker": lambda image: (image * 0.8).astype(np.uint8),
    }[change]
    copies = [changed(image) for image in images[::10]]
    sketches = np.stack([lookalikes.sketch(image) for image in images + copies])
    expected = [(10 * number, 300 + number) for number in range(30)]
    assert sorted(lookalikes.pairs(sketches)) == expected


@given(
    hashes=st.lists(st.sampled_from([0, 1, 3, 0xFF, 2**64 - 1, 2**63]), max_size=12),
    block=st.integers(1, 5),
)
def test_every_near_pair_is_found_once(hashes: list[int], block: int) -> None:
    sketches = np.zeros(len(hashes), lookalikes.SKETCH)
    sketches["hash"] = np.array(hashes, np.uint64)
    sketches["thumbnail"] = photograph(0, 16)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(lookalikes, "_BLOCK", block)
        patch.setattr(lookalikes, "_PAIRS", block)
        found = list(lookalikes.pairs(sketches, max_bits=2))
    assert sorted(found) == [
        (i, j)
        for i in range(len(hashes))
        for j in range(i + 1, len(hashes))
        if (hashes[i] ^ hashes[j]).bit_count() <= 2
    ]


def test_hashes_alone_do_not_make_a_pair_and_one_colour_is_like_no_other() -> None:
    sketches = np.zeros(4, lookalikes.SKETCH)
    for place in (0, 1):
        sketches["thumbnail"][place] = photograph(place, 16)
    sketches["thumbnail"][2:] = 90
    assert list(lookalikes.pairs(sketches)) == []


# --- rows -----------------------------------------------------------------------------------------


def test_a_dataset_has_the_rows_of_its_plan(built: Path, plan: Any) -> None:
    found = rows.read(built)
    told = {row["clip_id"]: row for row in found.to_pylist()}
    assert len(told) == len(plan.specs)
    for spec in plan.specs:
        row = told[spec.clip_id]
        assert (row["split"], row["subject_id"]) == (spec.split, spec.face.subject_id)
        assert (row["gender"], row["race"]) == (spec.face.gender, spec.face.race)
        assert (row["age_group"], row["counterfactual_of"]) == (spec.face.age_group, None)
    assert audit(found).findings == ()


def test_labels_alone_can_be_audited(dataset: Path) -> None:
    whole = rows.read(dataset)
    for shard in dataset.glob("data/*"):
        shard.unlink()
    assert rows.read(dataset).equals(whole)


def test_absent_columns_are_told() -> None:
    found = [{key: row[key] for key in rows.REQUIRED} for row in clean_clips()]
    (told,) = run(found).findings
    assert told.severity == "info" and "no source_dataset, source_image" in told.sentence


def test_identities_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "who.csv"
    path.write_text("subject_id,source_image,note\n7, a.png ,x\n7,b.png,y\n")
    assert rows.read_identities(path) == {"a.png": "7", "b.png": "7"}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            b"file,subject_id\na.png,1\n",
            "lacks the columns source_image; it needs source_image, subject_id",
        ),
        (b"", "needs a header and at least one row"),
        (b"source_image,subject_id\na.png,1\na.png,2\n", "line 3: a.png is '2' here and '1' above"),
        (b"source_image,subject_id\na.png\n", "line 2: 1 cells under a header of 2"),
        (b"source_image,subject_id\n,1\n", "line 2: a cell is empty"),
        (b"source_image,subject_id\n\xff,1\n", "cannot be read as a CSV"),
        (b'source_image,subject_id\n"a.png,1\n', "cannot be read as a CSV"),
    ],
)
def test_identities_that_are_none(tmp_path: Path, text: bytes, sentence: str) -> None:
    path = tmp_path / "who.csv"
    path.write_bytes(text)
    with pytest.raises(DatasetError, match=sentence):
        rows.read_identities(path)


@pytest.mark.parametrize("identities", [{}, {"000001.jpg": "1"}, {"a.png": "1"}])
def test_identities_of_other_images(identities: dict[str, str]) -> None:
    with pytest.raises(DatasetError, match=r"source images have no identity, such as '[ab]\.png'"):
        run(clean_clips(), identities=identities)


def test_rows_that_cannot_be_audited(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no column split, subject_id"):
        audit(pa.table({"clip_id": ["x"]}))
    with pytest.raises(DatasetError, match="There is no row"):
        audit(pa.Table.from_pylist(clean_clips()).slice(0, 0))
    for name in rows.REQUIRED:
        found = clean_clips()
        found[3][name] = None
        with pytest.raises(DatasetError, match=f"Row 3 has no {name}"):
            run(found)
    with pytest.raises(DatasetError, match="no dataset and no plan at"):
        rows.read(tmp_path / "gone")
    with pytest.raises(DatasetError, match="holds no built dataset"):
        rows.read(tmp_path)
    (tmp_path / "text.parquet").write_text("no table")
    with pytest.raises(DatasetError, match=r"text\.parquet cannot be read as Parquet"):
        rows.read(tmp_path / "text.parquet")


def test_any_parquet_table_will_do(tmp_path: Path) -> None:
    pq.write_table(pa.Table.from_pylist(clean_clips()), tmp_path / "own.parquet")
    assert audit(rows.read(tmp_path / "own.parquet")).findings == ()
