"""Parts: the same bytes in one lane and in several."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
import torch

from equime_hub.builder import shards
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.render import RenderConfig
from equime_hub.builder.spec import Backend
from equime_hub.jobs import parts
from equime_hub.jobs.engines import Workforce, local
from tests.conftest import TINY, tiny_plan
from tests.support import tiny_ltx as tiny


def made(backend: Backend, folder: Path, lanes: int) -> dict[str, str]:
    plan = tiny_plan(5, replace(TINY, num_frames=17))
    todo = [
        part
        for shard in shards.layout(plan, 64)
        for part in parts.of_shard(plan, folder, shard, "0", backend.batch_size)
    ]
    assert len(todo) > 3
    start = partial(parts.start, RenderConfig(backend), plan.source)
    done = list(local.run(start, todo, Workforce(lanes=lanes)))
    assert {part.path for part in done} == {part.path for part in todo}
    assert all(part.intact() for part in todo)
    return {part.path.name: part.seal.read_text() for part in todo}


@pytest.mark.parametrize("name", ["warp", "ltx"])
def test_lanes_change_no_byte(name: str, tmp_path: Path) -> None:
    torch.set_num_threads(1)
    backend: Backend = WarpBackend()
    if name == "ltx":
        model = tiny.save(tmp_path / "model")
        backend = LtxBackend(replace(PRESETS["tiny"].config, model=str(model)))
    one, several = tmp_path / "one", tmp_path / "several"
    one.mkdir()
    several.mkdir()
    assert made(backend, one, 1) == made(backend, several, parts.LANES)
