"""Who may have the dataset, and what they are asked: one declaration for card, form and review.

The policy itself is `templates/policy.json`.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from equime_hub.cards.text import template


@dataclass(frozen=True)
class Question:
    """One field of the form that the Hub shows to whoever asks for access.

    Attributes:
        key: Short name in this package.
        text: What the form says. The Hub stores the answer under it, so a change of it is a new
            question.
        kind: "text", "checkbox", "country", "date_picker" or "select".
        options: What can be chosen, for "select".
    """

    key: str
    text: str
    kind: str
    options: tuple[str, ...] = ()

    @property
    def is_agreement(self) -> bool:
        """Whether it is a term to agree to."""
        return self.kind == "checkbox"


@dataclass(frozen=True)
class Policy:
    """An access policy.

    Attributes:
        heading: Above the form.
        prompt: What is said before the questions, Markdown.
        button: Label of the button that sends the form.
        eligible: Who may ask, one a line.
        questions: The form, in order; every one wants an answer.
    """

    heading: str
    prompt: str
    button: str
    eligible: tuple[str, ...]
    questions: tuple[Question, ...]

    def question(self, key: str) -> Question:
        """The question of that key.

        Raises:
            KeyError: There is none.
        """
        for question in self.questions:
            if question.key == key:
                return question
        raise KeyError(key)

    def yaml(self) -> dict[str, Any]:
        """Keys for the head of a card, from which the Hub makes the form.

        They do not close a repository; its settings do that.
        """
        return {
            "extra_gated_heading": self.heading,
            "extra_gated_prompt": self.prompt,
            "extra_gated_fields": {
                q.text: {"type": q.kind, "options": list(q.options)} if q.options else q.kind
                for q in self.questions
            },
            "extra_gated_button_content": self.button,
        }


STUDENT = "Student, supervised"
"""Option of the question "position" that makes a supervisor necessary."""


def _read(name: str) -> Policy:
    # Not by `configs`: importing pydantic would cost every process of a build a third of a second.
    said = json.loads(template(name))
    questions = (
        Question(**{**q, "options": tuple(q.get("options", ()))}) for q in said.pop("questions")
    )
    return Policy(eligible=tuple(said.pop("eligible")), questions=tuple(questions), **said)


POLICY = _read("policy.json")
"""EquiME's, after the access policy of its repository and the ethics section of its paper."""
