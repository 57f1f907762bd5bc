"""Opening a dataset repository of the Hub: asked for first, pinned to one commit, kept inside."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from equime_hub.errors import DatasetError, HubError, OfflineError
from equime_hub.loading_script import access
from equime_hub.schema.features import check_features

_CARDS = ("README.md", ".huggingface.yaml")
"""Files in which `datasets` looks for what to read."""


def open_dataset(
    repository: str,
    config: str,
    split: str | None,
    streaming: bool,
    revision: str | None,
    some: dict[str, list[str]],
) -> Any:
    """Open one commit of a repository.

    Without a network, it is read from what an earlier load left in the cache; of the same
    revision, while `datasets` alone takes the latest.

    Args:
        repository: As "ORG/NAME".
        config: Name of a config.
        split: Split or part of one; None gives all.
        streaming: Read rows as they are needed.
        revision: Tag, branch or commit; None is the main branch.
        some: `{"columns": [...]}`, or nothing for all columns.

    Raises:
        DatasetError: The columns are not ours, or the card asks to read something outside the
            repository.
        ValueError: `datasets` knows no such split or config.
        HubError: As `access.readable`; `OfflineError` only if the cache does not hold it.
    """
    try:
        commit = access.readable(repository, revision)
    except OfflineError as error:
        builder = _cached(repository, config, revision, some, error)
    else:
        builder = _builder(repository, config, commit, some)
    with access.asking(repository, revision=revision):
        return rows(builder, split, streaming)


def rows(builder: Any, split: str | None, streaming: bool) -> Any:
    """Rows of a builder of `datasets`, as `load_dataset` would give them."""
    if streaming:
        return builder.as_streaming_dataset(split=split)
    builder.download_and_prepare()
    return builder.as_dataset(split=split)


def _builder(repository: str, config: str, commit: str, some: dict[str, list[str]]) -> Any:
    import datasets
    from datasets.packaged_modules.cache.cache import Cache
    from datasets.packaged_modules.parquet.parquet import Parquet

    with access.asking(repository, revision=commit):
        refuse_foreign_files(repository, commit)
        try:
            found = datasets.load_dataset_builder(repository, config, revision=commit, **some)
        except RuntimeError as error:
            if "scripts are no longer supported" not in str(error):
                raise
            raise DatasetError(
                f"{repository} holds a program of its own name ({str(error).rsplit(' ', 1)[-1]}). "
                "It was not run, and `datasets` opens no such repository."
            ) from error
    if found.hash != commit:  # `datasets` fell back on its cache, and says so only in a warning
        raise HubError(
            f"{repository}: the Hub stopped answering, or its commit {commit[:8]} cannot be "
            "opened. Run the same again; if that stays, tell whoever keeps the repository."
        )
    if not isinstance(found, (Parquet, Cache)):
        raise DatasetError(f"{repository} holds {found.name} files; our datasets are Parquet.")
    if found.info.features is not None:
        check_features(found.info.features)  # before anything large is downloaded
    return found


def refuse_foreign_files(repository: str, commit: str) -> None:
    """Refuse a card that names files outside its repository.

    `datasets` would read them: of this machine, of any web address, and of other repositories
    with the token of whoever loads.

    Raises:
        DatasetError: The card does so, or its YAML is broken or holds Python objects.
    """
    from huggingface_hub import HfApi, RepoCard
    from huggingface_hub.errors import EntryNotFoundError, LocalEntryNotFoundError

    for name in _CARDS:
        try:
            path = HfApi().hf_hub_download(repository, name, repo_type="dataset", revision=commit)
        except LocalEntryNotFoundError:  # which is an EntryNotFoundError too
            raise
        except EntryNotFoundError:
            continue
        text = Path(path).read_text(encoding="utf-8")
        try:
            # The same readers that `datasets` uses, so nothing is understood in two ways.
            said: Any = RepoCard(text).data if name == _CARDS[0] else yaml.safe_load(text) or {}
            configs = said.get("configs")
        except (yaml.YAMLError, ValueError, TypeError, AttributeError) as error:
            problem = " ".join(str(error).split())
            raise DatasetError(f"{name} of {repository} cannot be read: {problem}") from error
        known = [c for c in configs if isinstance(c, dict)] if isinstance(configs, list) else []
        for pattern in _texts([[c.get("data_files"), c.get("data_dir")] for c in known]):
            parts = str(pattern).split("/")
            if not {"", ".", ".."}.isdisjoint(parts) or any(c in str(pattern) for c in ":\\~"):
                raise DatasetError(
                    f"The card of {repository} asks to read {str(pattern)!r}, which is not inside "
                    "the repository. Nothing of it was read; tell whoever keeps the repository."
                )


def _texts(value: Any) -> Iterator[Any]:
    """Everything that a card's configs say about where data lie, however it is nested."""
    if isinstance(value, dict):
        yield from _texts(value.get("path"))
    elif isinstance(value, (list, tuple)):
        for item in value:
            yield from _texts(item)
    elif value is not None:
        yield value


def _cached(
    repository: str,
    config: str,
    revision: str | None,
    some: dict[str, list[str]],
    offline: OfflineError,
) -> Any:
    """The builder that reads the Arrow cache of an earlier load of this very revision."""
    from datasets import BuilderConfig
    from huggingface_hub import HfApi
    from huggingface_hub.errors import RevisionResolutionError

    # It imports `datasets`, which is heavy.
    from equime_hub.loading_script.cached import EquimeCache

    asked = f"{repository} at {revision or 'main'}"
    missing = f"{offline} The cache does not hold {asked}: load it once while the Hub answers."
    try:
        commit = HfApi().resolve_revision(
            repository, repo_type="dataset", revision=revision, local_files_only=True
        )
    except RevisionResolutionError:
        raise OfflineError(missing) from offline
    found = EquimeCache(
        repo_id=repository,
        dataset_name=repository.rpartition("/")[2],
        config_name=BuilderConfig(config).create_config_id(config_kwargs=some),
        hash=commit.resolved,
    )
    if not Path(found.cache_dir).is_dir():
        raise OfflineError(missing) from offline
    return found
