from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.trees import toy


@pytest.fixture
def lab(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A release of the dataset "toy", which another package adds."""
    toy.install(tmp_path / "site")
    monkeypatch.syspath_prepend(tmp_path / "site")
    return toy.make(tmp_path / "lab")
