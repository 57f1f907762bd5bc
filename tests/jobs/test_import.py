from __future__ import annotations

import csv
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pyarrow.parquet as pq
import pytest

import equime_hub
from equime_hub.builder.measure.gates import Gates
from equime_hub.builder.measure.meter import Measures
from equime_hub.cards import dataset_card
from equime_hub.errors import BuildError
from equime_hub.jobs import import_
from equime_hub.jobs.import_ import ImportReport, ImportSource
from equime_hub.jobs.measure import measure
from equime_hub.loading_script.real import pixels
from equime_hub.loading_script.real.clip import RealClip
from equime_hub.reports.verify import verify
from equime_hub.schema.imports import Problem
from equime_hub.schema.licences import is_restricted
from tests.conftest import sums
from tests.support import forks
from tests.support.trees.drawing import recording

CLIPS = 20
FRAMES = 4


def lab(root: Path) -> list[RealClip]:
    """Four people with five clips each; the fourth is a test person."""
    clips = []
    for number in range(CLIPS):
        person = number // 5
        names = tuple(f"{person}/{number}/{n}.png" for n in range(FRAMES))
        recording(root, names, person)
        clips.append(
            RealClip(
                "dfme", f"s{person}", f"c{number:02}", names, 100.0, "DFME licence",
                onset=0, apex=2, offset=3, apex_source="annotated", emotion="fear",
                emotion_3="negative", part="test_A" if person == 3 else "train",
            )
        )  # fmt: skip
    return clips


def source(root: Path, clips: list[RealClip], shard_bytes: int = 1) -> ImportSource:
    read = partial(pixels.read, root)
    return ImportSource("dfme", "DFME", "DFME licence", "Zhao 2023", clips, read, {}, shard_bytes)


def run(root: Path, clips: list[RealClip], out: Path, workers: int = 1) -> ImportReport:
    return import_.import_clips(source(root, clips), out, card=dataset_card.write, workers=workers)


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[RealClip], Path]:
    """The lab's folder, its clips, and what they became; do not change them."""
    base = tmp_path_factory.mktemp("imported")
    clips = lab(base / "lab")
    report = run(base / "lab", clips, base / "out")
    assert (report.clips, report.made, report.lost) == (CLIPS, CLIPS, 0)
    return base / "lab", clips, base / "out"


Imported = tuple[Path, list[RealClip], Path]


def test_what_was_imported_is_a_sound_dataset(imported: Imported) -> None:
    _, clips, out = imported
    assert verify(out) == []
    assert not (out / ".building").exists()
    opened = equime_hub.load(out)
    assert {split: len(rows) for split, rows in opened.items()} == {"train": 15, "test": 5}
    assert opened["train"]["clip_id"] == [clip.clip_id for clip in clips[:15]]
    assert set(opened["test"]["part"]) == {"test_A"}
    assert opened["train"][3]["video"][0].shape == (3, 48, 40)


def test_rows_folder_and_card_say_that_it_is_licensed(imported: Imported) -> None:
    _, _, out = imported
    for path in out.glob("*/*.parquet"):
        licences = pq.read_table(path, columns=["license"])["license"].to_pylist()
        assert all(is_restricted(licence) for licence in licences)
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "Do not pass it on" in card
    assert "license: other" in card
    assert "Zhao 2023" in card
    assert "synthetic micro-expression clips" not in card


def test_the_bytes_depend_on_the_clips_alone(imported: Imported, tmp_path: Path) -> None:
    root, clips, out = imported
    run(root, clips, tmp_path / "two", workers=2)
    assert sums(tmp_path / "two") == sums(out)


def test_a_finished_import_is_left_as_it_is(imported: Imported, tmp_path: Path) -> None:
    root, clips, out = imported
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    shutil.move(root, tmp_path / "away")
    try:
        report = run(root, clips, copy)
    finally:
        shutil.move(tmp_path / "away", root)
    assert (report.clips, report.made) == (CLIPS, 0)
    assert sums(copy) == sums(out)


def test_what_was_measured_later_stays(imported: Imported, tmp_path: Path) -> None:
    root, clips, out = imported
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    nothing, _ = Measures.choose((), None, download=False)
    measure(copy, nothing, Gates(("static",)), card=dataset_card.write)
    before = sums(copy)
    assert b"static" in before["build.json"]
    assert b"Do not pass it on" in before["README.md"]
    assert run(root, clips, copy).made == 0
    assert sums(copy) == before


