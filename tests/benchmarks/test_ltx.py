from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from benchmarks import common, ltx_loops, ltx_measure, ltx_models
from benchmarks.ltx_arms import ARMS, BY_NAME, Run
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend

ROOT = Path(__file__).parents[2]
ELSEWHERE = {
    "native-cudnn",
    "native-flash",
    "native-efficient",
    "flash-2",
    "flash-3",
    "compile-cudnn",
}
"""Arms that need an attention backend which a CPU may not have."""


def start(*options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.ltx", "--tiny", *options]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_networks_have_the_published_size() -> None:
    with torch.device("meta"):
        counts = {name: ltx_models.network(name).num_parameters() for name in ltx_models.NETWORKS}
    assert counts == {
        "transformer": 1_923_385_472,
        "vae 0.9.0": 419_193_649,
        "vae 0.9.5": 1_246_913_522,
        "text_encoder": 4_762_310_656,
    }
    assert counts == {name: known["parameters"] for name, known in ltx_models.NETWORKS.items()}


@pytest.mark.parametrize(
    ("work", "operations"),
    [
        # Products summed up, of 2 operations each.
        (lambda: F.linear(torch.ones(5, 3), torch.ones(7, 3), torch.ones(7)), 2 * 5 * 7 * 3),
        (lambda: torch.nn.Conv2d(4, 6, 3, stride=2)(torch.ones(1, 4, 9, 9)), 2 * 6 * 4**2 * 4 * 9),
        (lambda: torch.nn.Conv3d(4, 6, (2, 3, 1), groups=2)(torch.ones(1, 4, 5, 5, 5)),
         2 * 6 * (4 * 3 * 5) * 2 * (2 * 3 * 1)),
        # 2 heads of 5 queries, 7 keys and as many values, 8 numbers each: scores, then sums.
        (lambda: F.scaled_dot_product_attention(
            torch.ones(1, 2, 5, 8), key=torch.ones(1, 2, 7, 8), value=torch.ones(1, 2, 7, 8)),
         2 * 2 * (5 * 7 * 8 + 5 * 7 * 8)),
        (lambda: torch.ones(9).exp().sum(), 0),
    ],
)  # fmt: skip
def test_operations_counted(work: Callable[[], object], operations: int) -> None:
    assert ltx_models.counted(work) == pytest.approx(operations / 1e12)


def test_arithmetic_grows_as_it_should(tmp_path: Path) -> None:
    with torch.device("meta"):
        ltx_models.network("transformer").save_config(tmp_path / "transformer")
        ltx_models.network("vae 0.9.0").save_config(tmp_path / "vae")
    clip = PRESETS["equime-paper"]
    guided = ltx_models.tflop(tmp_path, clip, guided=True, tokens=128)
    seen, words, wide = 21 * 8 * 8, 128, 2048
    block = 4 * seen * wide**2 + 2 * seen**2 * wide  # of frames to frames
    block += 2 * (seen + words) * wide**2 + 2 * seen * words * wide  # of frames to words
    block += 2 * seen * wide * 4 * wide  # what follows attention
    ends = 2 * seen * 128 * wide + words * (4096 * wide + wide**2)  # patches, and words
    times = seen * (256 * wide + wide**2 + 6 * wide**2)  # every patch has a time of its own
    # Two passes of two operations a product.
    assert guided["step"] == pytest.approx(2 * 2 * (28 * block + ends + times) / 1e12, rel=1e-12)
    single = ltx_models.tflop(tmp_path, clip, guided=False, tokens=128)
    assert single["step"] == pytest.approx(guided["step"] / 2)
    assert single["decode"] == guided["decode"] > 50 * guided["encode"]


@pytest.mark.parametrize("name", ["batch-4", "distilled"])
def test_arithmetic_on_shapes_is_that_of_the_work(tmp_path: Path, name: str) -> None:
    run, arm = Run(tmp_path, tmp_path, clips=1, steps=3, tiny=True), BY_NAME[name]
    ltx_models.build(tmp_path, toy=True)
    ltx_loops.prompts(run, arm.model)
    config = run.config(arm, "cpu")
    jobs = list(common.jobs(run.plan, run.specs(arm)[: arm.batch_size]))
    worked = ltx_models.counted(lambda: LtxBackend(config).render(jobs)) / arm.batch_size
    guided = config.guidance_scale > 1
    part = ltx_models.tflop(tmp_path / arm.model, run.clip, guided, 128 if guided else 256)
    assert worked == pytest.approx(config.steps * part["step"] + part["encode"] + part["decode"])


def test_time_covered_by_intervals() -> None:
    assert ltx_measure.covered([]) == 0
    assert ltx_measure.covered([(5, 6), (0, 2), (1, 3), (1.5, 2)]) == 4


def test_gaps_between_kernels() -> None:
    def ran(name: str, ts: float, dur: float, cat: str = "kernel") -> dict[str, Any]:
        return {"ph": "X", "cat": cat, "name": name, "ts": ts, "dur": dur}

    host = [ran("launch", 0, 500, "cuda_runtime"), {"ph": "M", "name": "process_name"}]
    trace = [*host, ran("gemm", 100, 60), ran("gemm", 150, 20), ran("copy", 190, 10, "gpu_memcpy")]
    found = ltx_measure.kernels(trace)
    assert found["kernel_gap_share"] == pytest.approx(0.2)
    assert found["kernels"] == pytest.approx({"gemm": 80 / 90, "copy": 10 / 90})
    assert ltx_measure.kernels(host)["kernel_gap_share"] is None


def test_differences_count_pixels_not_numbers() -> None:
    first = np.zeros((2, 1, 2, 2, 3), np.uint8)
    second = first.copy()
    second[0, 0, 0, 0] = (255, 0, 3)  # one of eight pixels
    found = ltx_measure.difference(first, second)
    assert found == {"clips": 2, "share": 1 / 8, "max": 255, "mean": pytest.approx(258 / 24)}
    assert ltx_measure.difference(first, second[1:])["clips"] == 1


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ("/data/me/models/paper cannot be loaded", "paper cannot be loaded"),
        ("see '~/x/y.py', line 3/4", "see 'y.py', line 3/4"),
        ("https://pytorch.org/docs and flash-attn>=2.6", None),
    ],
)
def test_messages_keep_no_folder(said: str, kept: str | None) -> None:
    assert ltx_measure.without_paths(said) == (kept or said)


