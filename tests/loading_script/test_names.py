from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import datasets
import datasets.inspect
import numpy as np
import pytest
import wrapt
from datasets import (
    get_dataset_config_names,
    get_dataset_split_names,
    load_dataset,
    load_dataset_builder,
)

from equime_hub.errors import DatasetError, VideoError
from equime_hub.loading_script import names
from equime_hub.schema.features import CONFIGS, check_features
from tests.support import forks


def run(code: str, folder: Path, **environment: str) -> str:
    """What Python prints in a fresh interpreter, which must end by itself and well."""
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def forked(code: str, folder: Path, **environment: str) -> str:
    """The same of a process that has imported neither `datasets` nor this package."""
    done = forks.run("-c", code, cwd=folder, env={**forks.environment(), **environment})
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_plain_datasets_opens_the_folder(dataset: Path) -> None:
    out = forked(
        "from datasets import load_dataset\n"
        "d = load_dataset('equime', split='train')\n"
        "print(len(d), d['emotion'][:5], d.features['video'])\n"
        "import sys; print('equime_hub' in sys.modules)",
        dataset.parent,
    )
    assert out.splitlines()[-2].startswith("30 [0, 1, 2, 3, 4] Video(")
    assert out.splitlines()[-1] == "False"


@pytest.mark.parametrize("order", ["equime_hub, datasets", "datasets, equime_hub"])
def test_the_name_works_whichever_is_imported_first(
    built: Path, tmp_path: Path, order: str
) -> None:
    out = forked(
        f"import {order}\n"
        "d = datasets.load_dataset('equime', split='train')\n"
        "print(len(d), tuple(d[0]['video'][0].shape))",
        tmp_path,
        EQUIME_DATASET=str(built),
    )
    assert out.splitlines()[-1] == "30 (3, 64, 64)"


def test_a_stream_may_be_left_early(built: Path, tmp_path: Path) -> None:
    # With the stock reader this process hangs or aborts at exit.
    out = run(
        "import equime_hub\n"
        "from datasets import load_dataset\n"
        "rows = load_dataset('equime', split='train', streaming=True)\n"
        "row = next(iter(rows))\n"
        "print(row['emotion'], tuple(row['video'][0].shape))",
        tmp_path,
        EQUIME_DATASET=str(built),
    )
    assert out.splitlines()[-1] == "0 (3, 64, 64)"


def test_splits_configs_and_streams_agree(elsewhere: Path) -> None:
    whole = load_dataset("equime")
    assert {split: len(rows) for split, rows in whole.items()} == {
        "train": 30, "validation": 5, "test": 5,
    }  # fmt: skip
    labels = load_dataset("equime", name="metadata", split="train")
    assert check_features(labels.features) == "metadata"
    assert labels["clip_id"][:] == whole["train"]["clip_id"][:]
    stream = load_dataset("equime", split="train", streaming=True)
    assert check_features(stream.features) == "default"
    rows = list(stream)
    assert [row["clip_id"] for row in rows] == whole["train"]["clip_id"][:]
    for streamed, stored in zip(rows, whole["train"], strict=True):
        assert np.array_equal(streamed["video"].clip().frames, stored["video"].clip().frames)


def test_pairs_are_frames_of_the_videos(elsewhere: Path) -> None:
    clips = load_dataset("equime", split="test")
    pairs = load_dataset("equime", name="onset_apex", split="test")
    stream = load_dataset("equime", name="onset_apex", split="test", streaming=True)
    for found in (pairs, stream):
        assert check_features(found.features) == "onset_apex"
        for clip, pair in zip(clips, found, strict=True):
            frames = clip["video"].clip().frames
            assert pair["clip_id"] == clip["clip_id"]
            assert np.array_equal(pair["onset"], frames[clip["onset_frame"]])
            assert np.array_equal(pair["apex"], frames[clip["apex_frame"]])


def test_plain_datasets_opens_pairs(dataset: Path) -> None:
    out = forked(
        "from datasets import load_dataset\n"
        "for streaming in (False, True):\n"
        "    pairs = load_dataset('equime', 'onset_apex', split='test', streaming=streaming)\n"
        "    print([(row['onset'].size, row['apex'].mode) for row in pairs])\n"
        "import sys; print('equime_hub' in sys.modules)",
        dataset.parent,
    )
    assert out.splitlines()[-3:] == [str([((64, 64), "RGB")] * 5)] * 2 + ["False"]


