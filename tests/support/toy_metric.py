"""A package of somebody else that adds a metric: the three files of docs/extending.md."""

from __future__ import annotations

from pathlib import Path

PYPROJECT = """\
[project]
name = "toy-steadiness"
version = "1.0"

[project.entry-points."equime_hub.metrics"]
steadiness = "toy_steadiness"

[tool.setuptools]
packages = ["toy_steadiness"]
package-data = { toy_steadiness = ["README.md"] }
"""

METRIC = '''\
"""Steadiness as an `evaluate` module."""

import datasets
import evaluate

_DESCRIPTION = "The share of neighbouring predictions that are alike."
_INPUTS = """
Args:
    predictions: Predicted classes, in the order of the clips.

Returns:
    {"steadiness": float in [0, 1]}.
"""


class Steadiness(evaluate.Metric):
    def _info(self):
        return evaluate.MetricInfo(
            description=_DESCRIPTION,
            citation="",
            inputs_description=_INPUTS,
            features=datasets.Features(predictions=datasets.Value("int64")),
        )

    def _compute(self, predictions):
        alike = [a == b for a, b in zip(predictions, predictions[1:])]
        return {"steadiness": sum(alike) / len(alike)}
'''

CARD = """\
---
title: Steadiness
emoji: 🎭
sdk: gradio
sdk_version: 3.50.2
app_file: app.py
license: mit
tags:
- evaluate
- metric
description: >-
  Share of neighbouring predictions that are alike.
---

# Metric card: steadiness
"""


def write(folder: Path) -> Path:
    """The project: what its author wrote."""
    (folder / "toy_steadiness").mkdir(parents=True)
    (folder / "pyproject.toml").write_text(PYPROJECT, encoding="utf-8")
    (folder / "toy_steadiness/steadiness.py").write_text(METRIC, encoding="utf-8")
    (folder / "toy_steadiness/README.md").write_text(CARD, encoding="utf-8")
    return folder


def install(folder: Path, value: str = "toy_steadiness") -> Path:
    """The project as it lies in `site-packages`; `value` is that of its entry point."""
    write(folder)
    about = folder / "toy_steadiness-1.0.dist-info"
    about.mkdir()
    text = "Metadata-Version: 2.1\nName: toy-steadiness\nVersion: 1.0\n"
    (about / "METADATA").write_text(text)
    (about / "entry_points.txt").write_text(f"[equime_hub.metrics]\nsteadiness = {value}\n")
    return folder
