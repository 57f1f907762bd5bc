"""`equime access`, by the real client."""

from __future__ import annotations

import csv
import io
import json
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from equime_hub.cards.policy import POLICY
from equime_hub.cli import main
from equime_hub.commands.share.access_text import printable
from tests.support.forms import LAB, filled, open_lab
from tests.support.hub_server import faults
from tests.support.hub_server.hub import Hub

LOG = Path("log.jsonl")


def access(*arguments: str | Path, input: str | None = None) -> Result:
    return CliRunner().invoke(main, ["access", *map(str, arguments)], input=input)


def decide(*arguments: str, input: str | None = None) -> Result:
    return access(*arguments, "--log", LOG, input=input)


def logged() -> list[dict[str, str]]:
    """Action, person, reason and result of every decision in the log."""
    entries = json.loads(access("log", "--log", LOG, "--json").stdout)["entries"]
    return [
        {key: entry["decision"][key] for key in ("action", "by", "user", "reason")}
        | {"result": entry["result"]}
        for entry in entries
    ]


@pytest.fixture
def lab(hub: Hub) -> Hub:
    """Keeper signed in; anna has asked well, ben has said little."""
    open_lab(hub)
    hub.ask("anna", LAB, **filled())
    hub.ask("ben", LAB, **filled(institution=None, commercial=False, use="=a PRODUCT\x1b[2J"))
    return hub


def test_list(lab: Hub) -> None:
    found = access("list", LAB)
    assert found.exit_code == 0, found.output
    anna, ben = found.stdout.splitlines()
    assert "anna" in anna and "0 things to look at" in anna and "Example University" in anna
    assert "ben" in ben and "3 things to look at" in ben
    assert found.stderr == "2 pending requests.\n"
    assert access("list", LAB, "--status", "accepted").stdout == ""
    report = json.loads(access("list", LAB, "--status", "all", "--json").stdout)
    assert [request["username"] for request in report["requests"]] == ["anna", "ben"]
    assert [advice["check"] for advice in report["requests"][1]["advice"]] == [
        "missing", "commercial", "not agreed",
    ]  # fmt: skip


def test_csv(lab: Hub) -> None:
    text = access("list", LAB, "--csv", "-").stdout
    anna, ben = csv.DictReader(io.StringIO(text))
    assert (anna["username"], anna["name"], anna["country"]) == ("anna", "Anna Example", "NO")
    assert ben["use"] == "'=a PRODUCT?[2J", "no formula for a spreadsheet"
    assert ben["advice"] == "missing: institution; commercial: use; not agreed: commercial"
    done = access("list", LAB, "--csv", "requests.csv")
    assert done.stderr == "2 requests in requests.csv.\n"
    assert Path("requests.csv").read_bytes().decode() == text
    assert stat.S_IMODE(Path("requests.csv").stat().st_mode) == 0o600
    assert access("list", LAB, "--csv", "-", "--json").exit_code == 2


def test_show(lab: Hub) -> None:
    shown = access("show", LAB, "ben")
    assert shown.exit_code == 0, shown.output
    assert "Words that may tell of commercial use: product" in shown.stdout
    assert "Not agreed to: I make no commercial use of it." in shown.stdout
    assert "\x1b" not in shown.stdout, "what strangers write does not steer the terminal"
    assert "Nothing stands out." in access("show", LAB, "ANNA").stdout
    id = lab.repository(LAB).requests["anna"].id
    assert json.loads(access("show", LAB, id, "--json").stdout)["answers"]["Full name"] == (
        "Anna Example"
    )


def test_decisions_are_done_and_logged(lab: Hub) -> None:
    requests = lab.repository(LAB).requests
    assert decide("accept", LAB, "anna").stdout == "anna has access to lab/equime now.\n"
    decide("reject", LAB, "ben", "--reason", "Please name your institution.")
    assert requests["ben"].reason == "Please name your institution."
    decide("revoke", LAB, "anna", "--reason", "The project has ended.")
    decide("grant", LAB, "stranger", "--reason", "paper form")
    statuses = {name: request.status for name, request in requests.items()}
    assert statuses == {"anna": "rejected", "ben": "rejected", "stranger": "accepted"}
    assert [tuple(entry.values()) for entry in logged()] == [
        ("accept", "keeper", "anna", "", "done"),
        ("reject", "keeper", "ben", "Please name your institution.", "done"),
        ("revoke", "keeper", "anna", "The project has ended.", "done"),
        ("grant", "keeper", "stranger", "paper form", "done"),
    ]
    text = LOG.read_text("utf-8")
    for personal in ("Example", "x.org", "PRODUCT"):
        assert personal not in text
    assert "missing: institution" in text
    printed = access("log", "--log", LOG)
    assert len(printed.stdout.splitlines()) == 4
    assert "done     keeper reject ben lab/equime: Please name" in printed.stdout
    assert printed.stderr == "4 decisions in log.jsonl.\n"


