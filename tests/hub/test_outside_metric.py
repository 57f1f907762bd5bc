"""Where the entry point of a metric may lead; `test_extending` installs and publishes one."""

from __future__ import annotations

from pathlib import Path

import pytest

from equime_hub import metrics
from equime_hub.errors import EquimeError, MetricError
from tests.support import packages


def install(folder: Path, name: str = "steady", value: str = "steady") -> Path:
    """The metric of docs/extending.md under another entry point; returns its file."""
    packages.write("steady/", folder)
    about = folder / "steady/steady-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: steady\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[equime_hub.metrics]\n{name} = {value}\n")
    return folder / "steady/steady/steady.py"


@pytest.mark.parametrize("value", ["steady", "steady.steady", "steady:steady"])
def test_the_entry_point_names_the_folder_or_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    file = install(tmp_path, value=value)
    monkeypatch.syspath_prepend(tmp_path / "steady")
    assert metrics.names() == sorted([*metrics.OURS, "steady"])
    assert Path(metrics.path("steady")) == file.parent


def test_a_package_without_the_file_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for value in ("steady", "no_such_package.inside"):
        install(tmp_path / value, value=value).unlink()
        with monkeypatch.context() as patch:
            patch.syspath_prepend(tmp_path / value / "steady")
            with pytest.raises(MetricError, match=rf"registered as {value}, but no steady.py"):
                metrics.path("steady")
            assert Path(metrics.path("uf1")).is_dir()


def test_a_name_that_we_have_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    install(tmp_path, "uf1")
    monkeypatch.syspath_prepend(tmp_path / "steady")
    with pytest.raises(EquimeError, match="Two packages register the metric 'uf1'"):
        metrics.names()
