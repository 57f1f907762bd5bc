from __future__ import annotations

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from safetensors.torch import load_file

from equime_hub import configs
from equime_hub.errors import DatasetError, EquimeError, ModelError
from equime_hub.evaluation import evaluate as evaluation
from equime_hub.evaluation import lint, log, manifest
from equime_hub.evaluation.ablation import settings as ablations
from equime_hub.hub.model import problems
from equime_hub.models import saved as saved_model
from equime_hub.progress import Progress
from equime_hub.training.fit import run as running
from equime_hub.training.fit import run_manifest
from equime_hub.training.fit.plan import TrainingPlan, of_ablation, training_plan
from equime_hub.training.fit.recipes import TrainConfig
from equime_hub.training.fit.run import Work
from tests.conftest import sums
from tests.support import forks, trained


def work(out: str | Path = "run", **more: Any) -> Work:
    return Work(Path(out), Path("cache"), cpu=True, **more)


def go(config: TrainConfig, out: str | Path = "run", **more: Any) -> tuple[TrainingPlan, Any]:
    planned = training_plan(config)
    return planned, running.run(planned, work(out, **more))


@pytest.fixture(scope="module")
def folds(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of three folds and two seeds; do not change it."""
    place = tmp_path_factory.mktemp("runs")
    planned = training_plan(trained.config(built, seeds=(0, 1), epochs=2, balance="sampling"))
    running.run(planned, Work(place / "run", place / "cache", cpu=True))
    return place / "run"


@pytest.fixture(scope="module")
def whole(built: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of one training, which has a model; do not change it."""
    place = tmp_path_factory.mktemp("runs")
    planned = training_plan(one(built))
    running.run(planned, Work(place / "run", place / "cache", cpu=True))
    return place / "run"


def one(data: Path, **changes: Any) -> TrainConfig:
    """Tested on people of the dataset that it was trained on; validated too."""
    return trained.config(data, protocol="splits", selection="last", **changes)


def test_every_clip_is_predicted_by_every_seed_and_nothing_leaks(folds: Path) -> None:
    found = log.read(folds)
    assert len(found) == 2 * 40 and sorted(set(found.table["seed"].to_pylist())) == [0, 1]
    assert found.table["probabilities"].null_count == 0
    report = lint.check(lint.read(folds))
    assert not report.of("error") and not report.of("unchecked")
    done = evaluation.evaluate(found, "k-fold", selected="inner-validation", level=None)
    assert done.part().clips == 40


def test_manifest_says_how_it_came_about(folds: Path) -> None:
    declared = manifest.read(folds)
    assert (declared.protocol, declared.selection) == ("k-fold", "inner-validation")
    assert declared.preprocessing.oversampling == "inside-fold"
    assert declared.preprocessing.num_frames == 4
    assert declared.train_sets == declared.test_sets == ("drawn",)
    assert declared.pretraining == () and declared.seeds == (0, 1)
    assert declared.software and declared.software["torch"]
    hashes = set(log.read(folds).table["config_hash"].to_pylist())
    assert hashes == {declared.config_hash}


def test_history_has_every_epoch(folds: Path) -> None:
    lines = (folds / "history.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0].startswith("fold,seed,epoch,learning_rate,train_loss,train_uf1,train_uar")
    assert len(lines) == 1 + 2 * 3 * 2
    assert all(line.endswith((",0", ",1")) for line in lines[1:])


def test_nothing_of_the_training_is_left(folds: Path) -> None:
    left = {path.name for path in folds.rglob("*") if path.is_file()}
    assert left == {"train.json", "run.json", "rows.parquet", "predictions.parquet", "history.csv"}


def test_finished_folds_are_kept(built: Path) -> None:
    config = trained.config(built, epochs=1)
    go(config)
    before = sums(Path("run"))
    (gone,) = Path("run/folds").glob("001-*/seed-00/predictions.parquet")
    times = {path: path.stat().st_mtime_ns for path in Path("run/folds").rglob("pred*.parquet")}
    gone.unlink()
    Path("run/run.json").unlink()  # written last
    go(config)
    assert sums(Path("run")) == before
    again = {path for path, t in times.items() if path.stat().st_mtime_ns != t}
    assert again == {gone}


def test_a_finished_run_is_read_and_not_touched(folds: Path, built: Path) -> None:
    before = sums(folds)
    planned = training_plan(trained.config(built, seeds=(0, 1), epochs=2, balance="sampling"))
    done = running.run(planned, Work(folds, Path("cache")))
    assert sums(folds) == before and not Path("cache").exists()
    assert len(done.log) == 80 and len(done.histories) == 6
    assert {len(history) for history in done.histories.values()} == {2}


@pytest.mark.parametrize("changes", [{"epochs": 4}, {"learning_rate": 1e-2}])
def test_a_folder_of_another_run_is_left_alone(
    built: Path, folds: Path, changes: dict[str, Any]
) -> None:
    before = sums(folds)
    (name,) = changes
    config = trained.config(
        built, **{"seeds": (0, 1), "epochs": 2, "balance": "sampling", **changes}
    )
    with pytest.raises(DatasetError, match=f"is of another run: {name}"):
        go(config, folds)
    assert sums(folds) == before


def test_a_folder_that_is_no_run_is_left_alone(built: Path) -> None:
    Path("run").mkdir()
    Path("run/thesis.txt").write_text("mine")
    with pytest.raises(DatasetError, match=r"holds thesis\.txt and no train\.json"):
        go(trained.config(built))
    assert [path.name for path in Path().iterdir()] == ["run"]


def test_model_can_be_pushed_and_loaded(whole: Path) -> None:
    assert problems(whole / "model") == []
    assert not lint.check(lint.read(whole)).of("unchecked")
    card = (whole / "model/README.md").read_text(encoding="utf-8")
    for words in ("| drawn | test | **this model** |", "| constant |", "The last of 3 epochs",
                  "no person is in two", "license: cc0-1.0"):  # fmt: skip
        assert words in card
    loaded = saved_model.load(str(whole / "model"), "cpu")
    assert loaded.num_frames == 4 and loaded.processor.input_kind == "difference"


def test_saved_model_predicts_what_the_run_says(built: Path, whole: Path) -> None:
    import equime_hub
    from equime_hub.prediction.clips import predict

    found = predict(saved_model.load(str(whole / "model"), "cpu"),
                    equime_hub.load(built, split="test"))  # fmt: skip
    wanted = dict(zip(*(log.read(whole).table[n].to_pylist()
                        for n in ("clip_id", "probabilities")), strict=True))  # fmt: skip
    for clip, row in zip(*(found.log.table[n].to_pylist()
                           for n in ("clip_id", "probabilities")), strict=True):  # fmt: skip
        assert row == pytest.approx(wanted[clip], abs=1e-4)


def test_killed_run_gets_the_same_weights(built: Path, whole: Path) -> None:
    """Killed after its first epoch, and gone on with in another process."""
    script = (
        "import sys\n"
        "from pathlib import Path\n"
        "from equime_hub.training.fit import plan, run\n"
        "from tests.training.fit import test_run\n"
        "planned = plan.training_plan(test_run.one(Path(sys.argv[1])))\n"
        "run.run(planned, test_run.work('killed'))\n"
    )
    command, environment = ("-c", script, str(built)), forks.environment()
    first = forks.Fork(*command, env=environment)
    deadline = time.monotonic() + 300
    while not list(Path("killed").rglob("checkpoint.pt")):
        assert first.poll() is None and time.monotonic() < deadline, first.stderr
        time.sleep(0.005)
    first.kill()
    first.wait()
    assert not Path("killed/run.json").exists()
    forks.succeeded(*command, env=environment)
    mine, theirs = (load_file(run / "model/model.safetensors") for run in (Path("killed"), whole))
    assert mine.keys() == theirs.keys()
    assert all(mine[name].equal(theirs[name]) for name in mine)
    assert log.read(Path("killed")).equals(log.read(whole))


def test_interrupted_between_folds(built: Path, folds: Path) -> None:
    """Ctrl-C in the second fold loses nothing that was finished."""
    planned = training_plan(trained.config(built, seeds=(0, 1), epochs=2, balance="sampling"))

    @contextlib.contextmanager
    def bars(what: str, unit: str) -> Iterator[Progress]:
        def move(done: int, total: int) -> None:
            if what == "train" and done > 0.3 * total:
                raise KeyboardInterrupt

        yield move

    with pytest.raises(KeyboardInterrupt):
        running.run(planned, work(), bars)
    assert not Path("run/run.json").exists()
    assert len(list(Path("run").rglob("predictions.parquet"))) == 1
    running.run(planned, work())
    assert log.read(Path("run")).equals(log.read(folds))


def test_pretrained_weights_with_other_classes(built: Path, whole: Path) -> None:
    config = one(built, init=str(whole / "model"), label_map="emotion_3", epochs=1)
    config = replace(config, model_options={}, input_options={})
    planned, _ = go(config)
    (note,) = planned.start.notes
    assert note.startswith("The last layer of") and "here negative, positive, surprise" in note
    before = load_file(whole / "model/model.safetensors")
    start = planned.start.model.state_dict()
    shapes = {name for name in before if before[name].shape != start[name].shape}
    assert len(shapes) == 2  # weights and biases of the last layer
    assert all(start[name].equal(before[name]) for name in before if name not in shapes)
    assert manifest.read(Path("run")).pretraining == ("drawn",)
    roles = pq.read_table("run/rows.parquet")
    seen = roles.filter(roles["role"].cast("string").to_numpy(zero_copy_only=False) == "pretrain")
    (training,) = planned.trainings
    assert len(seen) == len(training.train) + len(training.validation)
    assert not lint.check(lint.read(Path("run"))).of("error")


def test_pretraining_on_a_tested_person_is_found(built: Path, whole: Path) -> None:
    """Folds by person over weights that have seen all of them."""
    config = trained.config(built, init=str(whole / "model"), epochs=1)
    go(replace(config, model_options={}, input_options={}))
    found = lint.check(lint.read(Path("run"))).of("error")
    assert {each.rule for each in found} == {"pretraining"}


def test_the_run_of_a_model_is_found(whole: Path) -> None:
    assert run_manifest.run_of(str(whole / "model")) == whole.resolve()
    assert run_manifest.run_of("ORG/name") is None and run_manifest.run_of(None) is None


@pytest.mark.parametrize("model", ["videomae", "timesformer", "vivit"])
def test_stock_models(built: Path, model: str) -> None:
    small = {"image_size": 32, "num_frames": 2, "hidden_size": 16, "num_hidden_layers": 1,
             "num_attention_heads": 2, "intermediate_size": 16}  # fmt: skip
    config = one(built, model=model, epochs=1, model_options=small, input_options={})
    go(config)
    assert problems(Path("run/model")) == []
    assert saved_model.load("run/model", "cpu").classes[0] == "happiness"


def test_keeps_every_model_if_asked(built: Path) -> None:
    planned, _ = go(trained.config(built, epochs=1), keep_models=True)
    models = sorted(Path("run/folds").glob("*/seed-00/model"))
    assert len(models) == 3
    card = (models[1] / "README.md").read_text(encoding="utf-8")
    assert "These weights are of the fold fold-1, one of 3." in card
    # What they have seen is their own fold.
    training = planned.trainings[1]
    learnt = np.concatenate([training.train, training.validation])
    seen = run_manifest.seen(str(models[1]))
    assert seen is not None
    assert set(seen["clip_id"].to_pylist()) == {planned.examples.names[row] for row in learnt}


def test_cell_of_an_ablation(built: Path, plan: Any) -> None:
    folder = Path("ablations/frames/4/seed-03")
    names = plan.table["clip_id"].to_pylist()
    del names[::10]
    cell = ablations.TrainingRun(
        "frames", "4", 3, 4, ("happiness", "sadness"), "../../plan.parquet"
    )
    configs.to_file(cell, folder / ablations.RUN)
    pq.write_table(pa.table({"clip_id": names}), "ablations/frames/plan.parquet")
    options = {**trained.MODEL, "num_frames": 8}
    config, only = of_ablation(folder, one(built, model_options=options))
    planned = training_plan(config, only)
    assert set(planned.examples.names) < set(names)
    running.run(planned, work(folder))
    found = log.read(folder, cell.classes)
    assert set(found.table["seed"].to_pylist()) == {3} and found.classes == cell.classes
    assert manifest.read(folder).preprocessing.num_frames == 4


def test_all_frames_need_a_model_that_takes_them(built: Path) -> None:
    cell = ablations.TrainingRun("frames", "all", 0, None, ("happiness", "sadness"), None)
    configs.to_file(cell, Path("cell") / ablations.RUN)
    with pytest.raises(
        ModelError, match="'all' of frames takes all frames, and simple3dcnn a fixed"
    ):
        of_ablation(Path("cell"), one(built))
    assert of_ablation(Path("cell"), TrainConfig(model="evolution"))[1] is None


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"data": ()}, "nothing to train on; name a dataset with --data"),
        ({"model": "resnet"}, "no model 'resnet'. Choose one of: stcnn"),
        ({"model_options": {"colour": 3}}, "has no field colour"),
        ({"model_options": {"layout": "round"}}, "layout"),
        ({"input_options": {"sampling": "random"}}, "random"),
        ({"input_options": {"speed": 3}}, "speed"),
        ({"init": "nowhere/model"}, "cannot be loaded as a video classifier"),
        ({"classes": ("anger",)}, "Name two classes or more"),
        ({"label_map": "megc4"}, "megc4"),
    ],
)
def test_wrong_input_writes_nothing(built: Path, changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(EquimeError, match=sentence):
        go(replace(trained.config(built), **changes))
    assert not list(Path().iterdir())


@pytest.mark.slow
def test_two_processes_train_one_model(built: Path) -> None:
    """`accelerate launch` with two processes on a CPU; the first one writes."""
    command = [
        sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2",
        "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no",
        "--main_process_port", "0", "-m", "equime_hub", "train", "--data", str(built), "--preset",
        "small-cpu", "--epochs", "3", "--batch-size", "8", "--out", "run", "--cpu",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-3000:]
    assert done.stdout.count("## Scores") == 1
    assert problems(Path("run/model")) == []
    found = log.read(Path("run"))
    assert len(found) == len(set(found.table["clip_id"].to_pylist()))
    assert not lint.check(lint.read(Path("run"))).of("error")
