"""Generations of a dataset, as small as they get, and a lab that publishes them."""

from __future__ import annotations

import copy
import shutil
from pathlib import Path

import pytest

from equime_hub.hub.push import push
from equime_hub.hub.sending import Wanted
from tests.support.hub_data import generation
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.store import Repository


@pytest.fixture(scope="session")
def generations(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Datasets of four, three and three people; nobody is in two. Do not change them."""
    folder = tmp_path_factory.mktemp("generations")
    return [generation(folder / f"{n + 1}", people, n) for n, people in enumerate((4, 3, 3))]


@pytest.fixture
def first(generations: list[Path], tmp_path: Path) -> Path:
    """A copy of the first generation, which may be changed."""
    return Path(shutil.copytree(generations[0], tmp_path / "first"))


@pytest.fixture
def second(generations: list[Path], tmp_path: Path) -> Path:
    """A copy of the second generation, which may be changed."""
    return Path(shutil.copytree(generations[1], tmp_path / "second"))


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """A Hub where keeper, who is signed in, and helper write for the organisation lab."""
    for name in ("keeper", "helper", "reader"):
        hub.user(name)
    hub.organisation("lab", "keeper", helper="write")
    hub.sign_in("keeper")
    return hub


@pytest.fixture(scope="session")
def first_push() -> list[Repository]:
    """What the first push of the session left behind; empty before it."""
    return []


@pytest.fixture
def published(lab: Hub, generations: list[Path], first_push: list[Repository]) -> Hub:
    """The lab, after keeper pushed the first generation to lab/equime, which is private."""
    if not first_push:
        push(generations[0], Wanted("lab/equime"), check=lambda folder: [])
        first_push.append(lab.repository("lab/equime"))
    lab.repositories["dataset", "lab/equime"] = copy.deepcopy(first_push[0])
    return lab
