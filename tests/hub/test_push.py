from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from datasets import load_dataset
from huggingface_hub import HfApi

from equime_hub import checksums
from equime_hub.errors import DatasetError, HubError, NotFoundError, NotSignedInError, OfflineError
from equime_hub.hub.push import push
from equime_hub.hub.sending import Wanted
from equime_hub.reports.verify import verify
from equime_hub.schema.releases import read_releases
from equime_hub.schema.stamp import read_origin
from tests.conftest import sums
from tests.support.hub_data import relabel
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.log import Call

HERE = Wanted("lab/equime")


def sound(folder: Path) -> list[str]:
    """What `equime verify` finds."""
    return [finding.problem for finding in verify(folder)]


def fine(folder: Path) -> list[str]:
    """For tests that are about something else."""
    return []


def writes(hub: Hub) -> list[Call]:
    """Requests that change something."""
    return [call for call in hub.log if call.method not in ("GET", "HEAD")]


def stored(hub: Hub) -> list[Call]:
    """Contents of large files that were sent."""
    return [call for call in hub.log if call.method == "PUT" and call.path.startswith("/lfs/")]


def saved(hub: Hub, folder: Path, revision: str = "main") -> Path:
    """A plain copy of what the repository holds."""
    for name, content in hub.repository("lab/equime").files(revision).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)
    return folder


def test_a_dataset_is_gated_before_its_first_byte_and_public_last(
    lab: Hub, first: Path, tmp_path: Path
) -> None:
    before = sums(first)
    steps: list[tuple[int, int]] = []
    report = push(
        first,
        Wanted("lab/equime", note="The first\nones"),
        check=sound,
        public=True,
        progress=lambda done, total: steps.append((done, total)),
    )
    repository = lab.repository("lab/equime")
    assert repository.gated == "manual" and not repository.private
    assert repository.tags == {"v1.0.0": repository.head}
    assert [commit.title for commit in repository.commits] == ["initial commit", "v1.0.0: 20 clips"]
    assert sums(first) == before

    changes = [(c.method, c.path.split("/")[-1] if c.path[:5] == "/api/" else c.path[:5])
               for c in writes(lab)]  # fmt: skip
    order = [step for step in changes if step[1] in ("create", "settings", "/lfs/", "main")]
    assert order[:2] == [("POST", "create"), ("PUT", "settings")]
    assert [step for step in order[2:] if step != ("POST", "main")][-1] == ("PUT", "settings")
    assert '"visibility":"private"' in writes(lab)[0].received.decode().replace(" ", "")
    assert lab.readable_without_grant() == []

    copy = saved(lab, tmp_path / "copy")
    assert {*sums(copy)} == {*before, "releases.json", ".gitattributes"}
    assert all((copy / n).read_bytes() == before[n] for n in before if n.endswith(".parquet"))
    assert verify(copy) == []
    (release,) = read_releases(copy)
    origin = read_origin(first)
    assert origin is not None
    assert (release.tag, release.build, release.people) == ("v1.0.0", origin.fingerprint, 4)
    assert release.clips == {"train": 15, "validation": 5}
    assert release.note == "The first ones"
    assert "extra_gated_fields" in (copy / "README.md").read_text()

    size = sum(len(content) for name, content in before.items() if name.endswith(".parquet"))
    assert steps[0] == (0, size) and steps[-1] == (size, size)
    assert {piece.name for piece in report.files} == {*before, "releases.json"}


def test_what_was_pushed_is_loaded(published: Hub) -> None:
    rows = load_dataset("lab/equime", split="train", revision="v1.0.0")
    labels = load_dataset("lab/equime", "metadata", split="train")
    assert len(rows) == 15
    assert rows["clip_id"][:] == labels["clip_id"][:]


def test_pushing_again_sends_nothing(published: Hub, generations: list[Path]) -> None:
    done = len(writes(published))
    report = push(generations[0], HERE, check=lambda folder: ["never asked"])
    assert report.outcome == "there already"
    assert report.release.tag == "v1.0.0"
    assert len(writes(published)) == done
    assert published.repository("lab/equime").private


def test_a_finished_commit_gets_what_it_lacks(published: Hub, generations: list[Path]) -> None:
    repository = published.repository("lab/equime")
    release = repository.tags.pop("v1.0.0")
    repository.move("main", repository.add(release, "a word", "", "keeper", {
        **repository.at(release).files, "NOTES.md": repository.at(release).files["build.json"],
    }).oid)  # fmt: skip
    repository.gated = False
    assert push(generations[0], HERE, check=fine, public=True).outcome == "there already"
    assert repository.tags == {"v1.0.0": release}
    assert [repository.private, repository.gated] == [False, "manual"]


