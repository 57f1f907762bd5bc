"""A process that has imported the large libraries, and forks for each command that it is given.

Run as a script with the path of a socket and of a lock that its clients share. It imports what
neither reads the environment nor knows Hugging Face: those libraries and this package are imported
by each fork anew, in the order and with the variables of its command. See `forks`.
"""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import gc
import importlib
import json
import os
import runpy
import signal
import socket
import struct
import sys
import threading
import traceback
import types
from pathlib import Path
from typing import Any

LIBRARIES = (
    "av", "click", "cv2", "numpy", "pandas", "PIL.Image", "pyarrow.dataset", "pyarrow.parquet",
    "pydantic", "scipy.stats", "sympy", "torch.utils.data", "torchvision", "yaml",
)  # fmt: skip
PATIENCE = 2.0
"""Seconds without a command after which it looks whether anybody is there who may send one."""


def serve(path: str, lock: str) -> dict[str, Any]:
    """Fork for each command; returns in the fork, with the command.

    Ends when nobody holds the lock any more, or another process serves the same path.
    """
    with socket.socket(socket.AF_UNIX) as listener, Path(lock).open("w") as held:
        try:
            listener.bind(path)
        except OSError:
            sys.exit()
        listener.listen()
        listener.settimeout(PATIENCE)
        for name in LIBRARIES:
            importlib.import_module(name)
        assert len(os.listdir("/proc/self/task")) == 1, "forks of threads may hang"
        gc.freeze()
        while True:
            try:
                connection, _ = listener.accept()
            except TimeoutError:
                with contextlib.suppress(OSError):
                    fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    os.unlink(path)
                    os.unlink(lock)
                    os._exit(0)
                continue
            with contextlib.suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            if os.fork():
                connection.close()
            else:
                break
    connection.setblocking(True)
    with connection:
        return _forked(connection)


def _forked(connection: socket.socket) -> dict[str, Any]:
    """Tells the client the number of a child and how it ends; returns in the child."""
    size, fds, *_ = socket.recv_fds(connection, 4, 2)
    data = b""
    while len(data) < struct.unpack("!i", size)[0]:
        data += connection.recv(1 << 20)
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        with contextlib.suppress(OSError):
            connection.sendall(struct.pack("!i", os.waitstatus_to_exitcode(status)))
        os._exit(0)
    os.setsid()
    for target, fd in enumerate(fds, 1):
        os.dup2(fd, target)
        os.close(fd)
    connection.sendall(struct.pack("!i", os.getpid()))
    found: dict[str, Any] = json.loads(data)
    return found


def run(argv: list[str], cwd: str, environment: dict[str, str]) -> int:
    """Do what `python *argv` does, and give its exit code.

    Args:
        argv: "-c" and a program, or "-m" and a module, and their arguments.
        cwd: The working directory.
        environment: All variables. PYTHONPATH counts, others of Python itself do not.
    """
    signal.signal(signal.SIGINT, signal.default_int_handler)
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(environment)
    first = [cwd if argv[0] == "-m" else "", *environment.get("PYTHONPATH", "").split(":")]
    sys.path[:0] = [first[0], *filter(None, first[1:])]
    importlib.invalidate_caches()
    sys.argv = ["-c" if argv[0] == "-c" else argv[1], *argv[2:]]
    try:
        if argv[0] == "-m":
            runpy.run_module(argv[1], run_name="__main__", alter_sys=True)
        else:
            main = sys.modules["__main__"] = types.ModuleType("__main__")
            exec(compile(argv[1], "<string>", "exec"), main.__dict__)
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except BaseException:
        traceback.print_exc()
        return 1
    return 0


def leave(code: int) -> None:
    """End as an interpreter does, but leave the memory, most of which it shares, to the system."""
    threading._shutdown()  # type: ignore[attr-defined]
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    del sys.path[0]  # the folder of this file
    os.setsid()
    os.chdir("/")
    leave(run(**serve(*sys.argv[1:])))
