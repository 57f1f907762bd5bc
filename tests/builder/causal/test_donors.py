from __future__ import annotations

import pickle
import shutil
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from equime_hub import seeds
from equime_hub.builder.causal import SAMPLERS, MacroSampler, MicroSampler, openface
from equime_hub.errors import PlanError
from equime_hub.schema.taxonomy import AU_INDEX
from tests.support import openface_csv as made_up

DRAWS = 10_000


def test_micro_draws_annotated_pairs_each_as_often(tmp_path: Path) -> None:
    sampler = MicroSampler(made_up.micro(tmp_path))
    assert sampler.emotions() == ("sadness", "anger")
    rng = seeds.generator("micro")
    draws = [sampler.draw("anger", rng) for _ in range(DRAWS)]
    assert {(draw.subject, draw.au_apex[AU_INDEX[4]]) for draw in draws} == {
        ("casme2/sub01", 0.2),
        ("samm/006", 0.4),
    }
    for draw in draws:
        assert draw.source == "micro"
        assert draw.au_onset == (0.1,) + (0.0,) * 16
        assert [i for i, value in enumerate(draw.au_apex) if value] == [0, AU_INDEX[4]]
    share = Counter(draw.subject for draw in draws)["samm/006"] / DRAWS
    assert abs(share - 0.5) <= 4 * np.sqrt(0.25 / DRAWS)  # 4 standard deviations
    assert sampler.draw("sadness", rng).subject == "samm/006"
    with pytest.raises(PlanError, match="for 'fear'; these emotions can be drawn: sadness, anger"):
        sampler.draw("fear", rng)


@pytest.mark.parametrize(
    ("interval", "frames", "first", "last"),
    [((0.3, 0.5), 20, 6, 10), ((0.29, 0.29), 100, 29, 29), ((0.0, 0.1), 20, 1, 2),
     ((0.9, 1.0), 20, 18, 19), ((0.3, 0.5), 7, 2, 3)],
)  # fmt: skip
def test_macro_draws_the_apex_evenly_from_its_interval(
    tmp_path: Path, interval: tuple[float, float], frames: int, first: int, last: int
) -> None:
    sampler = MacroSampler(made_up.macro(tmp_path, frames), interval=interval)
    rng = seeds.generator("macro")
    draws = [sampler.draw("surprise", rng) for _ in range(DRAWS)]
    assert {(draw.source, draw.subject, draw.au_onset) for draw in draws} == {
        ("macro", "ck+/S001", (0.02,) + (0.0,) * 16)
    }
    seen = Counter(draw.au_apex[1] for draw in draws)
    values = [round(min(0.04 * i, 1.0), 4) for i in range(first, last + 1)]
    assert set(seen) == set(values)
    for value, times in Counter(values).items():
        share = times / len(values)
        tolerance = 4 * np.sqrt(share * (1 - share) / DRAWS)  # 4 standard deviations
        assert abs(seen[value] / DRAWS - share) <= tolerance


def test_macro_never_draws_frames_without_a_face_or_motion(tmp_path: Path) -> None:
    index = made_up.macro(tmp_path)
    track = [{2: 0.2 * i, 1: 0.1} for i in range(20)]
    track[7] = track[0]
    made_up.openface(tmp_path / "S001.csv", track, failed=[9], confidence={10: 0.5})
    sampler = MacroSampler(index)
    rng = seeds.generator(0)
    assert {sampler.draw("surprise", rng).au_apex[1] for _ in range(200)} == {0.24, 0.4}


def test_files_are_known_by_their_hash_wherever_they_lie(tmp_path: Path) -> None:
    here = MicroSampler(made_up.micro(tmp_path / "here"))
    assert len(here.sha256) == 64
    shutil.copytree(tmp_path / "here", tmp_path / "there")
    there = MicroSampler(tmp_path / "there" / "micro.csv")
    assert there.sha256 == here.sha256
    made_up.openface(tmp_path / "there" / "3.csv", [{1: 0.5}, {}, {4: 4.0}])
    assert MicroSampler(there.index).sha256 != here.sha256
    with pytest.raises(PlanError, match="they were changed"):
        there.draw("anger", seeds.generator(0))
    here.index.write_text(here.index.read_text().replace("sub01", "sub02"))
    assert MicroSampler(here.index).sha256 != here.sha256


