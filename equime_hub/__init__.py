"""Micro-expression datasets on Hugging Face `datasets`: build, load, score.

Importing this package makes `load_dataset("equime", ...)`, `evaluate.load("uf1")` and
`evaluate.load("uar")` work. The import is light: neither `datasets` nor `evaluate` nor `torch`
is imported until it is used.
"""

from __future__ import annotations

from equime_hub._version import __version__
from equime_hub.loading_script.donors import drop_donors
from equime_hub.loading_script.load import load
from equime_hub.loading_script.names import install as _install_names
from equime_hub.loading_script.pyav import with_pyav
from equime_hub.loading_script.real.labels import map_labels
from equime_hub.metrics.aliases import install as _install_metrics
from equime_hub.models.registration import install as _install_models

__all__ = ["__version__", "drop_donors", "load", "map_labels", "with_pyav"]

_install_names()
_install_metrics()
_install_models()
