"""The processes that train together."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any


def processes() -> int:
    """How many there are, as `accelerate launch` says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Team:
    """The processes of `accelerate launch`, or this one alone."""

    def __init__(self, cpu: bool) -> None:
        self._state: Any = None
        if processes() > 1:
            import torch
            from accelerate import PartialState  # type: ignore[import-untyped]

            cpu = cpu or not torch.cuda.is_available()
            # The first one may prepare clips for long while the others wait.
            self._state = PartialState(cpu=cpu, timeout=timedelta(days=2))

    @property
    def main(self) -> bool:
        """This one writes."""
        return self._state is None or bool(self._state.is_main_process)

    def wait(self) -> None:
        """Until all are here."""
        if self._state is not None:
            self._state.wait_for_everyone()