def test_an_upload_that_was_stopped_goes_on(lab: Hub, generations: list[Path]) -> None:
    def stop(done: int, total: int) -> None:
        if done > total / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        push(generations[0], HERE, check=fine, progress=stop)
    repository = lab.repository("lab/equime")
    assert [*repository.files()] == [".gitattributes"] and repository.tags == {}
    push(generations[0], HERE, check=fine)
    sent = [call.received for call in stored(lab)]
    shards = [name for name in repository.files() if name.endswith(".parquet")]
    assert len(sent) == len({*sent}) == len(shards)


def test_leftovers_and_strangers_in_the_folder_stay_here(lab: Hub, first: Path) -> None:
    for name in (".building/data/train.parquet", ".measuring/lock", "secret.txt", "data/x.tmp"):
        (first / name).parent.mkdir(parents=True, exist_ok=True)
        (first / name).write_text("not to be seen")
    push(first, HERE, check=fine)
    assert not any(b"not to be seen" in call.received for call in lab.log)


def sign_out(lab: Hub, folder: Path) -> None:
    lab.sign_in(None)


def stranger(lab: Hub, folder: Path) -> None:
    lab.sign_in("reader")


def half_moved(lab: Hub, folder: Path) -> None:
    (folder / checksums.STAGED).mkdir()


def unfinished(lab: Hub, folder: Path) -> None:
    left = {k: v for k, v in checksums.read(folder).items() if k != "README.md"}
    checksums.write(folder, left)


def gone(lab: Hub, folder: Path) -> None:
    next(folder.glob("data/*.parquet")).unlink()


def damaged(lab: Hub, folder: Path) -> None:
    with next(folder.glob("data/*.parquet")).open("r+b") as file:
        file.seek(1000)
        file.write(b"damage")


def copied(lab: Hub, folder: Path) -> None:
    (folder / "releases.json").write_text('{"releases": []}')


def outside(lab: Hub, folder: Path) -> None:
    checksums.write(folder, {**checksums.read(folder), "../secret.txt": "0" * 64})


@pytest.mark.parametrize(
    ("change", "error", "says"),
    [
        (sign_out, NotSignedInError, "nobody is signed in"),
        (stranger, HubError, "refuses|forbidden"),
        (half_moved, DatasetError, "equime measure"),
        (unfinished, DatasetError, "no finished dataset"),
        (gone, DatasetError, "is missing"),
        (damaged, DatasetError, "not sound, and nothing was sent: is damaged"),
        (copied, DatasetError, "published already"),
        (outside, HubError, "no path inside a folder"),
        (lambda lab, folder: relabel(folder, "license", "restricted: SAMM form"), DatasetError,
         "may not be published.*'restricted: SAMM form'"),
        (lambda lab, folder: relabel(folder, "source_dataset", "CASME II"), DatasetError,
         "may not be published.*'CASME II'"),
    ],
)  # fmt: skip
def test_refusals_before_anything_is_sent(
    lab: Hub,
    first: Path,
    change: Callable[[Hub, Path], None],
    error: type[Exception],
    says: str,
) -> None:
    change(lab, first)
    with pytest.raises(error, match=says):
        push(first, HERE, check=sound)
    assert ("dataset", "lab/equime") not in lab.repositories
    assert stored(lab) == []


@pytest.mark.parametrize(
    ("wanted", "says"),
    [
        (Wanted("equime"), "ORG/NAME"),
        (Wanted("lab/../equime"), "ORG/NAME"),
        (Wanted("lab/equime", tag="not a tag"), "cannot be a tag"),
        (Wanted("lab/equime", tag="main"), "cannot be a tag"),
    ],
)
def test_names_that_cannot_be(lab: Hub, first: Path, wanted: Wanted, says: str) -> None:
    with pytest.raises((HubError, DatasetError), match=says):
        push(first, wanted, check=fine)
    assert writes(lab) == []


def test_a_repository_of_other_things_is_left_alone(
    published: Hub, generations: list[Path]
) -> None:
    done = len(writes(published))
    with pytest.raises(HubError, match=r"holds something else already.*equime append"):
        push(generations[1], HERE, check=fine)
    assert len(writes(published)) == done


def test_the_same_build_with_other_values_is_refused(lab: Hub, first: Path) -> None:
    push(first, HERE, check=fine)
    relabel(first, "encoding", "another")
    with pytest.raises(HubError, match=r"has this build as v1\.0\.0.*measured anew"):
        push(first, HERE, check=fine)
    with pytest.raises(HubError, match=r"already, as v1\.0\.0 and not as v2\.0\.0"):
        push(saved_first(first, lab), Wanted("lab/equime", tag="v2.0.0"), check=fine)


def saved_first(folder: Path, lab: Hub) -> Path:
    """The folder with the values that were published."""
    for name in checksums.read(folder):
        if name.endswith(".parquet"):
            content = lab.repository("lab/equime").files()[name]
            (folder / name).write_bytes(content)
            checksums.record(folder, checksums.read(folder), name)
    return folder