def test_a_damaged_import_is_made_whole(imported: Imported, tmp_path: Path) -> None:
    root, clips, out = imported
    copy = Path(shutil.copytree(out, tmp_path / "copy"))
    damaged = next(copy.glob("data/*.parquet"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    assert run(root, clips, copy).made == CLIPS
    assert sums(copy) == sums(out)


def test_killed_in_the_middle_it_goes_on(imported: Imported, tmp_path: Path) -> None:
    root, clips, out = imported
    code = f"""
from functools import partial
from pathlib import Path
import time
from tests.jobs.test_import import lab, run, source
from equime_hub.jobs import import_
from equime_hub.loading_script.real import pixels
import dataclasses

def slow(root, clip):
    time.sleep(0.05)
    return pixels.read(root, clip)

root = Path({str(root)!r})
clips = lab(Path("again"))
made = dataclasses.replace(source(root, clips), read=partial(slow, root))
import_.import_clips(made, Path("out"), card=lambda folder: None)
"""
    process = forks.Fork("-c", code, env=forks.environment())
    seals = tmp_path / "out" / ".building"
    try:
        for _ in range(1200):
            if list(seals.glob("*.json")):
                break
            time.sleep(0.05)
    finally:
        process.kill()
        process.wait()
    found = len(list(seals.glob("*.json")))
    assert found
    report = run(root, clips, tmp_path / "out")
    assert 0 < report.made < CLIPS
    assert sums(tmp_path / "out") == sums(out)


def test_a_kill_while_files_move_is_no_harm(
    imported: Imported, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, clips, out = imported
    before = Path.replace

    def fail(self: Path, target: Path) -> Path:
        if target.parent.name == "data" and target.name.startswith("test"):
            raise KeyboardInterrupt
        return before(self, target)

    # Files written to the workshop are renamed too; only the move into `data` of the dataset is
    # to fail, which comes after the card.
    def card(folder: Path) -> None:
        dataset_card.write(folder)
        monkeypatch.setattr(Path, "replace", fail)

    with pytest.raises(KeyboardInterrupt):
        import_.import_clips(source(root, clips), tmp_path / "out", card=card)
    monkeypatch.undo()
    assert run(root, clips, tmp_path / "out").made == 0
    assert sums(tmp_path / "out") == sums(out)


def damaged(root: Path, to: Path) -> Path:
    copy = Path(shutil.copytree(root, to))
    (copy / "1/7/2.png").write_bytes(b"<html>")
    return copy


def test_an_unreadable_frame_is_listed_and_the_others_go_on(
    imported: Imported, tmp_path: Path
) -> None:
    root, clips, _ = imported
    clips = [replace(clips[0], missing=("0/0/9.png",)), *clips[1:]]
    report = run(damaged(root, tmp_path / "lab"), clips, tmp_path / "out")
    assert (report.clips, report.lost) == (CLIPS - 1, 1)
    assert [(p.clip_id, p.file, p.lost) for p in report.problems] == [
        ("dfme-train-s0-c00", "0/0/9.png", False),
        ("dfme-train-s1-c07", "1/7/2.png", True),
    ]
    with (tmp_path / "out" / import_.PROBLEMS).open(encoding="utf-8", newline="") as file:
        assert [row["lost"] for row in csv.DictReader(file)] == ["no", "yes"]
    assert verify(tmp_path / "out") == []
    labels = equime_hub.load(tmp_path / "out", config="metadata", split="train")
    assert clips[7].clip_id not in labels["clip_id"]
    assert import_.read_problems(tmp_path / "out") == report.problems


def test_if_nothing_can_be_read_nothing_is_written(imported: Imported, tmp_path: Path) -> None:
    _, clips, _ = imported
    with pytest.raises(BuildError, match=r"No clip could be read(.|\n)*0/0/0.png(.|\n)*10 more"):
        run(tmp_path / "empty", clips, tmp_path / "out")
    assert not (tmp_path / "out").exists()


def _other_files(folder: Path) -> None:
    folder.mkdir()
    (folder / "thesis.doc").write_text("x")


def _a_file(folder: Path) -> None:
    folder.write_text("x")


@pytest.mark.parametrize(
    ("there", "message"),
    [(_other_files, "holds files that are no import of DFME"), (_a_file, "is a file")],
)
def test_a_folder_of_other_things_is_refused(
    imported: Imported, tmp_path: Path, there: Callable[[Path], None], message: str
) -> None:
    root, clips, _ = imported
    there(tmp_path / "out")
    before = sums(tmp_path)
    with pytest.raises(BuildError, match=message):
        run(root, clips, tmp_path / "out")
    assert sums(tmp_path) == before


def test_another_import_and_another_dataset_are_refused(
    imported: Imported, built: Path, tmp_path: Path
) -> None:
    root, clips, out = imported
    before = sums(out)
    other = replace(source(root, clips), made_with={"options": {"span": "recording"}})
    with pytest.raises(BuildError, match=r"another import of it \(options None there"):
        import_.import_clips(other, out, card=dataset_card.write)
    with pytest.raises(BuildError, match="other clips or labels"):
        run(root, clips[1:], out)
    assert sums(out) == before
    with pytest.raises(BuildError, match="holds EquiME, not this import of DFME"):
        run(root, clips, built)


def test_large_clips_make_small_groups(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clips = lab(tmp_path / "lab")
    monkeypatch.setattr(import_, "_GROUP_BYTES", 1)
    run(tmp_path / "lab", clips, tmp_path / "out")
    files = sorted((tmp_path / "out").glob("data/train-*.parquet"))
    assert len(files) == 15
    assert verify(tmp_path / "out") == []


def test_a_problem_survives_its_list(tmp_path: Path) -> None:
    problems = (Problem("a", 'x,"y".png', "One, two.", True), Problem("b", "z\n.png", "No."))
    import_._write_problems(tmp_path, problems)
    assert import_.read_problems(tmp_path) == problems
