"""Chunks: the same bytes in one lane and in several."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from equime_hub.builder import shards
from equime_hub.builder.backends.ltx import PRESETS, LtxBackend
from equime_hub.builder.backends.warp import WarpBackend
from equime_hub.builder.render import RenderConfig
from equime_hub.builder.spec import Backend
from equime_hub.jobs import build as builds
from equime_hub.jobs import steps
from equime_hub.jobs.engines import Workforce, local
from equime_hub.schema.stamp import Stamp
from tests.conftest import TINY, tiny_plan
from tests.support import tiny_ltx as tiny


def made(backend: Backend, folder: Path, lanes: int) -> dict[str, str]:
    plan = tiny_plan(5, replace(TINY, num_frames=17))
    render = RenderConfig(backend)
    layout = shards.layout(plan, 64)
    stamp = Stamp("0", "0", "")
    asked = builds._chunks(plan, layout, {}, folder, stamp, backend.batch_size)
    todo = [chunk for own in asked.values() for chunk in own]
    assert len(todo) > 3
    run = partial(local.run, force=Workforce(lanes=lanes))
    made = steps.make(todo, partial(builds._start, render, plan.source), run, 25, None)
    assert made == len(plan.specs) == 25
    assert steps.missing(todo) == []
    return {chunk.path.name: chunk.seal.read_text() for chunk in todo}


@pytest.mark.parametrize("name", ["warp", "ltx"])
def test_lanes_change_no_byte(name: str, tmp_path: Path) -> None:
    backend: Backend = WarpBackend()
    if name == "ltx":
        model = tiny.save(tmp_path / "model")
        backend = LtxBackend(replace(PRESETS["tiny"].config, model=str(model)))
    one, several = tmp_path / "one", tmp_path / "several"
    one.mkdir()
    several.mkdir()
    assert made(backend, one, 1) == made(backend, several, builds.LANES)
