from __future__ import annotations

import json
import threading
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from datasets import load_dataset

from equime_hub import checksums
from equime_hub.cards.statistics import count
from equime_hub.errors import DatasetError, EquimeError, HubError, NotFoundError
from equime_hub.hub.append import append
from equime_hub.hub.sending import Wanted
from equime_hub.reports.verify import verify
from equime_hub.schema.releases import read_releases
from equime_hub.schema.stamp import ORIGIN, generation_name, read_origin
from tests.conftest import sums
from tests.hub.test_push import HERE, fine, saved, sound, stored, writes
from tests.support.hub_data import relabel
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call


def is_commit(call: Call) -> bool:
    return call.path == "/api/datasets/lab/equime/commit/main"


def described(folder: Path, **values: str) -> None:
    """Change `build.json`, and its sum."""
    origin = json.loads((folder / ORIGIN).read_text())
    (folder / ORIGIN).write_text(json.dumps({**origin, **values}))
    checksums.record(folder, checksums.read(folder), ORIGIN)


def test_a_generation_joins_and_old_shards_stay(
    published: Hub, generations: list[Path], tmp_path: Path
) -> None:
    repository = published.repository("lab/equime")
    old, logged, before = repository.at("v1.0.0"), len(published.log), sums(generations[1])
    report = append(generations[1], Wanted("lab/equime", note="Three more"), check=sound)
    assert report.release.tag == "v1.1.0"
    assert repository.tags == {"v1.0.0": old.oid, "v1.1.0": repository.head}
    assert repository.at("main").parent == old.oid
    assert sums(generations[1]) == before

    kept = {name: file.oid for name, file in old.files.items() if name.endswith(".parquet")}
    new = repository.at("main").files
    assert {name: new[name].oid for name in kept} == kept
    origin = read_origin(generations[1])
    assert origin is not None
    brought = {
        generation_name(name, origin.fingerprint): content
        for name, content in before.items()
        if name.endswith(".parquet") or name == ORIGIN
    }
    assert {*new} == {*old.files} | {*brought}
    assert all(new[name].content == content for name, content in brought.items())
    sent = sum(len(call.received) for call in published.log[logged:])
    size = sum(len(content) for content in brought.values())
    assert size <= sent < size + 150_000, "more than the new shards, a card and some words"

    copy = saved(published, tmp_path / "copy")
    assert verify(copy) == []
    assert [(r.tag, r.people, r.note) for r in read_releases(copy)] == [
        ("v1.0.0", 4, ""),
        ("v1.1.0", 3, "Three more"),
    ]
    assert verify(saved(published, tmp_path / "old", "v1.0.0")) == []
    assert published.readable_without_grant() == []


def test_earlier_releases_load_as_before(published: Hub, generations: list[Path]) -> None:
    append(generations[1], HERE, check=fine)
    one, two = (
        {split: size.clips for split, size in count(folder).splits.items()}
        for folder in generations[:2]
    )
    old = load_dataset("lab/equime", "metadata", revision="v1.0.0")
    new = load_dataset("lab/equime", "metadata")
    assert {split: len(rows) for split, rows in old.items()} == one
    assert {split: len(rows) for split, rows in new.items()} == {
        split: one.get(split, 0) + two.get(split, 0) for split in {*one, *two}
    }
    clips = load_dataset("lab/equime", split="train")
    assert clips["clip_id"][:] == new["train"]["clip_id"][:]


def test_appending_again_sends_nothing(published: Hub, generations: list[Path]) -> None:
    append(generations[1], HERE, check=fine)
    done = len(writes(published))
    report = append(generations[1], HERE, check=lambda folder: ["never asked"])
    assert (report.outcome, report.release.tag) == ("there already", "v1.1.0")
    assert append(generations[0], HERE, check=fine).release.tag == "v1.0.0"
    assert len(writes(published)) == done


