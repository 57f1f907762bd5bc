"""Who may have the dataset, and what they are asked: declared once, for card, form and review."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


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

POLICY = Policy(
    heading="Ask for access to this dataset",
    prompt=(
        "It is given to researchers for non-commercial work. A person reads every request, so an "
        "answer takes some days; one without affiliation or plan of research is refused. The "
        "Hub shows your answers to the keepers of the dataset, who keep their decision."
    ),
    button="Send the request",
    eligible=(
        "members of accredited academic institutions",
        "members of recognised research organisations",
        "graduate students whom a member of the faculty supervises",
        "researchers in industry, for non-commercial purposes",
    ),
    questions=(
        Question("name", "Full name", "text"),
        Question("institution", "Institution", "text"),
        Question("country", "Country of the institution", "country"),
        Question(
            "position",
            "Position",
            "select",
            (
                STUDENT,
                "Researcher or faculty at a university",
                "Researcher at a research organisation",
                "Researcher in industry",
                "Other",
            ),
        ),
        Question(
            "affiliation",
            "Proof of affiliation: institutional e-mail address and your page at the institution",
            "text",
        ),
        Question(
            "supervisor",
            "Supervisor's name and institutional e-mail address (students; others: none)",
            "text",
        ),
        Question("research", "What you will research, in three sentences or more", "text"),
        Question("use", "What you will use the clips for, and what is to come of it", "text"),
        Question(
            "license",
            "I keep to the licence on the dataset's card (EquiME's is CC BY-NC-SA 4.0)",
            "checkbox",
        ),
        Question("commercial", "I make no commercial use of it", "checkbox"),
        Question(
            "surveillance",
            "I do not use it to watch people or to judge them without their consent",
            "checkbox",
        ),
        Question(
            "identity", "I do not try to find out who the people in the clips are", "checkbox"
        ),
        Question("sharing", "I do not pass the files on to people without access", "checkbox"),
        Question(
            "ethics",
            "I follow my institution's rules of research ethics, and use it to discriminate "
            "against nobody",
            "checkbox",
        ),
        Question("cite", "I cite the EquiME paper in what I publish", "checkbox"),
    ),
)
"""EquiME's, after the access policy of its repository and the ethics section of its paper."""
