"""Optional packages: one place that imports them or says how to install them."""

from __future__ import annotations

import importlib
from types import ModuleType

from equime_hub.errors import MissingDependencyError


def require(module: str, *, extra: str) -> ModuleType:
    """Import an optional package.

    Args:
        module: Name of the module, such as `ray`.
        extra: Extra of this project that installs it.

    Raises:
        MissingDependencyError: With the command that installs it.
    """
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingDependencyError(
            f"{module} cannot be imported ({error}). Install it with: "
            f'pip install "equime-hub[{extra}]"'
        ) from error