def test_a_missing_tag_is_set_where_it_belongs(published: Hub, generations: list[Path]) -> None:
    repository = published.repository("lab/equime")
    append(generations[1], HERE, check=fine)
    own = repository.tags.pop("v1.1.0")
    append(generations[2], HERE, check=fine)
    assert repository.tags["v1.2.0"] == repository.head
    append(generations[1], HERE, check=fine)
    assert repository.tags["v1.1.0"] == own


def test_a_race_is_lost_and_both_are_there(
    published: Hub, generations: list[Path], tmp_path: Path
) -> None:
    published.before(is_commit, lambda: append(generations[2], HERE, check=fine))
    report = append(generations[1], HERE, check=fine)
    repository = published.repository("lab/equime")
    assert [call.status for call in published.log if is_commit(call)].count(412) == 1
    assert report.release.tag == "v1.2.0"
    assert list(repository.tags) == ["v1.0.0", "v1.1.0", "v1.2.0"]
    assert repository.tags["v1.2.0"] == repository.head
    copy = saved(published, tmp_path / "copy")
    assert verify(copy) == []
    assert [release.people for release in read_releases(copy)] == [4, 3, 3]
    assert len({call.received for call in stored(published)}) == len(stored(published))


def test_two_at_once(published: Hub, generations: list[Path], tmp_path: Path) -> None:
    failed: list[BaseException] = []
    together = threading.Barrier(2)

    def run(folder: Path) -> None:
        def wait(done: int, total: int) -> None:
            if done == total:
                together.wait()

        try:
            append(folder, HERE, check=fine, progress=wait)
        except BaseException as error:
            failed.append(error)

    threads = [threading.Thread(target=run, args=(folder,)) for folder in generations[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert len(published.repository("lab/equime").tags) == 3
    copy = saved(published, tmp_path / "copy")
    assert verify(copy) == [] and len(read_releases(copy)) == 3


def test_a_tag_made_meanwhile_is_passed_over(published: Hub, generations: list[Path]) -> None:
    repository = published.repository("lab/equime")
    repository.tags["v1.1.0"] = repository.head
    assert append(generations[1], HERE, check=fine).release.tag == "v1.2.0"
    with pytest.raises(HubError, match=r"has a tag v1\.1\.0 already"):
        append(generations[2], Wanted("lab/equime", tag="v1.1.0"), check=fine)
    report = append(generations[2], Wanted("lab/equime", tag="march"), check=fine)
    assert report.release.tag == "march" and repository.tags["march"] == repository.head


def of_the_first(hub: Hub, split: str, column: str) -> str:
    """Value of the first clip of a split that is published."""
    labels = hub.repository("lab/equime").files()[f"metadata/{split}-00000-of-00001.parquet"]
    value: str = pq.read_table(pa.BufferReader(labels))[column][0].as_py()
    return value


def another_licence(folder: Path, hub: Hub) -> None:
    described(folder, license="mit")


def another_schema(folder: Path, hub: Hub) -> None:
    described(folder, schema_version="9.0")


def a_clip_twice(folder: Path, hub: Hub) -> None:
    there = of_the_first(hub, "train", "clip_id")
    relabel(folder, "clip_id", there, rows=1)


def another_split(folder: Path, hub: Hub) -> None:
    there = of_the_first(hub, "validation", "subject_id")
    relabel(folder, "subject_id", there)


def a_borrowed_face(folder: Path, hub: Hub) -> None:
    there = of_the_first(hub, "validation", "source_sha256")
    relabel(folder, "source_sha256", there)


def licensed(folder: Path, hub: Hub) -> None:
    relabel(folder, "license", "restricted: SAMM")


def not_gated(folder: Path, hub: Hub) -> None:
    hub.repository("lab/equime").gated = False


def signed_out(folder: Path, hub: Hub) -> None:
    hub.sign_in(None)


def without_rights(folder: Path, hub: Hub) -> None:
    hub.sign_in("reader")


def by_hand(hub: Hub, name: str, content: bytes | None) -> None:
    """Somebody commits on the page of the repository."""
    repository = hub.repository("lab/equime")
    files = dict(repository.at("main").files)
    if content is None:
        del files[name]
    else:
        files[name] = type(files["README.md"])(content, False)
    repository.move("main", repository.add(repository.head, "by hand", "", "keeper", files).oid)


def card_without_sizes(folder: Path, hub: Hub) -> None:
    by_hand(hub, "README.md", b"---\nlicense: mit\n---\n")


def lost_shard(folder: Path, hub: Hub) -> None:
    by_hand(hub, "data/train-00000-of-00001.parquet", None)


def lost_releases(folder: Path, hub: Hub) -> None:
    by_hand(hub, "releases.json", None)


def climbing_name(folder: Path, hub: Hub) -> None:
    by_hand(hub, "metadata/../../train-00000.parquet", b"climbs")


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (another_licence, "one dataset has one licence"),
        (another_schema, r"has schema 9\.0"),
        (a_clip_twice, "is in lab/equime already"),
        (another_split, "is in validation of lab/equime and in train of"),
        (a_borrowed_face, "With the clips that are there, .* leaks"),
        (licensed, "may not be published"),
        (not_gated, "lets in whoever comes"),
        (signed_out, "nobody is signed in"),
        (without_rights, "no dataset repository|refuses"),
        (card_without_sizes, "is not what SHA256SUMS says"),
        (lost_shard, "is missing there"),
        (lost_releases, r"has no releases\.json"),
        (climbing_name, "no path inside a folder"),
    ],
)
def test_refusals_before_anything_is_sent(
    published: Hub, second: Path, change: Callable[[Path, Hub], None], says: str
) -> None:
    change(second, published)
    repository, done = published.repository("lab/equime"), len(writes(published))
    head = repository.head
    with pytest.raises(EquimeError, match=says):
        append(second, HERE, check=fine)
    assert (repository.head, len(writes(published))) == (head, done)