def test_settings_of_the_arms(tmp_path: Path) -> None:
    run = Run(tmp_path / "models", tmp_path, clips=5, steps=40)
    assert [run.config(BY_NAME[name], "cpu").steps for name in ("batch-8", "fast")] == [40, 15]
    assert (
        run.config(BY_NAME["distilled"], "cpu").timesteps == PRESETS["distilled"].config.timesteps
    )
    assert [len(run.specs(BY_NAME[name])) for name in ("reference", "batch-4")] == [5, 8]
    assert run.specs(BY_NAME["batch-16"])[:5] == run.specs(BY_NAME["reference"])
    assert run.plan.specs[0].num_frames == 161


@pytest.mark.slow
def test_every_arm_of_a_tiny_run(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    process = start("--clips", "4", "--out", str(out))
    table, talk = process.communicate(timeout=900)
    assert process.returncode == 0, talk
    text = out.read_text()
    results = json.loads(text)
    arms = results["arms"]
    assert list(arms) == [arm.name for arm in ARMS]
    assert all(name in table for name in arms)
    assert str(tmp_path) not in text and str(ROOT) not in text
    done = {name for name, one in arms.items() if one["status"] == "done"}
    assert done >= set(arms) - ELSEWHERE
    for name in set(arms) - done:
        assert arms[name]["status"] == "not available here" and arms[name]["error"]
    for name in done - {"batch-8-again"}:
        for figure in ("s_per_clip", "clips_per_s", "tflops", "share_of_peak", "peak_gib"):
            assert arms[name][figure] > 0, (name, figure)
        assert 0 <= arms[name]["gpu_waits_share"] < 1
        assert arms[name]["pixel_std"] > 1  # frames in which a difference would show
        assert not arms[name].get("rejected", {}).get("not finite")
    assert arms["batch-1"]["differs_from_reference"]["max"] == 0
    for pair in ("batch-4 among other clips", "batch 8 in two processes"):
        assert results["pixels"][pair]["max"] == 0
    for name in ("fast", "pyramid", "taylorseer"):
        assert arms[name]["differs_from_reference"]["share"] > 0
    assert arms["taylorseer"]["tflop_per_clip"] < arms["batch-8"]["tflop_per_clip"]
    assert results["targets"]["fastest lossless arm"] in done


@pytest.mark.slow
@pytest.mark.usefixtures("ctrl_c")
def test_an_interrupted_run_keeps_what_it_has(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    process = start("--clips", "1", "--arms", "reference,batch-1,compile", "--out", str(out))
    deadline = time.monotonic() + 300
    while not out.exists() and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=60)
    assert process.returncode == 130
    arms = json.loads(out.read_text())["arms"]
    assert arms["reference"]["status"] == "done"
    assert arms["compile"] == {"status": "interrupted"}


@pytest.mark.slow
def test_too_little_time_is_recorded(tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    process = start("--arms", "batch-1", "--timeout", "0.1", "--out", str(out))
    process.communicate(timeout=120)
    results = json.loads(out.read_text())
    assert results["models"]["status"] == "timed out"
    assert results["arms"] == {"batch-1": {"status": "no models"}}


@pytest.mark.slow
@pytest.mark.parametrize("options", [("--arms", "batch-3"), ("--clips", "0"), ("--steps", "1")])
def test_bad_options(options: tuple[str, str]) -> None:
    process = start(*options)
    _, talk = process.communicate(timeout=120)
    assert process.returncode == 2
    assert "batch-3; choose from" in talk or "at least" in talk
