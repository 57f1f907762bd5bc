from __future__ import annotations

import json
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from equime_hub.errors import DatasetError, HubError, OfflineError
from equime_hub.hub import decisions
from equime_hub.hub.decisions import Decision, Log, deciding, read

LOG = Path("data/equime/decisions.jsonl")


def decision(**values: object) -> Decision:
    made = {"repository": "lab/equime", "action": "accept", "by": "keeper", "request": "r1"}
    return Decision(**{**made, "user": "anna", **values})  # type: ignore[arg-type]


def decide(made: Decision, log: Path = LOG) -> None:
    with deciding(log, made):
        pass


def test_the_intention_is_on_the_disk_before_the_deed() -> None:
    made = decision(reason="fits", advice=("free mail: email",))
    with deciding(LOG, made):
        (line,) = LOG.read_text("utf-8").splitlines()
        assert json.loads(line) == {
            "entry": "intended", "repository": "lab/equime", "action": "accept", "by": "keeper",
            "request": "r1", "user": "anna", "reason": "fits", "advice": ["free mail: email"],
            "when": made.when, "id": made.id,
        }  # fmt: skip
        (entry,) = read(LOG).entries
        assert (entry.decision, entry.result) == (made, "unknown")
    (entry,) = read(LOG).entries
    assert (entry.decision, entry.result, entry.error) == (made, "done", None)


def test_only_its_owner_reads_it() -> None:
    decide(decision())
    assert stat.S_IMODE(LOG.stat().st_mode) == 0o600
    assert stat.S_IMODE(LOG.parent.stat().st_mode) == 0o700


def test_a_refusal_is_a_failure_and_silence_is_not_known() -> None:
    with pytest.raises(HubError), deciding(LOG, decision()):
        raise HubError("anna has access already.")
    with pytest.raises(OfflineError), deciding(LOG, decision()):
        raise OfflineError("The Hub cannot be reached.")
    with pytest.raises(KeyboardInterrupt), deciding(LOG, decision()):
        raise KeyboardInterrupt
    found = [(entry.result, entry.error) for entry in read(LOG).entries]
    assert found == [
        ("failed", "anna has access already."), ("unknown", None), ("unknown", None),
    ]  # fmt: skip


def test_a_killed_process_leaves_an_intention() -> None:
    code = (
        "import os\nfrom pathlib import Path\n"
        "from equime_hub.hub.decisions import Decision, deciding\n"
        f"with deciding(Path({str(LOG)!r}), Decision('lab/equime', 'revoke', 'k', 'r1', None)):\n"
        "    os._exit(9)"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 9
    (entry,) = read(LOG).entries
    assert (entry.decision.action, entry.decision.user, entry.result) == ("revoke", None, "unknown")


def test_a_torn_line_stays_and_spoils_no_other() -> None:
    decide(decision(user="first"))
    whole = LOG.read_bytes()
    LOG.write_bytes(whole + b'{"entry": "intended", "us')
    decide(decision(user="second"))
    assert LOG.read_bytes().startswith(whole + b'{"entry": "intended", "us\n')
    found = read(LOG)
    assert [entry.decision.user for entry in found.entries] == ["first", "second"]
    assert [entry.result for entry in found.entries] == ["done", "done"]
    assert found.damaged == (3,)


@pytest.mark.parametrize(
    "line",
    ["[]", "7", "{}", '{"entry": "done", "id": "nobody"}', '{"entry": "intended"}',
     '{"entry": "erased", "id": "x"}', '{"entry": "done", "id": []}', "\xff"],
)  # fmt: skip
def test_a_strange_line_is_named(line: str) -> None:
    LOG.parent.mkdir(parents=True)
    LOG.write_text(f"{line}\n", encoding="latin-1")
    assert read(LOG) == Log((), (1,))


def test_no_log_is_an_empty_log() -> None:
    assert read(LOG) == Log((), ())
    assert not LOG.parent.exists()


def test_nothing_is_decided_without_a_log() -> None:
    Path("data").write_text("a file where the folder should be")
    with pytest.raises(DatasetError, match="name another with --log"), deciding(LOG, decision()):
        pytest.fail("the deed was done")
    with pytest.raises(DatasetError, match="cannot be read"):
        read(Path())


def test_many_hands_write_one_log() -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda n: decide(decision(user=f"u{n}")), range(40)))
    found = read(LOG)
    assert {entry.decision.user for entry in found.entries} == {f"u{n}" for n in range(40)}
    assert {entry.result for entry in found.entries} == {"done"}
    assert not found.damaged


@settings(max_examples=30)
@given(st.lists(st.tuples(st.text(), st.text(), st.booleans()), max_size=4))
def test_what_was_written_never_changes(
    tmp_path_factory: pytest.TempPathFactory, made: list[tuple[str, str, bool]]
) -> None:
    log = tmp_path_factory.mktemp("log") / "log"
    before = b""
    for user, reason, fails in made:
        try:
            with deciding(log, decision(user=user, reason=reason)):
                if fails:
                    raise HubError(reason)
        except HubError:
            pass
        after = log.read_bytes()
        assert after.startswith(before)
        before = after
    found = read(log)
    assert not found.damaged
    assert [
        (entry.decision.user, entry.decision.reason, entry.result == "failed")
        for entry in found.entries
    ] == made


@pytest.mark.parametrize(
    ("platform", "variable", "place"),
    [
        ("linux", "XDG_DATA_HOME", "set/equime/decisions.jsonl"),
        ("linux", None, "home/.local/share/equime/decisions.jsonl"),
        ("darwin", None, "home/Library/Application Support/equime/decisions.jsonl"),
        ("win32", "LOCALAPPDATA", "set/equime/decisions.jsonl"),
        ("win32", None, "home/AppData/Local/equime/decisions.jsonl"),
    ],
)
def test_the_log_lies_where_the_system_keeps_data(
    monkeypatch: pytest.MonkeyPatch, platform: str, variable: str | None, place: str
) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: Path("home"))
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, "set")
    assert decisions.default_path() == Path(place)