def test_an_unsound_generation(published: Hub, second: Path) -> None:
    done = len(writes(published))
    with pytest.raises(DatasetError, match="not sound, and nothing was sent: a leak"):
        append(second, HERE, check=lambda folder: ["a leak"])
    assert len(writes(published)) == done


def test_a_misfit_that_comes_while_uploading(published: Hub, generations: list[Path]) -> None:
    """The loser of a race is checked again on what the winner left."""
    published.before(is_commit, lambda: published.repository("lab/equime").move("main", repeat()))

    def repeat() -> str:
        repository = published.repository("lab/equime")
        files = {n: f for n, f in repository.at("main").files.items() if n != "releases.json"}
        return repository.add(repository.head, "by hand", "", "keeper", files).oid

    with pytest.raises(HubError, match=r"has no releases\.json"):
        append(generations[1], HERE, check=fine)
    assert len(published.repository("lab/equime").commits) == 3


def test_nothing_to_append_to(lab: Hub, generations: list[Path]) -> None:
    with pytest.raises(NotFoundError, match="no dataset repository lab/equime"):
        append(generations[1], HERE, check=fine)


def test_a_dry_run_changes_nothing(published: Hub, generations: list[Path]) -> None:
    done = len(writes(published))
    report = append(generations[1], Wanted("lab/equime", dry_run=True), check=fine)
    assert (report.outcome, report.release.tag) == ("planned", "v1.1.0")
    assert all("-g" in p.name for p in report.files if p.name.endswith(".parquet"))
    assert len(writes(published)) == done


def test_a_pull_request_and_its_tag(published: Hub, generations: list[Path]) -> None:
    repository = published.repository("lab/equime")
    head = repository.head
    report = append(generations[1], Wanted("lab/equime", pr=True), check=fine)
    assert report.outcome == "proposed" and report.pull_request
    assert repository.head == head and "v1.1.0" not in repository.tags
    repository.merge(1)
    assert append(generations[1], HERE, check=fine).outcome == "there already"
    assert repository.tags["v1.1.0"] == repository.head
