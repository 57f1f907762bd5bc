"""A sandbox for every test, and a tiny dataset that is built once."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache, partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from tests.support.hub_server import clients
from tests.support.hub_server.hub import Hub
from tests.support.hub_server.server import bound

# The Hugging Face libraries read these when they are imported, so they are set before any is.
# No test sees the user's cache or token, and none reaches the network. The port of the Hub is
# this process's own, and nothing listens there but during a test with the fixture `hub`.
_HOME = tempfile.mkdtemp(prefix="equime-tests-")
_PORT = bound()
_REACHABLE: list[tuple[str, int]] = []
# Test processes are as many as cores, so each of them, and what it starts, uses one thread: more
# would wait for each other, and sums in another order differ in the last bit.
os.environ.update(
    OMP_NUM_THREADS="1",
    HF_HOME=_HOME,
    HF_ENDPOINT="http://{}:{}".format(*_PORT.getsockname()),
    HF_HUB_DISABLE_XET="1",
    HF_HUB_OFFLINE="1",
    HF_DATASETS_OFFLINE="1",
    HF_HUB_DISABLE_TELEMETRY="1",
    HF_DATASETS_DISABLE_PROGRESS_BARS="1",
)
for _name in ("HF_TOKEN", "EQUIME_DATASET"):
    os.environ.pop(_name, None)

from equime_hub.builder import plan as plans  # noqa: E402
from equime_hub.builder.backends.warp import WarpBackend  # noqa: E402
from equime_hub.builder.faces.drawn import DrawnFaces  # noqa: E402
from equime_hub.builder.plan import Plan, PlanConfig  # noqa: E402
from equime_hub.builder.render import RenderConfig  # noqa: E402
from equime_hub.jobs import build as builds  # noqa: E402
from equime_hub.jobs.build import BuildConfig  # noqa: E402
from equime_hub.schema.records import Face  # noqa: E402

WARP = RenderConfig(WarpBackend())
SMALL = BuildConfig(WARP, shard_bytes=1)
"""The smallest shards there are: one row group each."""
TINY = PlanConfig(width=64, height=64, num_frames=16, fps=50.0, duration_ms=(120.0, 240.0))


# A test does not measure time: a busy machine is no fault.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_sessionfinish() -> None:
    _PORT.close()
    shutil.rmtree(_HOME, ignore_errors=True)


@pytest.fixture(autouse=True)
def sandbox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty working directory, and no network."""
    monkeypatch.chdir(tmp_path)

    def refuse(self: socket.socket, address: Any) -> None:
        inet = self.family in (socket.AF_INET, socket.AF_INET6)
        if inet and address[:2] not in _REACHABLE:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    connect = socket.socket.connect
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def ctrl_c() -> Iterator[None]:
    """Ctrl-C reaches what the test starts, though this process may have been told to ignore it.

    `command &` in a script and many CI runners tell it so, and children would inherit that.
    """
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.fixture
def hub(
    sandbox: None, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Hub]:
    """A Hub of no users and no repositories, which the libraries take for the real one.

    Who acts, what was asked and what goes wrong are told to it: see `Hub`.
    """
    address = _PORT.getsockname()
    homes = tmp_path_factory.mktemp("homes")
    clients.switch_on(monkeypatch)
    look_up = socket.getaddrinfo

    def look_up_the_hub(host: Any, *rest: Any, **more: Any) -> Any:
        if host != address[0]:
            raise socket.gaierror(f"a test looked up {host}")
        return look_up(host, *rest, **more)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_the_hub)
    _REACHABLE.append(address)
    hub = Hub(address[1], homes, partial(clients.act_as, monkeypatch))
    hub.start()
    hub.sign_in(None)
    yield hub
    clients.forget()
    clients.switch_off()
    hub.stop()
    _REACHABLE.remove(address)
    assert not hub.server.bugs, "\n".join(hub.server.bugs)


def tiny_plan(people: int = 8, config: PlanConfig = TINY) -> Plan:
    """Clips of 64×64×16 frames of drawn people."""
    source = DrawnFaces(people, 0, 128)
    return plans.make(_drawn(source), source, config)


@cache
def _drawn(source: DrawnFaces) -> Sequence[Face]:
    return source.scan().faces


def sums(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by name, hidden ones too."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.fixture(scope="session")
def plan() -> Plan:
    """40 clips: 8 people × 5 emotions."""
    return tiny_plan()


@pytest.fixture(scope="session")
def built(plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The dataset of `plan`, named equime; do not change it, copy it."""
    from equime_hub.cards import dataset_card

    folder = tmp_path_factory.mktemp("built") / "equime"
    builds.build(plan, folder, SMALL, card=dataset_card.write)
    return folder


@pytest.fixture
def dataset(built: Path, tmp_path: Path) -> Iterator[Path]:
    """A copy of `built` as ./equime."""
    yield Path(shutil.copytree(built, tmp_path / "equime"))
