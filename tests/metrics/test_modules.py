"""The `evaluate` modules, each scenario in a fresh interpreter with an empty cache."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

from equime_hub import metrics
from equime_hub.errors import MetricError

ROOT = Path(__file__).parents[2]

NO_NETWORK = """
import json, socket, sys
calls = []
def refuse(*args, **kwargs):
    calls.append(str(args[-1]))
    raise OSError("no network in this test")
socket.socket.connect = socket.getaddrinfo = refuse
"""


def run(folder: Path, code: str, *, offline: bool = True) -> Any:
    """Run code that leaves its findings in `result`, in `folder`; return them."""
    cache = {name: str(folder / "cache") for name in ("HF_HOME", "HF_MODULES_CACHE")}
    switches = {name: str(int(offline)) for name in ("HF_HUB_OFFLINE", "HF_EVALUATE_OFFLINE")}
    path = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")])
    whole = f"{NO_NETWORK}\n{textwrap.dedent(code)}\nprint('\\n' + json.dumps(result))"
    done = subprocess.run(
        [sys.executable, "-c", whole],
        cwd=folder,
        env={**os.environ, **cache, **switches, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_names_and_paths() -> None:
    assert metrics.names() == ["uar", "uf1"]
    for name in metrics.names():
        assert (Path(metrics.path(name)) / "README.md").is_file()
    with pytest.raises(MetricError, match=r"no metric 'f1'\. Choose one of: uar, uf1"):
        metrics.path("f1")


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one process found that installed the names, then imported `evaluate`.

    Online as far as `evaluate` knows: a look at the Hub would be seen in `calls`.
    """
    return run(
        tmp_path_factory.mktemp("modules"),
        """
        from equime_hub.metrics import aliases
        aliases.install()
        early = "evaluate" in sys.modules
        import evaluate, numpy, torch

        references, predictions = [0, 0, 1, 2], [0, 1, 1, 2]
        uf1 = evaluate.load("uf1")
        result = {"early": early, "scores": [
            uf1.compute(references=convert(references), predictions=convert(predictions))
            for convert in (list, numpy.array, torch.tensor)
        ]}
        for part in (slice(0, 1), slice(1, 4)):
            uf1.add_batch(references=references[part], predictions=predictions[part])
        result["batches"] = uf1.compute()
        for reference, prediction in zip(references, predictions):
            uf1.add(reference=reference, prediction=prediction)
        result["single"] = uf1.compute()
        both = evaluate.combine(["uf1", "uar"])
        result["both"] = both.compute(references=references, predictions=predictions)
        names = ["a", "b", "c"]
        result["strings"] = evaluate.load("uar", keep_in_memory=True).compute(
            references=[names[i] for i in references], predictions=[names[i] for i in predictions]
        )
        result["labels"] = uf1.compute(references=[0], predictions=[0], labels=[0, 1])

        import doctest, re
        from pathlib import Path
        from equime_hub import metrics

        result |= {"examples": {}, "refusals": {}}
        for name in metrics.names():
            module = evaluate.load(name)
            card = (Path(metrics.path(name)) / "README.md").read_text(encoding="utf-8")
            blocks = re.findall(r"```python\\n(.*?)```", card, flags=re.DOTALL)
            for kind, text in {"card": "".join(blocks), "docs": module.inputs_description}.items():
                test = doctest.DocTestParser().get_doctest(text, {}, name, name, 0)
                talk = []
                outcome = doctest.DocTestRunner().run(test, out=talk.append)
                found = [outcome.attempted, outcome.failed, "".join(talk)]
                result["examples"][f"{name} {kind}"] = found
            for case, inputs in {
                "float": dict(references=[0], predictions=[0.7]),
                "empty": dict(references=[], predictions=[]),
                "lengths": dict(references=[0, 1], predictions=[0]),
                "kinds": dict(references=["a"], predictions=[0]),
                "unknown": dict(references=[0], predictions=[1], labels=[0]),
            }.items():
                try:
                    module.compute(**inputs)
                except ValueError as error:
                    result["refusals"][f"{name} {case}"] = f"{type(error).__name__}: {error}"
            try:
                module.add(reference=0, prediction=0.7)
            except ValueError as error:
                result["refusals"][f"{name} single"] = f"{type(error).__name__}: {error}"
            assert module.compute(references=[0], predictions=[0]) == {name: 1}
        result["calls"] = list(calls)
        try:
            evaluate.load("uf1x")
        except FileNotFoundError:
            result["calls for another name"] = calls
        """,
        offline=False,
    )


def test_aliases_before_evaluate(found: Any) -> None:
    f1 = pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    recall = pytest.approx((1 / 2 + 1 + 1) / 3)
    assert found["scores"] == [{"uf1": f1}] * 3
    assert found["batches"] == found["single"] == {"uf1": f1}
    assert found["both"] == {"uf1": f1, "uar": recall}
    assert found["strings"] == {"uar": recall}
    assert found["labels"] == {"uf1": 0.5}
    assert found["early"] is False
    assert found["calls"] == []
    assert found["calls for another name"], "the network is watched"


def test_examples(found: Any) -> None:
    """Those of the cards and those of the docstrings."""
    for name, (attempted, failed, talk) in found["examples"].items():
        assert attempted >= 3, name
        assert failed == 0, talk


def test_refusals(found: Any) -> None:
    """Above all of what `evaluate` would cast without a word."""
    said = {
        "float": "0.7, which is no class",
        "single": "0.7, which is no class",
        "empty": "no references and no predictions",
        "lengths": "2 references and 1 predictions",
        "kinds": "all integers or all strings",
        "unknown": "labels names only",
    }
    for name in metrics.names():
        for case, sentence in said.items():
            assert found["refusals"][f"{name} {case}"].startswith("MetricError: "), (name, case)
            assert sentence in found["refusals"][f"{name} {case}"]


def test_aliases_after_evaluate(tmp_path: Path) -> None:
    """Idempotent; the working directory wins; other names and paths are left alone."""
    for name in ("uar", "other"):
        (tmp_path / name).mkdir()
        text = (Path(metrics.path("uar")) / "uar.py").read_text().replace('{"uar"', '{"local"')
        (tmp_path / name / f"{name}.py").write_text(text)
    found = run(
        tmp_path,
        """
        import evaluate
        before = evaluate.loading.evaluation_module_factory
        from equime_hub import metrics
        from equime_hub.metrics import aliases
        aliases.install()
        aliases.install()
        score = lambda path: evaluate.load(path).compute(references=[0, 1], predictions=[0, 1])
        result = {path: score(path) for path in ("uf1", "uar", "other", "./other")}
        result["path"] = score(metrics.path("uar"))
        result["once"] = evaluate.loading.evaluation_module_factory.__wrapped__ is before
        result["calls"] = calls
        for unknown in ("accuracy", "someone/uf1", "uf1x"):
            try:
                evaluate.load(unknown)
            except Exception as error:
                result[unknown] = str(error)
        """,
    )
    assert found["uf1"] == {"uf1": 1}
    assert found["path"] == {"uar": 1}
    assert found["uar"] == found["other"] == found["./other"] == {"local": 1}
    assert found["once"] is True
    assert found["calls"] == []
    for unknown in ("accuracy", "someone/uf1", "uf1x"):
        assert unknown in found[unknown]
