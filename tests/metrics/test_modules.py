"""The `evaluate` modules, in two processes with an empty cache.

In one, `equime_hub` is there before `evaluate`; in the other it is not there, and comes later.
Importing `evaluate` takes seconds, so each does all that can be seen in it.
"""

from __future__ import annotations

import json
import shutil
import textwrap
from pathlib import Path
from typing import Any

import pytest

from equime_hub import metrics
from equime_hub.errors import MetricError
from tests.support import forks

ROOT = Path(__file__).parents[2]
CHECKOUT = (ROOT / ".git").exists()

OF_CLASSES = ["uar", "uf1", "weighted_f1"]

NO_NETWORK = """
import json, socket, sys
from tests.support import forks
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
    whole = f"{NO_NETWORK}\n{textwrap.dedent(code)}\nprint('\\n' + json.dumps(result))"
    env = {**forks.environment(), **cache, **switches}
    done = forks.run("-c", whole, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_names_and_paths() -> None:
    assert metrics.names() == metrics.OURS and {*OF_CLASSES} < {*metrics.OURS}
    table = (ROOT / "README.md").read_text(encoding="utf-8")
    assert all(f"[`{name}`](equime_hub/metrics/{name}/README.md)" in table for name in metrics.OURS)
    for name in metrics.names():
        for file in ("README.md", "app.py", "requirements.txt"):
            assert (Path(metrics.path(name)) / file).is_file()
    with pytest.raises(MetricError, match=r"no metric 'f1'\. Choose one of: .*, uar, uf1"):
        metrics.path("f1")


def test_folders_link_to_files_that_are_written_once() -> None:
    for name in metrics.names():
        folder = ROOT / "equime_hub" / "metrics" / name
        own = {"__init__.py", "README.md", "app.py", f"{name}.py", "__pycache__"}
        for file in folder.iterdir():
            if file.name not in own:
                once = folder.parent / file.name
                # An sdist holds copies where a checkout holds links.
                linked = file.is_symlink() and file.samefile(once)
                assert linked or not CHECKOUT, file
                assert file.read_bytes() == once.read_bytes(), file


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
        for name in ("uar", "uf1", "weighted_f1"):
            module = evaluate.load(name)
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
        together = evaluate.combine(["uf1", "mer_report", "fairness"])
        for half in (slice(0, 2), slice(2, 4)):
            together.add_batch(
                references=[0, 1, 0, 1][half], predictions=[0, 1, 1, 1][half],
                groups=list("aabb")[half], subjects=list("wxyz")[half],
            )
        result["together"] = together.compute()

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
    for name in OF_CLASSES:
        for case, sentence in said.items():
            assert found["refusals"][f"{name} {case}"].startswith("MetricError: "), (name, case)
            assert sentence in found["refusals"][f"{name} {case}"]


def test_combine_with_columns_of_some(found: Any) -> None:
    together = found["together"]
    assert together["uf1_uf1"] == together["mer_report_uf1"] == pytest.approx((2 / 3 + 4 / 5) / 2)
    assert (together["worst"], together["best"]) == ("b", "a")


GRADIO = """
from types import SimpleNamespace

inputs = SimpleNamespace(Dataframe=lambda **given: given)
outputs = SimpleNamespace(Textbox=lambda **given: given)

class Interface:
    def __init__(self, **given):
        self.given = given

    def launch(self):
        import pandas
        heads = self.given["inputs"]["headers"]
        row = {"scores": [0.5, 0.25], "conditions": ["x", "x"]}
        other = ['"a"', '"b"']
        rows = ["[0.5, 0.5]", "[1.0, 0.0]"]
        if self.given["title"] == "Metric: mean_confidence":
            row |= {"predictions": rows, "references": [0, 0]}
        table = pandas.DataFrame({head: row.get(head, other) for head in heads})
        try:
            score = self.given["fn"](table)
        except ValueError as error:
            score = str(error)
        global shown
        shown = [self.given["article"].strip(), score]
