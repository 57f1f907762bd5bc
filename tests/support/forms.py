"""A form that was filled in well, and a gated dataset that one can ask for."""

from __future__ import annotations

from pathlib import Path

from huggingface_hub import HfApi

from equime_hub.cards.policy import POLICY
from equime_hub.hub import gating
from tests.support.hub_server.hub import Hub

LAB = "lab/equime"
ANSWERS = {
    "name": "Anna Example",
    "institution": "Example University",
    "country": "NO",
    "position": "Researcher or faculty at a university",
    "affiliation": "anna@example.edu, https://example.edu/anna",
    "supervisor": "none",
    "research": "We compare optical flow features of brief facial motion. We report UF1.",
    "use": "Training a classifier for a paper on fairness across groups.",
}


def filled(**changes: str | bool | None) -> dict[str, str | bool]:
    """What the Hub keeps of the policy's form, by the text of the question.

    There is nothing to say to it, but for the changes by key (None: not answered).
    """
    answers: dict[str, str | bool | None] = {
        q.key: True if q.is_agreement else ANSWERS[q.key] for q in POLICY.questions
    }
    return {
        POLICY.question(key).text: value
        for key, value in (answers | changes).items()
        if value is not None
    }


def open_lab(hub: Hub, folder: Path | None = None) -> None:
    """A gated public dataset of an organisation, whose keeper is signed in.

    Its files are those of a folder; without one it is empty.
    """
    for name in ("keeper", "anna", "ben", "stranger"):
        hub.user(name)
    hub.organisation("lab", "keeper")
    hub.sign_in("keeper")
    HfApi().create_repo(LAB, repo_type="dataset", private=True)
    gating.turn_on(LAB)
    if folder:
        HfApi().upload_folder(repo_id=LAB, repo_type="dataset", folder_path=folder)
        gating.turn_on(LAB)
    HfApi().update_repo_settings(LAB, repo_type="dataset", private=False)
