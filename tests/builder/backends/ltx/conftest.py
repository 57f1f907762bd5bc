from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import tiny_ltx as tiny


@pytest.fixture(scope="session")
def models(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One model folder a kind; do not change them."""
    root = tmp_path_factory.mktemp("ltx")
    return {kind: tiny.save(root / kind, kind) for kind in tiny.KINDS}
