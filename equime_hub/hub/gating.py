"""The gate of a dataset repository: who reads it has asked, and a person has said yes."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from equime_hub import checksums
from equime_hub.cards import dataset_card
from equime_hub.cards.policy import POLICY, Policy
from equime_hub.errors import HubError, NotFoundError, NotGrantedError, NotSignedInError
from equime_hub.hub import requests
from equime_hub.hub.client import TRIES, api, ask, check_name, speaking
from equime_hub.hub.client import status as http_status
from equime_hub.hub.repository import Head, fetch

Form = Literal["current", "different", "missing"]

_CHANGED = (409, 412)
"""Statuses of a commit that somebody else's went before."""


@dataclass(frozen=True)
class Gate:
    """How a repository is closed.

    Attributes:
        repository: "ORG/NAME".
        exists: Whether there is such a dataset that the caller may see.
        private: Whether only members of its organisation see that it is there.
        gated: "manual", "auto" (whoever asks is let in), or None: everybody reads it.
        form: Whether the card has the policy's questions; None if the caller may not read it.
        waiting: Requests without an answer; None if the caller is not its keeper, or it is open.
    """

    repository: str
    exists: bool
    private: bool = False
    gated: Literal["manual", "auto"] | None = None
    form: Form | None = None
    waiting: int | None = None

    @property
    def closed(self) -> bool:
        """Whether a person decides on each request, by the policy's questions if one sees them."""
        return self.gated == "manual" and self.form in ("current", None)


def status(repository: str, policy: Policy = POLICY) -> Gate:
    """How a repository is closed now.

    Raises:
        HubError: The Hub fails or cannot be reached, or the head of the card is no YAML.
    """
    check_name(repository)
    try:
        head = _look(repository)
    except NotFoundError:
        return Gate(repository, exists=False)
    form: Form | None = None
    waiting = None
    try:
        with tempfile.TemporaryDirectory() as folder:
            form = _form(_questions(head, Path(folder)), policy)
        waiting = len(requests.listed(repository, "pending")) if head.gated else None
    except (NotGrantedError, NotSignedInError):
        pass
    return Gate(repository, True, head.private, head.gated, form, waiting)


def turn_on(repository: str, policy: Policy = POLICY) -> bool:
    """Have every request answered by hand, and put the policy's questions on the card.

    The gate is closed before the card is touched. A repository without a card gets only the
    settings: `push` brings the card. Who has access already keeps it.

    Returns:
        Whether a card was written (in one commit with the sums).

    Raises:
        HubError: The repository is missing or not the caller's, or the Hub fails.
    """
    with requests.as_keeper(repository), speaking(repository, "turn the gate on"):
        api().update_repo_settings(repository, gated="manual", repo_type="dataset")
    for _ in range(TRIES):
        try:
            return _write_form(_look(repository), policy)
        except HubError as error:
            if http_status(error) not in _CHANGED:
                raise
    raise HubError(
        f"{repository} is gated now, but its card changed {TRIES} times while the form was "
        f"written. Run `equime gate on {repository}` again."
    )


def _look(repository: str) -> Head:
    """What everybody may know of a repository who may see it, gated or not."""
    info = ask(repository, "look at the repository", lambda: api().dataset_info(repository))
    files = {sibling.rfilename: None for sibling in info.siblings or ()}
    return Head(repository, str(info.sha), bool(info.private), info.gated or None, files, {})


def _write_form(head: Head, policy: Policy) -> bool:
    from huggingface_hub import CommitOperationAdd, metadata_save

    names = [name for name in (dataset_card.NAME, checksums.NAME) if name in head.files]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        found = _questions(head, folder)
        if dataset_card.NAME not in names or _form(found, policy) == "current":
            return False
        metadata_save(folder / dataset_card.NAME, {**found, **policy.yaml()})
        if checksums.NAME in names:
            fetch(head, [checksums.NAME], folder)
            checksums.record(folder, checksums.read(folder), dataset_card.NAME)
        with speaking(head.repository, "write the form into the card"):
            api().create_commit(
                head.repository,
                [CommitOperationAdd(name, folder / name) for name in names],
                commit_message="Questions for whoever asks for access",
                repo_type="dataset",
                parent_commit=head.commit,
            )
    return True


def _questions(head: Head, folder: Path) -> dict[str, Any]:
    """The YAML of the card, which then lies in `folder`; empty if there is none."""
    import yaml
    from huggingface_hub import metadata_load

    if dataset_card.NAME not in head.files:
        return {}
    fetch(head, [dataset_card.NAME], folder)
    try:
        return metadata_load(folder / dataset_card.NAME) or {}
    except (yaml.YAMLError, ValueError) as error:
        raise HubError(
            f"The YAML at the head of the card of {head.repository} cannot be read "
            f"({' '.join(str(error).split())}). Mend it on its page, then run the same again."
        ) from error


def _form(found: dict[str, Any], policy: Policy) -> Form:
    if policy.yaml().items() <= found.items():
        return "current"
    return "different" if any(key.startswith("extra_gated_") for key in found) else "missing"
