"""Wrapping functions of other packages, which have no plug-ins for what we add."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from importlib.metadata import version
from types import ModuleType
from typing import Any

import wrapt

Wrapper = Callable[[Callable[..., Any], object, tuple[Any, ...], dict[str, Any]], Any]
"""(wrapped, instance, args, kwargs) → what a call gives."""


def wrap(module: str, name: str, wrapper: Wrapper, purpose: str) -> None:
    """Wrap a function of another package, now or when somebody imports the package.

    Calling again does nothing. If the function is gone, importing the package still succeeds
    and warns.

    Args:
        module: Where the function is, such as "datasets.load".
        name: Its name there.
        wrapper: Called instead of it.
        purpose: What does not work without the wrapper, for the warning.
    """
    package = module.partition(".")[0]

    def teach(imported: ModuleType) -> None:
        function = getattr(sys.modules.get(module), name, None)
        if function is None:
            warnings.warn(
                f"{package} {version(package)} has no {module}.{name}, so equime_hub cannot make "
                f"{purpose} work. Install a version of {package} that has it.",
                RuntimeWarning,
                stacklevel=2,
            )
        elif getattr(function, "_self_wrapper", None) is not wrapper:
            wrapt.wrap_function_wrapper(module, name, wrapper)

    wrapt.when_imported(package)(teach)
