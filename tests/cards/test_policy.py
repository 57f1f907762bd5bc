from __future__ import annotations

import pytest
import yaml

from equime_hub.cards.policy import POLICY, STUDENT

KINDS = {"text", "checkbox", "country", "date_picker", "select"}
"""What the Hub knows (hub-docs, datasets-gated)."""


def test_the_form_is_what_the_hub_reads() -> None:
    form = yaml.safe_load(yaml.safe_dump(POLICY.yaml(), sort_keys=False))
    assert form == POLICY.yaml()
    fields = form["extra_gated_fields"]
    assert list(fields) == [question.text for question in POLICY.questions]
    for question in POLICY.questions:
        assert question.kind in KINDS
        field = fields[question.text]
        if question.kind == "select":
            assert field == {"type": "select", "options": list(question.options)}
            assert len(set(question.options)) > 1
        else:
            assert field == question.kind
            assert not question.options


def test_everything_that_the_seeds_ask_for_is_asked() -> None:
    agreements = {question.key for question in POLICY.questions if question.is_agreement}
    asked = {question.key for question in POLICY.questions} - agreements
    assert asked >= {
        "name", "institution", "country", "affiliation", "supervisor", "research", "use"
    }  # fmt: skip
    assert agreements >= {"license", "commercial", "surveillance", "identity", "cite"}
    assert "CC BY-NC-SA" in POLICY.question("license").text
    assert STUDENT in POLICY.question("position").options


def test_keys_and_texts_name_one_question_each() -> None:
    assert len({question.key for question in POLICY.questions}) == len(POLICY.questions)
    assert len({question.text for question in POLICY.questions}) == len(POLICY.questions)
    for question in POLICY.questions:
        assert POLICY.question(question.key) is question
    with pytest.raises(KeyError, match="shoe size"):
        POLICY.question("shoe size")
