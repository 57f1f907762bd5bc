"""Point the Hugging Face libraries of this process at the Hub of the tests."""

from __future__ import annotations

import sys
import time
from pathlib import Path

import pytest


def switch_on(patch: pytest.MonkeyPatch) -> None:
    """Online, and with retries that hardly wait.

    What the libraries read from the environment when they are imported is replaced in them.
    """
    import datasets
    from huggingface_hub import constants

    patch.setattr(constants, "HF_HUB_OFFLINE", False)
    sleep = time.sleep
    patch.setattr(time, "sleep", lambda seconds: sleep(min(seconds, 0.005)))
    patch.setattr(datasets.config, "HF_HUB_OFFLINE", False)
    patch.setattr(datasets.config, "HF_DATASETS_OFFLINE", False)
    for variable in ("HF_HUB_OFFLINE", "HF_DATASETS_OFFLINE"):
        patch.setenv(variable, "0")


def switch_off() -> None:
    """Offline again in modules that were imported meanwhile and copied the switch.

    `MonkeyPatch` puts back only what was there before.
    """
    for module in [*sys.modules.values()]:
        if vars(module).get("HF_HUB_OFFLINE") is False:
            module.HF_HUB_OFFLINE = True  # type: ignore[attr-defined]


def act_as(patch: pytest.MonkeyPatch, home: Path, token: str | None) -> None:
    """Send a token or none, and keep caches in `home`.

    `evaluate` takes seconds to import, so it is not imported for this; and modules of remote
    code cannot be forgotten by a process: tests that load any belong in `Hub.python`.
    """
    import datasets
    from huggingface_hub import constants

    forget()
    patch.setattr(constants, "HF_HOME", str(home))
    patch.setattr(constants, "HF_HUB_CACHE", str(home / "hub"))
    patch.setattr(constants, "HF_ASSETS_CACHE", str(home / "assets"))
    patch.setattr(constants, "HF_TOKEN_PATH", str(home / "token"))
    patch.setattr(constants, "HF_STORED_TOKENS_PATH", str(home / "stored_tokens"))
    patch.setattr(datasets.config, "HF_DATASETS_CACHE", home / "datasets")
    patch.setattr(datasets.config, "DOWNLOADED_DATASETS_PATH", home / "datasets/downloads")
    if (evaluate := sys.modules.get("evaluate")) is not None:
        patch.setattr(evaluate.config, "HF_EVALUATE_CACHE", home / "evaluate")
        patch.setattr(evaluate.config, "HF_METRICS_CACHE", home / "metrics")
    if token is None:
        patch.delenv("HF_TOKEN", raising=False)
    else:
        patch.setenv("HF_TOKEN", token)


def forget() -> None:
    """Close the connections, and drop what the file systems remember of repositories."""
    from huggingface_hub import HfFileSystem, close_session

    close_session()
    HfFileSystem.clear_instance_cache()
