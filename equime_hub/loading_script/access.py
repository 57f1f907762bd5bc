"""May this person read that repository? And what the Hub's refusals mean, as sentences."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from equime_hub.errors import (
    HubError,
    NotFoundError,
    NotGrantedError,
    NotSignedInError,
    OfflineError,
)

if TYPE_CHECKING:
    from huggingface_hub.errors import HfHubHTTPError

Kind = Literal["dataset", "model", "space"]
State = Literal["open", "granted", "signed out", "not asked", "waiting or refused", "missing"]

_NAME = re.compile(r"(?!.*(?:--|\.\.))\w[\w.-]*/\w[\w.-]*(?<![.-])(?<!\.git)", re.ASCII)
_SIGN_IN = "run `hf auth login` (or set HF_TOKEN)"
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
        return NotFoundError(f"{repository!r} is no name of a repository: give it as ORG/NAME.")
    if isinstance(error, errors.LocalTokenNotFoundError):
        return NotSignedInError(f"{repository}: nobody is signed in. To do so, {_SIGN_IN}.")
    if isinstance(error, errors.OfflineModeIsEnabled):
        return OfflineError(
            f"{repository}: HF_HUB_OFFLINE is set, so the Hub was not asked. "
            "Unset it and run the same again."
        )
    broke_off = (httpx2.ReadError, httpx2.WriteError, httpx2.RemoteProtocolError)
    if isinstance(error, broke_off) or "consistency check" in str(error).lower():
        return OfflineError(
            f"{repository}: the connection to the Hub broke off. What has arrived is kept: run "
            "the same again."
        )
    unreached = (
        httpx2.TransportError, ConnectionError, errors.LocalEntryNotFoundError,
        errors.RevisionResolutionError,
    )  # fmt: skip
    if isinstance(error, unreached):
        return OfflineError(
            f"{repository}: the Hub at {_endpoint()} cannot be reached. Mend the connection and "
            "run the same again."
        )
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
        raise NotFoundError(f"{repository!r} is no name of a repository: give it as ORG/NAME.")


def _answered(error: HfHubHTTPError, repository: str, kind: Kind, revision: str | None) -> HubError:
    """For an answer of the Hub that is no success."""
    from huggingface_hub import errors

    status = error.response.status_code
    said = without_token(error.server_message or "")
    where = page(repository, kind)
    if status == 401 and "authorization" in error.response.request.headers:
        return NotSignedInError(
            f"{repository}: the Hub does not accept the token of this machine; it is wrong, "
            f"expired or revoked. Make one on {_endpoint()}/settings/tokens, then run "
            "`hf auth login --force` (or mend HF_TOKEN, which goes first)."
        )
    if isinstance(error, errors.GatedRepoError):  # which is a RepositoryNotFoundError too
        return _gated(error, repository, said, where)
    if isinstance(error, errors.RepositoryNotFoundError):
        hint = f", {_SIGN_IN} if it is private" if status == 401 else ""
        return NotFoundError(
            f"There is no {kind} repository {repository}, or it is private to others. Check the "
            f"name{hint}."
        )
    if isinstance(error, errors.RevisionNotFoundError):
        asked = "that revision" if revision is None else f"tag, branch or commit {revision!r}"
        return NotFoundError(f"{repository} has no {asked}. See {where}/tree/main for what it has.")
    if isinstance(error, errors.EntryNotFoundError):
        name = str(error.response.request.url.path).rpartition("/resolve/")[2]
        return NotFoundError(f"{repository} has no file {name.partition('/')[2] or name!r}.")
    if status == 404:
        return NotFoundError(f"{repository}: the Hub does not find this ({said or 'no word why'}).")
    if status == 401:
        return NotSignedInError(f"{repository}: nobody is signed in. To do so, {_SIGN_IN}.")
    if status == 403:
        return NotGrantedError(
            f"{repository}: the Hub refuses this ({said or 'forbidden'}). It takes a token with "
            f"the right for it: see {_endpoint()}/settings/tokens, then run "
            "`hf auth login --force`."
        )
    if status in (409, 412):
        return HubError(
            f"{repository}: something else changed it in the meantime ({said or status}). Run the "
            "same again."
        )
    if status == 429:
        return HubError(
            f"{repository}: the Hub is asked too often (429). Wait some minutes and run the same "
            "again; what is finished is kept."
        )
    if status >= 500:
        return HubError(
            f"{repository}: the Hub fails (status {status}). Run the same again later; what is "
            "finished is kept."
        )
    return HubError(
        f"{repository}: the Hub refuses this with status {status}: {said or 'no word'}."
    )


def _gated(error: HfHubHTTPError, repository: str, said: str, where: str) -> HubError:
    """For a repository that is gated."""
    state = _refusal(error)
    if state == "signed out":
        return NotSignedInError(
            f"{repository} is gated, and nobody is signed in: {_SIGN_IN}. Access is asked for on "
            f"{where}."
        )
    if any(words in said.lower() for words in _SAID_TOKEN):
        return NotGrantedError(
            f"{repository} is gated, and this token may not read gated repositories. Allow it on "
            f"{_endpoint()}/settings/tokens."
        )
    if state == "waiting or refused":
        return NotGrantedError(
            f"Access to {repository} was asked for and is not granted: the request is waiting or "
            f"was refused. See {where}."
        )
    return NotGrantedError(
        f"{repository} is gated, and access was not asked for. Do so on {where}, then run the "
        "same again once it is granted."
    )


def _refusal(error: HfHubHTTPError) -> State:
    """What a refusal to read a gated repository says about the person."""
    if error.response.status_code == 401:
        return "signed out"
    said = (error.server_message or "").lower()
    return "waiting or refused" if any(words in said for words in _SAID_NO) else "not asked"


def _endpoint() -> str:
    from huggingface_hub import constants

    return str(constants.ENDPOINT)
