"""One strategy, one file, one entry: names that resolve to objects, imported when asked for."""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from importlib.metadata import entry_points
from typing import Any

from equime_hub import configs
from equime_hub.errors import EquimeError, MissingDependencyError


class Registry:
    """Names of strategies of one kind, ours and those that other packages add.

    Args:
        kind: What the entries are, for messages ("backend").
        entries: Name → `"module:attribute"`. Nothing is imported until `get`.
        group: Entry-point group through which other packages add theirs.
    """

    def __init__(self, kind: str, entries: Mapping[str, str], *, group: str) -> None:
        self.kind = kind
        self._entries = dict(entries)
        self._group = group

    def names(self) -> list[str]:
        """All names, ours first."""
        return list(self._all())

    def target(self, name: str) -> str:
        """Where an entry is, `"module:attribute"`; nothing is imported.

        Raises:
            EquimeError: The name is unknown; the message lists the known ones.
        """
        entries = self._all()
        if name not in entries:
            raise EquimeError(
                f"There is no {self.kind} {name!r}. Choose one of: {', '.join(entries)}."
            )
        return entries[name]

    def get(self, name: str) -> Any:
        """Import and return an entry.

        Raises:
            EquimeError: The name is unknown (`target`), or another package's entry leads nowhere.
        """
        place = self.target(name)
        module, _, attribute = place.partition(":")
        try:
            return getattr(importlib.import_module(module), attribute)
        except MissingDependencyError:
            raise  # it says what to install
        except (ImportError, AttributeError) as error:
            raise MissingDependencyError(
                f"The {self.kind} {name!r} cannot be imported from {place} ({error}). "
                "Mend or uninstall the package that registers it."
            ) from error

    def describe(self, strategy: object) -> dict[str, Any]:
        """A strategy that is a dataclass as plain JSON values, for `restore`.

        Raises:
            EquimeError: Its class is not registered, so no other process could find it.
        """
        kind = type(strategy)
        target = f"{kind.__module__}:{kind.__qualname__}"
        for name, value in self._all().items():
            if value == target:
                return {"name": name, **configs.to_json(strategy)}
        raise EquimeError(f"{kind.__name__} is not registered as a {self.kind}.")

    def restore(self, described: dict[str, Any]) -> Any:
        """The strategy that `describe` described."""
        options = dict(described)
        return configs.from_json(self.get(options.pop("name")), options)

    def _all(self) -> dict[str, str]:
        entries = dict(self._entries)
        for point in entry_points(group=self._group):
            if point.name in entries:
                raise EquimeError(
                    f"Two packages register the {self.kind} {point.name!r}: "
                    f"{entries[point.name]} and {point.value}. Uninstall one of them."
                )
            entries[point.name] = point.value
        return entries
