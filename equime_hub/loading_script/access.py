"""May this person read that repository? And what the Hub's refusals mean, as sentences."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml

import equime_hub.errors
from equime_hub.errors import HubError

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

Kind = Literal["dataset", "model", "space"]
State = Literal["open", "granted", "signed out", "not asked", "waiting or refused", "missing"]

_NAME = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]*/\w[\w.-]*(?<![.-])(?<!\.git)", re.ASCII)
_SIGN_IN = "run `hf auth login` (or set HF_TOKEN)"
_BY_STATUS = {
    401: ("signed out", ""),
    403: ("forbidden", "forbidden"),
    404: ("not found", "no word why"),
    409: ("overtaken", "409"),
    412: ("overtaken", "412"),
    429: ("too often", ""),
}
"""Status → which of `refusals.yaml`, and what is told of the Hub's reason if it gives none."""
_SAID_NO = ("awaiting a review", "rejected")
_SAID_TOKEN = ("fine-grained", "token settings")


@dataclass(frozen=True)
class Access:
    """How one person stands with one dataset repository.

    Attributes:
        repository: As "ORG/NAME".
        state: "open" (everybody may read), "granted", "signed out" (gated, nobody is signed in),
            "not asked", "waiting or refused" (the Hub does not say which for certain), "missing"
            (or private to others).
        user: Who is signed in, None if nobody is.
        page: Where one reads the terms and asks for access.
    """

    repository: str
    state: State
    user: str | None
    page: str


def check(repository: str) -> Access:
    """Ask the Hub how the signed-in person stands with a dataset repository.

    Raises:
        NotSignedInError: The token of this machine is not accepted (expired, revoked).
        OfflineError: The Hub cannot be reached.
        HubError: It answers with another error.
    """
    from huggingface_hub import HfApi, get_token
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    api = HfApi()
    check_name(repository)
    with asking(repository):
        user = None if get_token() is None else str(api.whoami()["name"])
        try:
            api.auth_check(repository, repo_type="dataset")
        except GatedRepoError as error:
            state = _refusal(error)
        except RepositoryNotFoundError:
            state = "missing"
        else:
            info = api.dataset_info(repository, expand=["gated", "private"])
            state = "granted" if info.gated or info.private else "open"
    return Access(repository, state, user, page(repository))


def readable(repository: str, revision: str | None = None) -> str:
    """The commit of a dataset repository that a revision means, if the person may read it.

    Args:
        repository: As "ORG/NAME".
        revision: Tag, branch or commit; None is the main branch.

    Raises:
        NotSignedInError: It is gated and nobody is signed in, or the token is not accepted.
        NotGrantedError: It is gated and access is not granted.
        NotFoundError: There is no such repository, tag or branch.
        OfflineError: The Hub cannot be reached.
        HubError: It answers with another error.
    """
    from huggingface_hub import HfApi

    api = HfApi()
    check_name(repository)
    with asking(repository, revision=revision):
        api.auth_check(repository, repo_type="dataset")
        found = api.resolve_revision(repository, repo_type="dataset", revision=revision)
        return str(found.resolved)


def page(repository: str, kind: Kind = "dataset") -> str:
    """Address of a repository's page, on the Hub that `HF_ENDPOINT` names."""
    from huggingface_hub import constants

    folder = {"dataset": "datasets/", "model": "", "space": "spaces/"}[kind]
    return f"{constants.ENDPOINT}/{folder}{repository}"


@contextlib.contextmanager
def asking(
    repository: str, *, kind: Kind = "dataset", revision: str | None = None
) -> Iterator[None]:
    """Turn what the Hub's client raises in the block into `HubError`s.

    What this machine refuses (a full disk, a folder without rights) stays an OSError.
    """
    import httpx2
    from huggingface_hub import errors

    try:
        yield
    except (httpx2.HTTPError, OSError, errors.EntryNotFoundError, errors.HFValidationError,
            errors.HfUriError, errors.RevisionResolutionError) as error:  # fmt: skip
        if isinstance(error, OSError) and error.errno is not None:
            raise
        raise translated(error, repository, kind=kind, revision=revision) from error


