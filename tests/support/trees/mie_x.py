"""MiE-X as its generator writes it: pairs of onset and apex, and clips of ten frames."""

from __future__ import annotations

from pathlib import Path

from tests.support.trees.drawing import recording

CLIPS = {
    "000123_exp_0": 2,
    "000123_exp_1": 2,
    "000123_exp_2": 2,
    "000123_mae_1": 2,
    "000123_mmew_0": 2,
    "000045_oulu_2": 2,
    "N_0000000_001_exp_0": 10,
}
"""Folder → frames."""

STATIC = "000123_mmew_0"
"""A pair whose two files are the same."""


def mie_x(root: Path, top: str = "") -> None:
    """All clips side by side, in the root or in a folder of it."""
    for name, length in CLIPS.items():
        person = int(name.split("_")[-3]) if length == 2 else 1
        frames = [f"{top}{name}/{n}.jpg" for n in range(length)]
        recording(root, frames, person, apex=length - 1)
    first, last = (root / f"{top}{STATIC}/{n}.jpg" for n in (0, 1))
    last.write_bytes(first.read_bytes())


TREES = {"mie_x": mie_x}
