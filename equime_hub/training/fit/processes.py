"""The processes of `accelerate launch` that train one model together, or this one alone."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import Any, TypeVar

import torch
from accelerate import PartialState
from accelerate.utils import gather, gather_object, reduce

Value = TypeVar("Value")


def how_many() -> int:
    """How many processes there are, as `accelerate launch` says."""
    return int(os.environ.get("WORLD_SIZE", "1"))


class Processes:
    """All processes, as one of them sees them.

    Every method that gives or waits for something must be called by all of them.

    Attributes:
        count: How many there are.
        rank: The number of this one, from 0.
        device: Where this one computes.
    """

    def __init__(self, cpu: bool) -> None:
        self.count, self.rank = how_many(), 0
        self._state: Any = None
        cpu = cpu or not torch.cuda.is_available()
        self.device = torch.device("cpu" if cpu else "cuda")
        if self.count > 1:
            # The first one may prepare clips for long while the others wait.
            self._state = PartialState(cpu=cpu, timeout=timedelta(days=2))
            self.rank, self.device = self._state.process_index, self._state.device

    @property
    def main(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0

    def wait(self) -> None:
        """Until all are here."""
        if self._state is not None:
            self._state.wait_for_everyone()

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """The sum over all processes."""
        return values if self._state is None else reduce(values, "sum")

    def joined(self, values: torch.Tensor) -> torch.Tensor:
        """The values of all processes, one after the other along the first axis."""
        return values if self._state is None else gather(values)

    def listed(self, value: Value) -> list[Value]:
        """What each process has, by rank."""
        return [value] if self._state is None else gather_object([value])
