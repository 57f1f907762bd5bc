"""A metric that another package adds; `test_metric` scores with it and makes it a Space."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from equime_hub import metrics
from equime_hub.errors import MetricError
from tests.support import toy_metric


@pytest.mark.parametrize(
    "value", ["toy_steadiness", "toy_steadiness.steadiness", "toy_steadiness:steadiness"]
)
def test_the_entry_point_names_the_folder_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    folder = toy_metric.install(tmp_path / "site-packages", value)
    monkeypatch.syspath_prepend(str(folder))
    assert metrics.names() == sorted([*metrics.OURS, "steadiness"])
    assert Path(metrics.path("steadiness")) == folder / "toy_steadiness/steadiness.py"


def test_its_project_says_what_was_installed(tmp_path: Path) -> None:
    told = tomllib.loads((toy_metric.write(tmp_path) / "pyproject.toml").read_text())
    points = told["project"]["entry-points"]["equime_hub.metrics"]
    assert points == {"steadiness": "toy_steadiness"}
    assert len([file for file in tmp_path.rglob("*") if file.is_file()]) == 3


def test_a_package_without_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("toy_steadiness", "no_such_package.inside"):
        folder = toy_metric.install(tmp_path / value, value)
        (folder / "toy_steadiness/steadiness.py").unlink()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(str(folder))
            with pytest.raises(MetricError, match=rf"registered as {value}, but no steadiness.py"):
                metrics.path("steadiness")
            assert Path(metrics.path("uf1")).is_dir()


def test_a_name_that_we_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = toy_metric.install(tmp_path)
    (folder / "toy_steadiness-1.0.dist-info/entry_points.txt").write_text(
        "[equime_hub.metrics]\nuf1 = toy_steadiness\n"
    )
    monkeypatch.syspath_prepend(str(folder))
    with pytest.raises(Exception, match="Two packages register the metric 'uf1'"):
        metrics.names()