"""
"""A stand-in that writes down what it gets."""


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What one process found with copies of the folders, where there is no `equime_hub`.

    Then it imported `equime_hub` after all. In its working directory are two metrics of its own.
    """
    folder = tmp_path_factory.mktemp("alone")
    for name in metrics.names():
        shutil.copytree(metrics.path(name), folder / "spaces" / name)
        shutil.copytree(metrics.path(name), folder / "pages" / name / "app")
    for name in ("uar", "other"):
        copy = shutil.copytree(metrics.path("uar"), folder / name)
        text = (copy / "uar.py").read_text().replace('{"uar"', '{"local"')
        (copy / f"{name}.py").write_text(text)
    (folder / "gradio.py").write_text(GRADIO)
    return run(
        folder,
        """
        sys.modules["equime_hub"] = None
        import evaluate, numpy, torch

        load = lambda name: evaluate.load(f"./spaces/{name}")
        true, said = [0, 0, 1, 2], [0, 1, 1, 2]
        rows = [[0.7, 0.2, 0.1], [0.2, 0.7, 0.1], [0.3, 0.7, 0.0], [0.0, 0.0, 1.0]]
        people = {"groups": ["a", None, "a", "b"], "subjects": [1, 2, 3, 4]}
        result = {"names": {}, "refusals": {}}
        for name in ("uf1", "uar", "weighted_f1"):
            result["names"][name] = load(name).compute(references=true, predictions=said)[name]
        report, sure = load("mer_report"), load("mean_confidence")
        result["reports"] = [
            report.compute(references=convert(true), predictions=convert(given))["uf1"]
            for convert in (list, numpy.array, torch.tensor) for given in (said, rows)
        ]
        result["sure"] = [
            sure.compute(references=convert(true), predictions=convert(rows))
            for convert in (list, numpy.array, torch.tensor)
        ]
        for reference, row in zip(true, rows):
            sure.add(reference=reference, prediction=row)
            report.add(reference="abc"[reference], prediction=row)
        result["sure"].append(sure.compute())
        result["reports"].append(report.compute(labels=list("abc"))["uf1"])

        fair = load("fairness")
        fair.add_batch(references=true, predictions=said, **people)
        fair.add(reference=2, prediction=0, groups="b", subjects=4)
        found = fair.compute(score="accuracy", min_subjects=1, draws=10)
        result["fair"] = [found["worst"], found["best"], found["gap"]["score"], found["unknown"]]
        spread = load("cross_consistency")
        spread.add(scores=0.5, training_sets="A", conditions=0)
        spread.add_batch(scores=torch.tensor([0.25]), training_sets=["B"], conditions=[0])
        result["spread"] = spread.compute(baselines={0: 0.3})["training_sets"]

        nan = float("nan")
        for case, (module, inputs) in {
            "nan": (sure, dict(references=[0], predictions=[[nan, 1.0]])),
            "report nan": (report, dict(references=[0], predictions=[[nan, 1.0]])),
            "report float": (report, dict(references=[0], predictions=[0.7])),
            "empty": (sure, dict(references=[], predictions=[])),
            "report empty": (report, dict(references=[], predictions=[])),
            "lengths": (sure, dict(references=[0, 1], predictions=[[1.0, 0.0]])),
            "score": (spread, dict(scores=[nan], training_sets=["A"], conditions=["x"])),
            "group": (fair, dict(references=[0], predictions=[0], groups=[0.5], subjects=[1])),
            "missing": (fair, dict(references=[0], predictions=[0], groups=["a"])),
        }.items():
            try:
                module.add_batch(**inputs)
            except ValueError as error:
                result["refusals"][case] = f"{type(error).__name__}: {error}"

        import runpy
        from pathlib import Path
        import gradio
        result["pages"] = {}
        at = sys.path[0]
        for page in sorted(Path("pages").resolve().glob("*/app")):
            sys.path[0] = str(page)
            runpy.run_path(str(page / "app.py"), run_name="__main__")
            result["pages"][page.parent.name] = gradio.shown
        sys.path[0] = at

        del sys.modules["equime_hub"]
        before = evaluate.loading.evaluation_module_factory
        from equime_hub import metrics
        from equime_hub.metrics import aliases
        aliases.install()
        aliases.install()
        score = lambda path: evaluate.load(path).compute(references=[0, 1], predictions=[0, 1])
        result["later"] = {path: score(path) for path in ("uf1", "uar", "other", "./other")}
        result["path"] = score(metrics.path("uar"))
        result["once"] = evaluate.loading.evaluation_module_factory.__wrapped__ is before
        result["calls"] = list(calls)
        for unknown in ("accuracy", "someone/uf1", "uf1x"):
            try:
                evaluate.load(unknown)
            except Exception as error:
                result[unknown] = str(error)
        """,
    )


def test_alone(alone: Any) -> None:
    """Batches, single clips, containers."""
    f1 = pytest.approx((2 / 3 + 2 / 3 + 1) / 3)
    assert alone["names"] == {
        "uf1": f1,
        "uar": pytest.approx((1 / 2 + 1 + 1) / 3),
        "weighted_f1": pytest.approx((2 * 2 / 3 + 2 / 3 + 1) / 4),
    }
    assert alone["reports"] == [f1] * 7
    # Three confidences of 0.7 in one bin, two of them right; one of 1, right.
    sure = {"mean_confidence": 0.775, "expected_calibration_error": 0.75 * (0.7 - 2 / 3)}
    assert alone["sure"] == [pytest.approx(sure, abs=1e-6)] * 4
    assert alone["fair"] == ["b", "a", 0.5, 1]
    assert {name: row["above_constant"] for name, row in alone["spread"].items()} == {
        "A": 1,
        "B": 0,
    }
    said = {
        "nan": "Probability 0 of clip 0 is nan",
        "report nan": "Probability 0 of clip 0 is nan",
        "report float": "predictions[0] is 0.7, which is no class",
        "empty": "got an array of shape (0,)",
        "report empty": "no references and no predictions",
        "lengths": "1 predictions and 2 references",
        "score": "scores[0] is nan",
        "group": "groups[0] is 0.5",
        "missing": "takes predictions, references, groups, subjects; got",
    }
    assert alone["refusals"].keys() == said.keys()
    for case, sentence in said.items():
        assert alone["refusals"][case].startswith("MetricError: "), case
        assert sentence in alone["refusals"][case]
    assert alone["calls"] == []


def test_pages_of_the_spaces(alone: Any) -> None:
    """Each page hands `gradio` a live metric."""
    shown = alone["pages"]
    assert [*shown] == metrics.names()
    assert all(article.startswith("# Metric card") for article, _ in shown.values())
    assert shown["uf1"][1] == {"uf1": 1}
    assert shown["mer_report"][1]["accuracy"] == 1
    assert shown["mean_confidence"][1]["mean_confidence"] == 0.75
    assert shown["cross_consistency"][1]["range"] == 0.25
    assert "two groups of at least 2 subjects" in shown["fairness"][1]


def test_aliases_after_evaluate(alone: Any) -> None:
    """Idempotent; the working directory wins; other names and paths are left alone."""
    later = alone["later"]
    assert later["uf1"] == {"uf1": 1}
    assert alone["path"] == {"uar": 1}
    assert later["uar"] == later["other"] == later["./other"] == {"local": 1}
    assert alone["once"] is True
    assert alone["calls"] == []
    for unknown in ("accuracy", "someone/uf1", "uf1x"):
        assert unknown in alone[unknown]