def test_an_empty_repository_of_a_colleague_is_taken(lab: Hub, first: Path) -> None:
    lab.sign_in("helper")
    HfApi().create_repo("lab/equime", repo_type="dataset", private=False)
    lab.sign_in("keeper")
    push(first, HERE, check=fine)
    repository = lab.repository("lab/equime")
    assert repository.gated == "manual"
    assert lab.readable_without_grant() == []


def test_a_gate_that_does_not_close_stops_everything(lab: Hub, first: Path) -> None:
    def open_again() -> None:
        lab.repository("lab/equime").gated = False

    lab.before(
        lambda call: call.path == "/api/datasets/lab/equime" and ("dataset", "lab/equime")
        in lab.repositories,
        open_again,
    )  # fmt: skip
    with pytest.raises(HubError, match="does not become gated"):
        push(first, HERE, check=fine)
    assert stored(lab) == []


def test_a_gate_opened_during_the_upload_stops_the_commit(lab: Hub, first: Path) -> None:
    def open_again(done: int, total: int) -> None:
        if done == total:
            lab.repository("lab/equime").gated = False

    with pytest.raises(HubError, match="equime gate on lab/equime"):
        push(first, HERE, check=fine, progress=open_again)
    assert [*lab.repository("lab/equime").files()] == [".gitattributes"]


def test_a_file_that_changes_while_it_is_sent_is_noticed(lab: Hub, first: Path) -> None:
    def write_into_it(done: int, total: int) -> None:
        if done == 0:
            damaged(lab, first)

    with pytest.raises(DatasetError, match="changed while it was sent"):
        push(first, HERE, check=fine, progress=write_into_it)
    assert [*lab.repository("lab/equime").files()] == [".gitattributes"]


def test_a_tag_that_belongs_to_another_commit(published: Hub, generations: list[Path]) -> None:
    repository = published.repository("lab/equime")
    repository.tags["v1.0.0"] = repository.commits[0].oid
    with pytest.raises(HubError, match=r"tag v1\.0\.0 belongs to commit"):
        push(generations[0], HERE, check=fine)


def test_a_tag_in_an_empty_repository(lab: Hub, generations: list[Path]) -> None:
    HfApi().create_repo("lab/equime", repo_type="dataset")
    HfApi().create_tag("lab/equime", tag="v1.0.0", repo_type="dataset")
    with pytest.raises(HubError, match=r"is empty but has a tag v1\.0\.0"):
        push(generations[0], HERE, check=fine)
    push(generations[0], Wanted("lab/equime", tag="first"), check=fine)
    assert lab.repository("lab/equime").tags["first"] == lab.repository("lab/equime").head


def test_a_dry_run_changes_nothing(lab: Hub, generations: list[Path]) -> None:
    report = push(generations[0], Wanted("lab/equime", dry_run=True), check=fine, public=True)
    assert report.outcome == "planned"
    shards = {p.name: p.size for p in report.files if p.name.endswith(".parquet")}
    assert shards == {
        name: len(content)
        for name, content in sums(generations[0]).items()
        if name.endswith(".parquet")
    }
    assert writes(lab) == []
    with pytest.raises(DatasetError, match="broken"):
        push(generations[0], Wanted("lab/equime", dry_run=True), check=lambda folder: ["broken"])


def test_a_pull_request_of_a_stranger(lab: Hub, generations: list[Path]) -> None:
    proposal = Wanted("lab/equime", pr=True)
    with pytest.raises(NotFoundError, match="no dataset repository"):
        push(generations[0], proposal, check=fine)
    HfApi().create_repo("lab/equime", repo_type="dataset", private=False)
    lab.sign_in("reader")
    with pytest.raises(HubError, match="lets in whoever comes"):
        push(generations[0], proposal, check=fine)
    lab.repository("lab/equime").gated = "manual"
    lab.ask("reader", "lab/equime")
    lab.repository("lab/equime").requests["reader"].status = "accepted"
    report = push(generations[0], proposal, check=fine)
    repository = lab.repository("lab/equime")
    assert report.outcome == "proposed"
    assert report.pull_request == f"{lab.endpoint}/datasets/lab/equime/discussions/1"
    assert [*repository.files()] == [".gitattributes"] and repository.tags == {}
    repository.merge(1)
    lab.sign_in("keeper")
    assert push(generations[0], HERE, check=fine).outcome == "there already"
    assert repository.tags == {"v1.0.0": repository.head}


def test_without_a_network(lab: Hub, first: Path) -> None:
    lab.stop()
    with pytest.raises(OfflineError, match="cannot be reached"):
        push(first, HERE, check=fine)
