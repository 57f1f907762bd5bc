from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from equime_hub.cards.policy import POLICY, STUDENT, Policy, Question
from equime_hub.hub.advice import WORDS, advise, answer, unknown
from equime_hub.hub.requests import Request
from tests.support.forms import filled


def request(email: str | None = "anna@example.edu", **changes: str | None) -> Request:
    """A request to which there is nothing to say, but for the changes (None: not answered)."""
    answers = {
        text: "yes" if value is True else str(value) for text, value in filled(**changes).items()
    }
    asked = datetime(2026, 11, 20, 18, 4, tzinfo=UTC)
    return Request("r1", "anna_e", "Anna", email, asked, "pending", answers)


def codes(request: Request) -> list[str]:
    return [advice.code for advice in advise(request, POLICY)]


def test_a_complete_request_needs_no_look() -> None:
    assert codes(request()) == []
    student = request(position=STUDENT, supervisor="Prof. B. Example, b@example.edu")
    assert codes(student) == []


@pytest.mark.parametrize("question", POLICY.questions, ids=lambda q: q.key)
def test_each_answer_left_out_is_one_thing_to_look_at(question: Question) -> None:
    found = codes(request(**{question.key: None}))
    if question.key == "supervisor":
        assert found == []
    else:
        check = "not agreed" if question.is_agreement else "missing"
        assert found == [f"{check}: {question.key}"]


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"position": STUDENT}, ["supervisor: supervisor"]),
        ({"position": STUDENT, "supervisor": "B. Example, b@yahoo.co.jp"},
         ["free mail: supervisor"]),
        ({"email": "anna@GMAIL.com"}, ["free mail: email"]),
        ({"email": "anna@hotmail.fr"}, ["free mail: email"]),
        ({"email": "anna@live.example.edu"}, []),
        ({"email": "anna@notgmail.com"}, []),
        ({"email": None}, []),
        ({"affiliation": "see my page; anna@gmail.com."}, ["free mail: affiliation"]),
        ({"affiliation": "anna@gmail.com or anna@example.edu"}, []),
        ({"institution": " - "}, ["missing: institution"]),
        ({"country": "NA"}, []),
        ({"commercial": "no"}, ["not agreed: commercial"]),
        ({"name": "x_ray99"}, ["handle: name"]),
        ({"name": "Anna_E"}, ["handle: name"]),
        ({"name": "anna.example"}, ["handle: name"]),
        ({"name": "王小明"}, []),
        ({"name": "Suharto"}, []),
        ({"name": "Jean-Luc d'Exemple"}, []),
        ({"use": "A PRODUCT for police\n interrogation"}, ["commercial: use", "surveillance: use"]),
        ({"use": "job\n  interview"}, ["surveillance: use"]),
        ({"use": "We reproduce productive, unpoliced results."}, []),
    ],
)  # fmt: skip
def test_what_stands_out(changes: dict[str, str | None], found: list[str]) -> None:
    assert codes(request(**changes)) == found


def test_the_sentences_say_which_words_and_which_domain() -> None:
    (advice,) = advise(request(research="Lie detection at the border."), POLICY)
    assert "border, lie detection" in advice.text
    (advice,) = advise(request("anna@qq.com"), POLICY)
    assert "qq.com" in advice.text


def test_the_code_tells_nothing_of_the_person() -> None:
    for advice in advise(request("me@qq.com", name="secret99", affiliation="me@qq.com"), POLICY):
        assert "qq" not in advice.code
        assert "secret" not in advice.code


def test_a_form_of_other_times_is_read_as_far_as_it_goes() -> None:
    old = replace(request(), answers={" full  NAME": "Anna Example", "Shoe size": "38"})
    assert answer(old, POLICY.question("name")) == "Anna Example"
    assert unknown(old, POLICY) == (("Shoe size", "38"),)
    assert unknown(request(), POLICY) == ()


TEXT = st.text(max_size=60)


@given(st.dictionaries(st.sampled_from([q.text for q in POLICY.questions]) | TEXT, TEXT), TEXT)
def test_any_answers_are_advised_on_in_the_order_of_the_form(
    answers: dict[str, str], email: str
) -> None:
    made = replace(request(email), answers=answers)
    found = advise(made, POLICY)
    assert found == advise(made, POLICY)
    order = ["email", *(q.key for q in POLICY.questions)]
    places = [order.index(advice.about) for advice in found]
    assert places == sorted(places)
    assert advise(made, Policy("", "", "", (), ())) == found[: places.count(0)]


@given(
    st.sampled_from([(use, word) for use, words in WORDS.items() for word in words]),
    st.sampled_from(["", " ", "\n", "(", "…", "-", "x", "é", "_", "7"]),
    st.sampled_from(["", " ", ".", ",", ")", "x", "é", "_", "7"]),
    st.booleans(),
)
def test_only_whole_words_count(
    said: tuple[str, str], before: str, after: str, capitals: bool
) -> None:
    use, word = said
    text = f"{before}{word.upper() if capitals else word}{after}"
    whole = not any((c.isalnum() or c == "_") for c in before + after)
    assert (f"{use}: use" in codes(request(use=text))) == whole