def test_a_restored_sampler_reads_nothing_before_it_draws(tmp_path: Path) -> None:
    sampler = MacroSampler(made_up.macro(tmp_path / "a"))
    described = SAMPLERS.describe(sampler)
    (tmp_path / "a").rename(tmp_path / "b")
    restored = SAMPLERS.restore(described)
    assert restored == sampler == pickle.loads(pickle.dumps(sampler))
    with pytest.raises(PlanError, match=r"macro\.csv cannot be read"):
        restored.draw("surprise", seeds.generator(0))
    (tmp_path / "b").rename(tmp_path / "a")
    assert restored.draw("surprise", seeds.generator(0)).subject == "ck+/S001"


def test_files_are_read_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sampler = MicroSampler(made_up.micro(tmp_path))
    first = sampler.draw("anger", seeds.generator(0))
    monkeypatch.setattr(openface, "read", None)
    assert pickle.loads(pickle.dumps(sampler)).draw("anger", seeds.generator(0)) == first


@pytest.mark.parametrize(
    ("old", "new", "sentence"),
    [
        ("file,", "clip,", "lacks the columns file; it needs file, subject, dataset, emotion"),
        ("onset_frame", "onset", "lacks the columns onset_frame"),
        ("anger", "angry", "line 2: emotion is 'angry'; write one of happiness"),
        ("sub01", "", "line 2: subject is empty"),
        ("1.csv", "9.csv", r"lists a file that cannot be read: .*9\.csv"),
        ("anger,1,3\n", "anger,1,9\n", "1 of the 3 clips .* has no frame 9; its frames are 1 to 4"),
        ("anger,1,3\n", "anger,3,1\n", "the first below the second, got '3' and '1'"),
        ("anger,1,3\n", "anger,1,3.5\n", "got '1' and '3.5'"),
    ],
)
def test_a_wrong_index_is_refused(tmp_path: Path, old: str, new: str, sentence: str) -> None:
    index = made_up.micro(tmp_path)
    text = index.read_text()
    assert old in text
    index.write_text(text.replace(old, new, 1))
    with pytest.raises(PlanError, match=sentence):
        MicroSampler(index).emotions()


def test_clips_that_give_nothing_are_all_named(tmp_path: Path) -> None:
    index = made_up.micro(tmp_path)
    made_up.openface(tmp_path / "1.csv", [{4: 1.0}, {}, {4: 1.0}])
    made_up.openface(tmp_path / "2.csv", [{}, {}, {4: 1.0}], failed=[3])
    sentence = (
        r"2 of the 3 clips .*1\.csv: the AUs of frames 1 and 3 are the same\. "
        r".*2\.csv: the face was not tracked in frame 3\."
    )
    with pytest.raises(PlanError, match=sentence):
        MicroSampler(index).emotions()


def test_macro_refuses_a_clip_that_does_not_move_in_time(tmp_path: Path) -> None:
    index = made_up.macro(tmp_path)
    made_up.openface(tmp_path / "S001.csv", [{}] * 15 + [{2: 3.0}] * 5)
    with pytest.raises(PlanError, match="of its 20 frames none from 6 to 10"):
        MacroSampler(index).emotions()
    assert MacroSampler(index, interval=(0.3, 0.8)).emotions() == ("surprise",)
    made_up.openface(tmp_path / "S001.csv", [{2: 1.0 * i} for i in range(5)], failed=[1])
    with pytest.raises(PlanError, match="not tracked in frame 1"):
        MacroSampler(index).emotions()


def test_options_out_of_range_are_refused(tmp_path: Path) -> None:
    index = made_up.macro(tmp_path)
    with pytest.raises(PlanError, match=r"interval must satisfy .*got \(0.5, 0.3\)"):
        MacroSampler(index, interval=(0.5, 0.3))
    with pytest.raises(PlanError, match=r"min_confidence must be in \[0, 1\], got 80"):
        MacroSampler(index, min_confidence=80)