def translated(
    error: Exception, repository: str, *, kind: Kind = "dataset", revision: str | None = None
) -> HubError:
    """The typed error, with its sentence, for what the Hub's client raised.

    Args:
        error: What was raised. A HubError is given back as it is.
        repository: As "ORG/NAME".
        kind: Kind of repository.
        revision: Tag, branch or commit that was asked for, if one was.
    """
    import httpx2
    from huggingface_hub import errors

    if isinstance(error, HubError):
        return error
    if not isinstance(error, httpx2.HTTPError):
        # The clients wrap what happened, sometimes twice, in words that no longer say it.
        cause = error.__cause__
        while cause is not None and not isinstance(cause, httpx2.HTTPError):
            cause = cause.__cause__
        if cause is not None:
            return translated(cause, repository, kind=kind, revision=revision)
    if isinstance(error, errors.HfHubHTTPError):
        return _answered(error, repository, kind, revision)
    if isinstance(error, (errors.HFValidationError, errors.HfUriError)):
        return _told("no name", repository)
    if isinstance(error, errors.LocalTokenNotFoundError):
        return _told("signed out", repository)
    if isinstance(error, errors.OfflineModeIsEnabled):
        return _told("offline", repository)
    broken_off = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)
    if isinstance(error, broken_off) or "consistency check" in str(error).lower():
        return _told("broken off", repository)
    unreached = (
        httpx2.TransportError, ConnectionError, errors.LocalEntryNotFoundError,
        errors.RevisionResolutionError,
    )  # fmt: skip
    if isinstance(error, unreached):
        return _told("unreached", repository)
    return HubError(f"{repository}: {without_token(str(error)).rstrip('.')}.")


def without_token(text: str) -> str:
    """A text of the client or the Hub on one line, without tokens and signed addresses."""
    from huggingface_hub import get_token

    if token := get_token():
        text = text.replace(token, "hf_***")
    text = re.sub(r"hf_\w{6,}", "hf_***", text)
    return " ".join(re.sub(r"(https?://[^\s?'\"]+)\?[^\s'\"]*", r"\1", text).split())


def check_name(repository: str) -> None:
    """Keep what is no name out of addresses: the client does not look at it everywhere.

    Raises:
        NotFoundError: It is not ORG/NAME.
    """
    if not _NAME.fullmatch(repository):
        raise _told("no name", repository)


def _answered(error: HfHubHTTPError, repository: str, kind: Kind, revision: str | None) -> HubError:
    """For an answer of the Hub that is no success."""
    from huggingface_hub import errors

    status = error.response.status_code
    said = without_token(error.server_message or "")
    where = page(repository, kind)
    if status == 401 and "authorization" in error.response.request.headers:
        return _told("wrong token", repository)
    if isinstance(error, errors.GatedRepoError):  # which is a RepositoryNotFoundError too
        state: str = _refusal(error)
        if state != "signed out" and any(words in said.lower() for words in _SAID_TOKEN):
            state = "not with this token"
        return _told(f"gated, {state}", repository, where=where)
    if isinstance(error, errors.RepositoryNotFoundError):
        hint = f", {_SIGN_IN} if it is private" if status == 401 else ""
        return _told("no repository", repository, kind=kind, hint=hint)
    if isinstance(error, errors.RevisionNotFoundError):
        asked = "that revision" if revision is None else f"tag, branch or commit {revision!r}"
        return _told("no revision", repository, asked=asked, where=where)
    if isinstance(error, errors.EntryNotFoundError):
        name = str(error.response.request.url.path).rpartition("/resolve/")[2]
        return _told("no file", repository, file=name.partition("/")[2] or name)
    what, unsaid = _BY_STATUS.get(status, ("failing" if status >= 500 else "refused", "no word"))
    return _told(what, repository, status=status, said=said or unsaid)


def _told(what: str, repository: str, **known: object) -> HubError:
    """An error of `refusals.yaml`, by its name there."""
    name, sentence = _refusals()[what]
    error: type[HubError] = getattr(equime_hub.errors, name)
    known |= {"repository": repository, "endpoint": _endpoint(), "sign_in": _SIGN_IN}
    return error(sentence.format(**known))


@functools.cache
def _refusals() -> dict[str, tuple[str, str]]:
    text = Path(__file__).with_name("refusals.yaml").read_text(encoding="utf-8")
    found: dict[str, tuple[str, str]] = yaml.safe_load(text)
    return found


def _refusal(error: HfHubHTTPError) -> State:
    """What a refusal to read a gated repository says about the person."""
    if error.response.status_code == 401:
        return "signed out"
    said = (error.server_message or "").lower()
    return "waiting or refused" if any(words in said for words in _SAID_NO) else "not asked"


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
