"""How the Hub is spoken to: one client, errors as sentences, patience with a busy server."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any, TypeVar

from equime_hub._version import __version__
from equime_hub.errors import EquimeError
from equime_hub.loading_script.access import Kind, check_name, translated

__all__ = ["api", "ask", "call", "check_name", "files_of", "speaking", "status"]

if TYPE_CHECKING:
    from huggingface_hub import HfApi, RepoFile

Answer = TypeVar("Answer")

TRIES = 5
"""How often a request is sent before the Hub is believed to fail."""

PASSING = (429, 500, 502, 503, 504)
"""Answers that may be different in a second."""

LONGEST_PAUSE = 60
"""Seconds; what a server asks for is cut to it."""


def api() -> HfApi:
    """The client. It takes its token from `hf auth login` or `HF_TOKEN`, and never shows it."""
    from huggingface_hub import HfApi

    return HfApi(library_name="equime-hub", library_version=__version__)


@contextlib.contextmanager
def speaking(repository: str, doing: str, kind: Kind = "dataset") -> Iterator[None]:
    """Turn what the client raises inside the block into a `HubError`, a sentence.

    What this machine refuses (a missing file, a full disk) is raised as it is.

    Args:
        repository: "ORG/NAME".
        doing: What is being done, such as "upload data/train-00000-of-00001.parquet".
        kind: Of repository.

    Raises:
        HubError: Or the subclass that fits; see `loading_script.access.translated`.
    """
    try:
        yield
    except EquimeError:
        raise
    except Exception as error:
        reason = _reason(error)
        if reason is None:
            raise
        if isinstance(reason, OSError) and reason.errno is not None:
            raise reason from error
        told = translated(reason, repository, kind=kind)
        raise type(told)(f"Cannot {doing}: {told}") from error


def ask(
    repository: str, doing: str, request: Callable[[], Answer], kind: Kind = "dataset"
) -> Answer:
    """Send a request that may arrive twice; again if the server is busy or the line breaks.

    huggingface_hub itself does so only for downloads and for uploads of large files.

    Args:
        repository: "ORG/NAME".
        doing: What is being done.
        request: Calls the client.
        kind: Of repository.

    Raises:
        HubError: As `speaking`, after `TRIES` tries.
    """
    with speaking(repository, doing, kind):
        for number in range(1, TRIES):
            try:
                return request()
            except Exception as error:
                pause = _pause(error, number)
                if pause is None:
                    raise
            time.sleep(pause)
        return request()


def call(
    repository: str,
    doing: str,
    method: Callable[..., Answer],
    *args: Any,
    kind: Kind = "dataset",
    **given: Any,
) -> Answer:
    """`ask` with a method of the client: `method(repository, *args, repo_type=kind, **given)`."""
    return ask(repository, doing, lambda: method(repository, *args, repo_type=kind, **given), kind)


def files_of(
    repository: str, doing: str, revision: str, kind: Kind = "dataset"
) -> dict[str, RepoFile]:
    """Name → what the Hub says of each file of a commit; errors as `ask`."""
    from huggingface_hub import RepoFile

    def listed(*args: Any, **given: Any) -> list[Any]:
        return [*api().list_repo_tree(*args, **given)]  # pages come while it is read

    entries = call(repository, doing, listed, kind=kind, recursive=True, revision=revision)
    return {entry.path: entry for entry in entries if isinstance(entry, RepoFile)}


def status(error: BaseException | None) -> int | None:
    """HTTP status of the answer that an error or one of its causes was; None if none was."""
    while error is not None:
        if (response := getattr(error, "response", None)) is not None:
            return int(response.status_code)
        error = error.__cause__
    return None


def _reason(error: BaseException | None) -> Exception | None:
    """The first of an error and its causes that comes from the client or from this machine.

    The client wraps what happens to an upload in a RuntimeError. A ValueError of its own is about
    a name that cannot be, or an answer it does not understand.
    """
    import httpx2
    from huggingface_hub.errors import RevisionResolutionError

    while error is not None:
        if isinstance(error, (httpx2.HTTPError, OSError, ValueError, RevisionResolutionError)):
            return error
        error = error.__cause__
    return None


def _pause(error: Exception, number: int) -> float | None:
    """Seconds before the next try; None if there is no hope in one."""
    import httpx2

    longer = 2.0 ** (number - 1)
    if isinstance(error, httpx2.TransportError):
        return None if isinstance(error, httpx2.ConnectError) else longer
    if not isinstance(error, httpx2.HTTPError) or status(error) not in PASSING:
        return None
    wanted = error.response.headers.get("Retry-After", "")  # type: ignore[attr-defined]
    return min(int(wanted), LONGEST_PAUSE) if wanted.isdigit() else longer
