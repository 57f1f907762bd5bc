"""Python in another process that begins at once: a fork of one that has imported much.

The libraries of Hugging Face and this package are imported anew in each, as by a fresh
interpreter; `fork_server` has what was imported before. All test processes of a run share it.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

from tests.support import fork_server

ROOT = Path(__file__).parents[2]


class Fork:
    """A process that runs `python *arguments` here, in a session of its own.

    Args:
        arguments: "-c" and a program, or "-m" and a module, and what they are given.
        cwd: Its working directory; ours by default.
        env: All its variables; ours by default.
    """

    def __init__(
        self, *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
    ) -> None:
        self.args = arguments
        self.returncode: int | None = None
        self._written = ["", ""]
        self._files = [tempfile.TemporaryFile() for _ in range(2)]  # noqa: SIM115
        environment = dict(os.environ if env is None else env)
        asked = {"argv": arguments, "cwd": str(cwd or Path.cwd()), "environment": environment}
        data = json.dumps(asked).encode()
        self._server = _connected()
        outputs = [file.fileno() for file in self._files]
        socket.send_fds(self._server, [struct.pack("!i", len(data))], outputs)
        self._server.sendall(data)
        self.pid = self._told()

    @property
    def stdout(self) -> str:
        """What it has written until now."""
        return self._text(0)

    @property
    def stderr(self) -> str:
        return self._text(1)

    def poll(self) -> int | None:
        """Its exit code, or the negative signal that ended it; None while it runs."""
        return self._ended(0)

    def wait(self, timeout: float = 300) -> int:
        code = self._ended(timeout)
        assert code is not None, f"python {self.args} runs for {timeout} s: {self.stderr}"
        return code

    def kill(self) -> None:
        """At once, as the kernel does when memory is short."""
        if self.poll() is None:
            os.kill(self.pid, signal.SIGKILL)

    def _ended(self, timeout: float) -> int | None:
        if self.returncode is None:
            self._server.settimeout(timeout)
            with contextlib.suppress(BlockingIOError, TimeoutError):
                self.returncode = self._told()
                self._written = [self._text(0), self._text(1)]
                for file in self._files:
                    file.close()
                self._server.close()
                self._files = []
        return self.returncode

    def _told(self) -> int:
        answer = self._server.recv(4)
        assert answer, f"no answer about python {self.args}: {self.stderr}"
        found: int = struct.unpack("!i", answer)[0]
        return found

    def _text(self, which: int) -> str:
        if not self._files:
            return self._written[which]
        fd = self._files[which].fileno()
        return os.pread(fd, os.fstat(fd).st_size, 0).decode()


def run(
    *arguments: str, cwd: Path | None = None, env: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run `python *arguments` to its end, as `Fork`."""
    fork = Fork(*arguments, cwd=cwd, env=env)
    try:
        fork.wait()
    finally:
        fork.kill()
    assert fork.returncode is not None
    return subprocess.CompletedProcess(arguments, fork.returncode, fork.stdout, fork.stderr)


def succeeded(*arguments: str, env: Mapping[str, str] | None = None) -> str:
    """What `python *arguments` prints, which must end well."""
    done = run(*arguments, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def environment(*first: Path) -> dict[str, str]:
    """Our variables, with a PYTHONPATH of `first`, this repository and what there was."""
    there = os.environ.get("PYTHONPATH", "")
    paths = [*map(str, first), str(ROOT), *filter(None, [there])]
    return {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}


@functools.cache
def _lock() -> tuple[str, str]:
    """The path of the socket, and a lock that is held as long as this process lives."""
    run_of_all = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    path = f"{tempfile.gettempdir()}/equime-forks-{run_of_all[:16]}"
    lock = path + ".lock"
    fcntl.flock(os.open(lock, os.O_CREAT | os.O_RDWR), fcntl.LOCK_SH)
    return path, lock


def _connected() -> socket.socket:
    path, lock = _lock()
    for attempt in range(2400):
        connection = socket.socket(socket.AF_UNIX)
        try:
            connection.connect(path)
        except OSError:
            connection.close()
        else:
            return connection
        if not attempt:
            _start(path, lock)
        time.sleep(0.05)
    raise AssertionError("the server of forks does not answer")


def _start(path: str, lock: str) -> None:
    variables = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    variables["JE_ARROW_MALLOC_CONF"] = "background_thread:false"  # a fork has no other threads
    command = [sys.executable, fork_server.__file__, path, lock]
    os.posix_spawn(sys.executable, command, variables)