def test_streams_select_columns_and_rows(elsewhere: Path) -> None:
    stream = load_dataset(
        "equime", split="train", streaming=True,
        columns=["clip_id", "emotion"], filters=[("emotion", "==", 3)],
    )  # fmt: skip
    rows = list(stream)
    assert len(rows) == 6
    assert all(set(row) == {"clip_id", "emotion"} and row["emotion"] == 3 for row in rows)


def test_people_are_in_one_split(elsewhere: Path) -> None:
    people = [set(rows["subject_id"]) for rows in load_dataset("equime", name="metadata").values()]
    assert sum(map(len, people)) == len(set.union(*people)) == 8


def test_a_folder_beside_wins_over_the_variable(
    dataset: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(names.VARIABLE, "/nowhere")
    assert names.resolve() == "equime"
    assert load_dataset_builder("equime").info.features is not None


def test_a_folder_without_data_does_not_shadow_the_variable(elsewhere: Path) -> None:
    (elsewhere / "equime").mkdir()
    assert len(load_dataset("equime", split="test")) == 5


def test_without_either_the_error_says_what_to_do() -> None:
    with pytest.raises(DatasetError, match=r"equime demo.*EQUIME_DATASET"):
        load_dataset("equime", split="train")


@pytest.mark.parametrize("value", ["/nowhere/at/all", "./gone", "a/b/c", "plain"])
def test_a_variable_that_names_nothing_is_refused(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(names.VARIABLE, value)
    with pytest.raises(DatasetError, match=r"EQUIME_DATASET is"):
        names.resolve()


def test_a_variable_may_name_a_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(names.VARIABLE, "org/equime")
    assert names.resolve() == "org/equime"


def test_other_datasets_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    (tmp_path / "other/train.csv").write_text("a,b\n1,2\n")
    assert load_dataset("other", split="train")[0] == {"a": 1, "b": 2}


def test_a_label_of_a_damaged_clip_can_still_be_read(elsewhere: Path) -> None:
    rows = load_dataset("equime", split="test")
    broken = rows.map(
        lambda row: {"video": {"bytes": b"no video", "path": None}}, input_columns=["clip_id"]
    )
    assert broken[0]["emotion"] == 0
    with pytest.raises(VideoError):
        broken[0]["video"][0]


def test_datasets_tells_what_the_name_holds(elsewhere: Path) -> None:
    assert get_dataset_config_names("equime") == [*CONFIGS]
    assert get_dataset_split_names("equime") == ["train", "validation", "test"]


def test_a_second_install_wraps_nothing() -> None:
    names.install()
    for module in (datasets.load, datasets.inspect):
        assert isinstance(module.dataset_module_factory, wrapt.FunctionWrapper)
        assert not isinstance(module.dataset_module_factory.__wrapped__, wrapt.FunctionWrapper)


def test_a_datasets_without_the_function_warns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(datasets.load, "dataset_module_factory")
    said = rf'datasets {datasets.__version__} has no datasets\.load\..*load_dataset\("equime"\)'
    with pytest.warns(RuntimeWarning, match=said):
        names.install()


def test_a_datasets_without_the_function_can_be_imported(tmp_path: Path) -> None:
    out = forked(
        "import sys, warnings\n"
        "import wrapt\n"
        "wrapt.when_imported('datasets')(lambda m: delattr(m.load, 'dataset_module_factory'))\n"
        "import equime_hub\n"
        "with warnings.catch_warnings(record=True) as said:\n"
        "    warnings.simplefilter('always', RuntimeWarning)\n"
        "    import datasets\n"
        "print([w.category.__name__ for w in said if 'equime_hub' in str(w.message)])\n"
        "print(datasets.Dataset.from_dict({'a': [1]})[0])",
        tmp_path,
    )
    assert out.splitlines()[-2:] == ["['RuntimeWarning']", "{'a': 1}"]