def test_the_log_is_in_the_data_folder_unless_told(
    lab: Hub, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_DATA_HOME", str(Path("share").absolute()))
    assert access("accept", LAB, "anna").exit_code == 0
    assert Path("share/equime/decisions.jsonl").exists()
    assert len(access("log").stdout.splitlines()) == 1


def test_without_a_log_nothing_is_decided(lab: Hub) -> None:
    Path("file").touch()
    refused = access("accept", LAB, "anna", "--log", "file/log")
    assert refused.exit_code == 1
    assert "Nothing is decided without it" in refused.stderr
    assert lab.repository(LAB).requests["anna"].status == "pending"


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (("accept", LAB, "nobody"), 1, "no request by or with the id 'nobody'"),
        (("revoke", LAB, "anna", "--reason", "x"), 1, "the request is pending"),
        (("reject", LAB, "anna"), 2, "'--reason'"),
        (("reject", LAB, "anna", "--reason", " "), 1, "has 0 characters"),
        (("reject", LAB, "anna", "--reason", "x" * 201), 1, "has 201 characters"),
        (("grant", LAB, "nobody"), 1, "'nobody'"),
        (("accept", "lab/nothing", "anna"), 1, "no dataset repository lab/nothing"),
        (("accept", LAB), 2, "'WHO'"),
        (("review", "nothing"), 1, "'nothing' is no name of a repository"),
        (("grant", "a/b/c", "anna"), 1, "'a/b/c' is no name of a repository"),
    ],
)
def test_a_wrong_call_is_a_sentence(
    lab: Hub, arguments: tuple[str, ...], code: int, sentence: str
) -> None:
    result = decide(*arguments)
    assert result.exit_code == code, result.output
    assert sentence in result.stderr
    assert not result.stdout
    assert lab.repository(LAB).requests["anna"].status == "pending"


def test_who_is_not_a_keeper(lab: Hub) -> None:
    lab.sign_in("ben")
    refused = decide("accept", LAB, "ben")
    assert refused.exit_code == 1
    assert "Only who may write to lab/equime" in refused.stderr
    lab.sign_in(None)
    assert "hf auth login" in access("list", LAB).stderr
    assert not LOG.exists()


def test_a_decision_whose_answer_is_lost_is_unknown(lab: Hub) -> None:
    lab.fail(faults.LOST_REPLY, lambda call: call.path.endswith("/handle"))
    lost = decide("accept", LAB, "anna")
    assert lost.exit_code == 1
    assert "run the same again" in lost.stderr
    assert "anna has access to lab/equime already" in decide("accept", LAB, "anna").stderr
    assert [entry["result"] for entry in logged()] == ["unknown", "failed"]


def test_review(lab: Hub) -> None:
    lab.ask("stranger", LAB)
    typed = f"what?\nr\n\nR\n{'x' * 201}\nr\nnot enough\ns\n"
    # anna: nonsense, no reason, a reason too long, a good one; ben: skipped; then the end
    done = decide("review", LAB, input=typed)
    assert done.exit_code == 0, done.output
    assert "[1/3] anna, pending" in done.stdout
    assert "[3/3] stranger, pending" in done.stdout
    assert done.stdout.endswith("0 accepted, 1 rejected; 2 requests are left.\n")
    assert done.stderr.count("takes a reason of 1 to 200") == 2
    requests = lab.repository(LAB).requests
    assert (requests["anna"].status, requests["anna"].reason) == ("rejected", "not enough")
    done = decide("review", LAB, input="a\nq\n")
    assert done.stdout.endswith("1 accepted, 0 rejected; 1 request is left.\n")
    assert requests["ben"].status == "accepted"
    assert [entry["user"] for entry in logged()] == ["anna", "ben"]
    assert decide("review", LAB, input="s").exit_code == 0
    requests["stranger"].status = "accepted"
    assert decide("review", LAB).stdout == "0 accepted, 0 rejected; 0 requests are left.\n"


def test_review_goes_on_when_somebody_else_was_faster(lab: Hub) -> None:
    def faster() -> None:
        lab.repository(LAB).requests["anna"].status = "accepted"

    lab.before(lambda call: call.path.endswith("/handle"), faster)
    done = decide("review", LAB, input="a\na\n")
    assert done.exit_code == 1
    assert "somebody else answered it meanwhile" in done.stderr
    assert "ben: accepted." in done.stderr
    assert [entry["result"] for entry in logged()] == ["failed", "done"]


def test_a_damaged_line_of_the_log_is_told() -> None:
    LOG.write_text("{]\n")
    told = access("log", "--log", LOG)
    assert told.exit_code == 0
    assert told.stderr == (
        "0 decisions in log.jsonl.\nCannot be read, and were left as they are: lines 1.\n"
    )
    assert access("log", "--log", "nowhere").stderr == "0 decisions in nowhere.\n"


def test_check(lab: Hub) -> None:
    page = f"{lab.endpoint}/datasets/{LAB}"
    answers = []
    for user in (None, "stranger", "anna", "keeper"):
        lab.sign_in(user)
        found = access("check", LAB)
        answers.append((found.exit_code, found.stdout.strip()))
        assert (page in found.stderr) == (user != "keeper")
    assert answers == [
        (1, "lab/equime: signed out"),
        (1, "lab/equime: not asked (stranger)"),
        (1, "lab/equime: waiting or refused (anna)"),
        (0, "lab/equime: granted (keeper)"),
    ]
    decide("accept", LAB, "anna")
    lab.sign_in("anna")
    report = json.loads(access("check", LAB, "--json").stdout)
    assert report == {
        "repository": LAB, "state": "granted", "user": "anna", "page": page, "readable": True,
    }  # fmt: skip
    assert access("check", "lab/nothing").exit_code == 1
    lab.stop()
    gone = access("check", LAB)
    assert gone.exit_code == 1 and "cannot be reached" in gone.stderr


def test_text_of_strangers_is_made_harmless() -> None:
    assert printable("a\x1b[31mb\u202ec\r\n\td\u200be") == "a?[31mb?c   d?e"
    assert printable("王小明 é") == "王小明 é"


def test_every_question_of_the_policy_is_in_the_table_and_on_the_screen(lab: Hub) -> None:
    head = access("list", LAB, "--csv", "-").stdout.splitlines()[0].split(",")
    shown = access("show", LAB, "anna").stdout
    for question in POLICY.questions:
        assert question.key in head
        assert question.key in shown
