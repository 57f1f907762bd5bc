"""A plain local copy of a dataset repository: checked, continued after a stop, never half done."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from equime_hub import checksums
from equime_hub.errors import DatasetError, HubError
from equime_hub.files import inside, sha256
from equime_hub.loading_script import access
from equime_hub.loading_script.names import shards_of
from equime_hub.progress import Progress
from equime_hub.schema.features import CONFIGS
from equime_hub.schema.stamp import ORIGIN

WORK = ".pull"
"""Folder inside the copy that holds what has arrived, until all of it has."""
_CARD = "README.md"


@dataclass(frozen=True)
class Pulled:
    """What a pull did.

    Attributes:
        repository: As "ORG/NAME".
        commit: Commit of which the folder is a copy now.
        folder: The copy.
        files: Names of all its files.
        fetched: Those that were missing, damaged or older.
        removed: Names of files of an earlier pull that this commit does not have.
        num_bytes: Size of what was fetched.
    """

    repository: str
    commit: str
    folder: Path
    files: tuple[str, ...]
    fetched: tuple[str, ...]
    removed: tuple[str, ...]
    num_bytes: int


def pull(
    repository: str,
    folder: Path,
    *,
    revision: str | None = None,
    config: str | None = None,
    progress: Progress | None = None,
) -> Pulled:
    """Copy a dataset repository into a folder, or bring the folder up to date.

    Files arrive in the hidden folder `.pull` inside and are checked against `SHA256SUMS` there.
    When all have, they are moved into place, the card last: a folder with a card is whole. Files
    that are there and intact are not fetched again, so the same call goes on after a stop; only
    the file that was being fetched begins anew.

    Args:
        repository: As "ORG/NAME".
        folder: Where to; new, empty, or an earlier copy of the same dataset.
        revision: Tag, branch or commit; None is the main branch.
        config: Fetch the files of this config only; the card is cut to it, and so are the sums.
        progress: Called with bytes that are there and bytes in all.

    Raises:
        DatasetError: The folder holds something else, has no room, or another pull is at work in
            it.
        HubError: The Hub refuses or fails (see `access.readable`), a name in the repository leads
            out of the folder, or a file is not what `SHA256SUMS` says.
    """
    _refuse_place(folder, config)
    commit = access.readable(repository, revision)
    copy = _Copy(repository, commit, folder, progress)
    text, sums = copy.listed()
    before = checksums.read(folder)
    _refuse_other(folder, before, sums)
    copy.work.mkdir(parents=True, exist_ok=True)
    try:
        with FileLock(copy.work / "lock", timeout=0):
            (copy.work / checksums.NAME).write_bytes(text)
            done = copy.run({n: sums[n] for n in sums if _belongs(n, config)}, before, config)
            shutil.rmtree(copy.work)
            return done
    except Timeout:
        raise DatasetError(f"Another pull is at work in {folder}: wait for it.") from None


class _Copy:
    """One pull at work; `sizes` has the files of the commit, in bytes."""

    def __init__(
        self, repository: str, commit: str, folder: Path, progress: Progress | None
    ) -> None:
        self.repository, self.commit, self.folder = repository, commit, folder
        self.work, self.progress = folder / WORK, progress
        self.sizes: dict[str, int] = {}
        self.done = self.total = 0

    def listed(self) -> tuple[bytes, dict[str, str]]:
        """What the files should hash to, as the repository says it and by name.

        Raises:
            HubError: A name leads out of the folder, or files and sums do not fit each other.
        """
        from huggingface_hub import HfApi
        from huggingface_hub.hf_api import RepoFile

        where: dict[str, Any] = {"repo_type": "dataset", "revision": self.commit}
        with access.asking(self.repository, revision=self.commit):
            entries = list(HfApi().list_repo_tree(self.repository, recursive=True, **where))
        self.sizes = {entry.path: entry.size for entry in entries if isinstance(entry, RepoFile)}
        for name in self.sizes:
            inside(self.folder, name)
        if not {checksums.NAME, _CARD} <= self.sizes.keys():
            raise HubError(
                f"{self.repository} is no dataset of ours: it has no {checksums.NAME} or no "
                f"{_CARD}."
            )
        # Not through the usual cache, which may be damaged.
        with tempfile.TemporaryDirectory() as place:
            with access.asking(self.repository, revision=self.commit):
                HfApi().hf_hub_download(self.repository, checksums.NAME, local_dir=place, **where)
            text, sums = (Path(place) / checksums.NAME).read_bytes(), checksums.read(Path(place))
        if torn := sorted((sums.keys() - self.sizes.keys()) | ({_CARD} - sums.keys())):
            raise self.broken(f"{torn[0]} is only in its files or {checksums.NAME}")
        return text, sums

    def run(self, sums: dict[str, str], before: dict[str, str], config: str | None) -> Pulled:
        """Fetch what is missing or damaged, and put everything in its place."""
        self.fetch(_CARD, sums)
        if config is not None:
            cut_card(self.work / _CARD, config)
            sums[_CARD] = sha256(self.work / _CARD)
            checksums.write(self.work, sums)
        needed = [n for n in sorted(sums) if not checksums.intact(self.folder, sums, n)]
        missing = [n for n in needed if not checksums.intact(self.work, sums, n)]
        self.total, to_come = self.size(sums), self.size(missing)
        self.advance(self.total - to_come)
        if to_come > (free := shutil.disk_usage(self.work).free):
            raise DatasetError(
                f"{self.folder} has room for {free:,} bytes; {to_come:,} are still to come. Make "
                "room and run the same again, or choose another folder with --out."
            )
        for name in missing:
            self.fetch(name, sums)
        removed = sorted(n for n in before.keys() - sums.keys() if inside(self.folder, n).exists())
        self.move(needed, removed)
        return Pulled(
            self.repository, self.commit, self.folder, tuple(sorted(sums)), tuple(needed),
            tuple(removed), self.size(needed),
        )  # fmt: skip

    def fetch(self, name: str, sums: dict[str, str]) -> None:
        """Bring one file into the working folder, whole and with the right bytes."""
        from huggingface_hub import HfApi

        place, before = inside(self.work, name), self.done
        for cache in (None, self.work / "cache"):  # what lies in the usual cache may be damaged
            place.unlink(missing_ok=True)  # else the client believes its own notes about it
            with access.asking(self.repository, revision=self.commit):
                HfApi().hf_hub_download(
                    self.repository, name, repo_type="dataset", revision=self.commit,
                    local_dir=self.work, cache_dir=cache, tqdm_class=_told(self.advance),
                )  # fmt: skip
            if checksums.intact(self.work, sums, name):
                self.advance(before + self.sizes[name] - self.done)
                return
            self.done = before
        place.unlink()
        raise self.broken(f"the bytes of {name} are not those of its {checksums.NAME}")

    def size(self, names: Iterable[str]) -> int:
        return sum(self.sizes[name] for name in names)

    def advance(self, num_bytes: int) -> None:
        self.done = min(self.done + num_bytes, self.total)  # 0 while the card comes
        if self.progress and self.total:
            self.progress(self.done, self.total)

    def move(self, needed: list[str], removed: list[str]) -> None:
        """Put everything in its place. What is stopped in the middle has no card."""
        inner = [name for name in needed if name != _CARD]
        if inner or removed:
            (self.folder / _CARD).unlink(missing_ok=True)
        # The origin first: by it the next call knows the folder for its own.
        for name in sorted(inner, key=lambda name: name != ORIGIN):
            place = inside(self.folder, name)
            place.parent.mkdir(parents=True, exist_ok=True)
            inside(self.work, name).replace(place)
        for name in removed:
            inside(self.folder, name).unlink()
        for name in (checksums.NAME, _CARD):
            (self.work / name).replace(self.folder / name)

    def broken(self, problem: str) -> HubError:
        return HubError(
            f"{self.repository} at {self.commit[:8]} is damaged: {problem}. Run the same again; if "
            "it stays, tell whoever keeps the repository."
        )


def cut_card(path: Path, config: str) -> None:
    """Leave one config in a card, so that a folder with its files alone can be loaded."""
    from huggingface_hub import RepoCard

    card = RepoCard(path.read_text(encoding="utf-8"))
    for key in ("configs", "dataset_info"):
        entries = card.data.get(key) or []
        card.data[key] = [entry for entry in entries if entry.get("config_name") == config]
    path.write_text(str(card), encoding="utf-8")


def _refuse_place(folder: Path, config: str | None) -> None:
    if folder.exists() and not folder.is_dir():
        raise DatasetError(f"{folder} is a file. Choose a folder with --out.")
    if config is None:
        return
    if config not in CONFIGS:
        raise DatasetError(f"There is no config {config!r}. Choose from: {', '.join(CONFIGS)}.")
    if others := [c for c in CONFIGS if c != config and any(folder.glob(shards_of(c)))]:
        raise DatasetError(
            f"{folder} holds the config {others[0]!r} too: pull all of it, without --config, or "
            "choose another folder with --out."
        )


def _refuse_other(folder: Path, before: dict[str, str], sums: dict[str, str]) -> None:
    """Refuse a folder that holds something else than this dataset."""
    same = before.get(ORIGIN) == sums.get(ORIGIN) or checksums.intact(folder, sums, ORIGIN)
    there = folder.iterdir() if folder.exists() else ()
    strange = sorted(path.name for path in there if path.name != WORK)
    if strange and not (same and ORIGIN in sums):
        raise DatasetError(
            f"{folder} holds something else ({', '.join(strange[:3])}). Choose a new or empty "
            "folder with --out."
        )


def _belongs(name: str, config: str | None) -> bool:
    """Whether a file is of a config, or of all of them. Hidden files are of none."""
    if any(part.startswith(".") for part in name.split("/")):
        return False
    others = [shards_of(c).partition("/")[0] for c in CONFIGS if config not in (None, c)]
    return name.partition("/")[0] not in others


def _told(advance: Callable[[int], None]) -> type:
    """A progress bar of the client that only tells how many bytes came."""
    from tqdm import tqdm

    class SilentBar(tqdm):  # type: ignore[misc]
        def __init__(self, **options: Any) -> None:
            super().__init__(**{**options, "disable": True})

        def update(self, n: float | None = 1) -> None:
            advance(int(n or 0))

        def update_transfer(self, n: float) -> None:
            """The same bytes again, as they come in compressed."""

    return SilentBar
