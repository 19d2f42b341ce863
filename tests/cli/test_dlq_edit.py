"""`forwarder dlq edit`: an event is changed by --set, from a file or in an editor, as a producer could send it."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import typer
from redis.asyncio import Redis
from typer.testing import CliRunner

from producers.clock import parse_rfc3339_utc, rfc3339
from producers.errors import Fault, InvalidEvent
from producers.keys import Slot
from tests.buffer.invariants import check
from tests.buffer.picture import take_picture
from tests.cli.conftest import entries
from tests.cli.letters import die
from tests.integration.support import FORWARDER, Cli, Line, sample
from worker.cli import context
from worker.cli.dlq import app
from worker.connection.client import sync_redis
from worker.intake.letters import reject

ACCOUNT, ID = "48001", "48001-1"
TYPO = sample(ACCOUNT, 1)
TYPO["event"]["eventType"] = "conversoin"


def letter(cli: Cli, event_id: str = ID, *options: str) -> Any:
    (found,) = cli.done("dlq", "show", event_id, "--json", *options).json
    return found


def data(event: Any) -> dict[str, str]:
    return {each["name"]: each["value"] for each in event["objectData"]}


@pytest.fixture
async def dead(cli: Cli, redis: Redis, prefix: str) -> Cli:
    """With one dead letter."""
    cli.enqueue([TYPO])
    assert await die(redis, prefix, code="UnknownEventType", message="[red]not known\x1b[2J\nvim: set ma:") == 1
    return cli


def editor(folder: Path, name: str, *lines: str) -> str:
    """A program that edits: it is given the file, whose text is `text`, and notes what it saw."""
    file = folder / name
    head = ["import sys, pathlib", "file = pathlib.Path(sys.argv[-1])", "text = file.read_text()"]
    seen = f"log = pathlib.Path({str(folder / 'seen')!r})"
    note = "log.write_text((log.read_text() if log.exists() else '') + text + '\\0')"
    file.write_text("\n".join([*head, seen, note, *lines]), "utf-8")
    import sys

    return f"{sys.executable} {file}"


async def test_values_are_set_and_unset_and_the_first_event_is_kept(dead: Cli, redis: Redis, prefix: str) -> None:
    """Id, account and first time stay; what expires follows the time of the event; the audit says who and why."""
    before = letter(dead)
    options = ["--set", "eventType=conversion", "--set", "objectData[name=amount].value=13.00"]
    options += ["--unset", "objectData[name=email]", "--set", f"eventTime={_an_hour_before(before)}"]
    ended = dead.done("dlq", "edit", ID, *options, "--why", "a typo")
    assert '-  "eventType": "conversoin",' in ended.out
    assert '+  "eventType": "conversion",' in ended.out
    assert f"forwarder dlq replay {ID} --destination event-api" in ended.out
    after = letter(dead)
    assert after["event"]["eventType"] == "conversion"
    assert data(after["event"]) == {"amount": "13.00"}
    same = ("id", "destination", "account", "enqueued_at", "died_at", "reasons", "attempts", "trace_id")
    assert [after[name] for name in same] == [before[name] for name in same]
    assert after["expires_at"] < before["expires_at"]
    death, edited = after["history"]
    assert death["reasons"] == before["reasons"]
    assert edited["edited"]["original"] == before["event"]
    assert (edited["edited"]["why"], edited["edited"]["via"]) == ("a typo", "cli")
    entry, begun = entries(dead)
    assert (begun["action"], entry["action"], entry["why"]) == ("dlq edit begun", "dlq edit", "a typo")
    of = {"destination": "event-api", "shard": 0, "number": "000000000001"}
    assert entry["details"] == {**of, "fields": ["eventType", "eventTime", "objectData"], "edited": 1}
    assert edited["edited"]["by"] == entry["by"]
    slot = Slot(prefix, "event-api", 0)
    check(await take_picture(redis, slot), 2**52)
    score = await redis.zscore(slot.key("dead_expires"), "000000000001")
    assert rfc3339(int(score or 0)) == _an_hour_before(before)
    assert dead.ledger()["dead"] == 1


def _an_hour_before(shown: dict[str, Any]) -> str:
    return rfc3339(parse_rfc3339_utc(shown["event"]["eventTime"]) - 3_600_000)


def test_every_fault_is_told_by_field_and_nothing_is_changed(dead: Cli) -> None:
    """As a producer is told. The id, and the time's being there, are not for an edit to change."""
    before = letter(dead)
    ended = dead.run("dlq", "edit", ID, "--set", "eventType=", "--set", "eventTime=soon", "--json")
    assert (ended.status, ended.json["edited"]) == (1, False)
    assert [fault["field"] for fault in ended.json["faults"]] == ["event.eventType", "event.eventTime"]
    for options, said in (
        (["--set", "clientEventId=another"], "differs from event.clientEventId"),
        (["--unset", "eventTime"], "event.eventTime: cannot be left out"),
        (["--set", "eventTime=2001-01-01T00:00:00Z"], "event.eventTime"),
        (["--set", "objectData.7.value=5"], "objectData.7.value"),
        (["--set", "colour=red"], "event.colour: is not a known field"),
        (["--unset", "eventTyp"], "did you mean eventType"),
        (["--set", 'objectData=[{"name": "x"}]'], "is required"),
    ):
        ended = dead.run("dlq", "edit", ID, *options)
        assert (ended.status, ended.out) == (1, ""), ended
        assert said in ended.err
        assert "nothing was changed" in ended.err
    assert letter(dead) == before
    assert entries(dead) == []


@pytest.mark.parametrize(
    "options",
    [
        ["--set", "eventType"],
        ["--file", "nowhere.json"],
        ["--file", "-", "--set", "eventType=x"],
        ["--colour"],
        ["--destination", "postcards", "--set", "eventType=x"],
        [],  # without an editor
    ],
)
def test_wrong_usage_is_told(dead: Cli, options: list[str]) -> None:
    ended = dead.run("dlq", "edit", ID, *options, VISUAL="", EDITOR="")
    assert ended.status in (1, 2)
    assert ended.err
    assert "Traceback" not in ended.err
    assert entries(dead) == []


def test_a_dry_run_shows_the_difference_and_changes_nothing(dead: Cli) -> None:
    before = letter(dead)
    ended = dead.done("dlq", "edit", ID, "--set", "eventType=conversion", "--dry-run")
    assert '+  "eventType": "conversion",' in ended.out
    assert "it is valid; nothing was changed" in ended.out
    told = dead.done("dlq", "edit", ID, "--set", "eventType=conversion", "--dry-run", "--json").json
    assert (told["edited"], told["event"]["eventType"], told["number"]) == (False, "conversion", "000000000001")
    assert '+  "eventType": "conversion",' in told["difference"]
    assert "holds already" in dead.done("dlq", "edit", ID, "--set", "eventType=conversoin").out
    assert letter(dead) == before
    assert entries(dead) == []


def test_the_whole_event_comes_from_a_file_or_from_standard_input(dead: Cli, tmp_path: Path) -> None:
    event = {**letter(dead)["event"], "eventType": "signup"}
    (tmp_path / "event.json").write_text(json.dumps(event), "utf-8")
    dead.done("dlq", "edit", ID, "--file", "event.json", "--json")
    assert letter(dead)["event"] == event
    ended = dead.run("dlq", "edit", ID, "--file", "-", given=json.dumps({**event, "eventType": "lead"}))
    assert ended.status == 0, ended
    assert letter(dead)["event"]["eventType"] == "lead"
    first, second = [each["edited"]["original"]["eventType"] for each in letter(dead)["history"] if "edited" in each]
    assert (first, second) == ("conversoin", "signup")
    broken = dead.run("dlq", "edit", ID, "--file", "-", given='{"eventType": }')
    assert (broken.status, "line 1, column 15" in broken.err) == (1, True)


def test_an_editor_that_is_no_command_is_wrong_usage(dead: Cli) -> None:
    for command in ('vi -Q"', " "):
        ended = dead.run("dlq", "edit", ID, VISUAL="", EDITOR=command)
        assert (ended.status, "$EDITOR" in ended.err, "Traceback" in ended.err) == (2, True, False), ended.err


def test_an_editor_is_opened_again_with_the_faults_on_top_until_the_event_is_valid(dead: Cli, tmp_path: Path) -> None:
    """The second time it repairs what it broke. What strangers wrote stands behind a #, without control characters."""
    fixed = "file.write_text(text.replace('conver' + 'soin', 'conversion'))"
    broken = "file.write_text(text.replace('\"48001-1\"', '7'))"
    repaired = "file.write_text(text.replace('clientEventId\": 7', 'clientEventId\": \"48001-1\"'))"
    program = editor(
        tmp_path,
        "steps.py",
        "step = log.read_text().count('\\0')",
        f"exec([{broken!r}, {repaired!r} + '; text = file.read_text(); ' + {fixed!r}][step - 1])",
    )
    ended = dead.run("dlq", "edit", ID, VISUAL=program, EDITOR="false")
    assert ended.status == 0, ended
    assert letter(dead)["event"]["eventType"] == "conversion"
    first, second, _ = (tmp_path / "seen").read_text("utf-8").split("\0")
    assert "# Why: UnknownEventType: [red]not known?[2J?vim: set ma:\n" in first
    assert "FAULT" not in first
    assert "# FAULT event.clientEventId: expected str, got int\n" in second
    assert first.partition("\n{")[2].replace('"48001-1"', "7") == second.partition("\n{")[2]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("pass", "closed as it was"),
        ("file.write_text('')", "the file was empty"),
        ("file.write_text('# only this\\n')", "the file was empty"),
        ("sys.exit(3)", "ended with 3"),
        ("file.unlink()", "No such file"),
        ("log.read_text().count('\\0') == 1 and file.write_text('{}')", "cannot be left out"),
    ],
)
def test_who_gives_up_in_the_editor_changes_nothing(dead: Cli, tmp_path: Path, line: str, said: str) -> None:
    ended = dead.run("dlq", "edit", ID, EDITOR=editor(tmp_path, "no.py", line))
    assert (ended.status, ended.out) == (1, ""), ended
    assert said in ended.err
    assert letter(dead)["event"]["eventType"] == "conversoin"
    assert entries(dead) == []


async def test_of_several_letters_of_one_id_one_is_named(cli: Cli, redis: Redis, prefix: str) -> None:
    """In two queues, and two in one queue."""
    for account, kind in (("1", "a"), ("1", "b")):
        one = sample(account, 1)
        one["event"]["eventType"] = kind
        cli.enqueue([one])
    await die(redis, prefix)
    line: Line = {"destination": "audience", "account": "9", "id": "1-1", "event": {"action": "include"}}
    line["event"]["email"] = "ann@example.com"
    cli.enqueue([line])
    await die(redis, prefix, "audience")
    change = ["--set", "eventType=c", "--yes"]
    ended = cli.run("dlq", "edit", "1-1", *change)
    assert (ended.status, ended.out) == (2, "")
    assert "3 dead letters have the id 1-1" in ended.err
    assert "--destination event-api --number 2  (account 1, No, " in ended.err
    assert cli.run("dlq", "edit", "1-1", "-d", "event-api", *change).status == 2
    cli.done("dlq", "edit", "1-1", "-d", "event-api", "--number", "2", *change)
    cli.done("dlq", "edit", "1-1", "-d", "audience", "--set", "action=exclude", "--set", "email=Bob@Example.com ")
    (bob,) = cli.letters("-d", "audience")
    assert bob["event"] == {"action": "exclude", "email": "bob@example.com"}
    assert sorted(each["event"].get("eventType", "") for each in cli.letters()) == ["", "a", "c"]
    ended = cli.run("dlq", "edit", "1-1", "--number", "7", *change)
    assert (ended.status, "no dead letter has the id 1-1, as it is asked for" in ended.err) == (1, True)
    assert cli.run("dlq", "edit", "1-1", "--account", "8", *change).status == 1
    assert cli.run("dlq", "edit", "nobody", *change).status == 1
    slot = Slot(prefix, "audience", 0)
    check(await take_picture(redis, slot), 2**52)


def test_what_somebody_else_replayed_meanwhile_is_told_and_nothing_is_written(dead: Cli, tmp_path: Path) -> None:
    """While the editor was open."""
    replay = f"import subprocess; subprocess.run([{FORWARDER!r}, 'dlq', 'discard', '{ID}', '--yes'], check=True)"
    write = "file.write_text(text.replace('conversoin', 'conversion'))"
    ended = dead.run("dlq", "edit", ID, "--json", EDITOR=editor(tmp_path, "slow.py", replay, write))
    assert ended.status == 1
    assert "is not there any more" in ended.err
    assert [entry["action"] for entry in entries(dead)] == ["dlq discard", "dlq discard begun"]


async def test_under_pii_hash_an_edit_leaves_nothing_plain_behind(dead: Cli, redis: Redis, prefix: str) -> None:
    """Neither what was put in, nor what it was before, though that was enqueued under another rule."""
    new = ["--set", "objectData[name=email].value=Ann@example.com", "--yes"]
    exported = dead.done("dlq", "export").out
    dead.done("dlq", "edit", ID, *new, FORWARDER_PII="hash")
    again = dead.run("dlq", "import", "-", given=exported, FORWARDER_PII="hash")
    assert again.out == "0 imported, 1 were there already, 0 refused\n", "it is known again"
    assert "emailsha256" in data(letter(dead)["event"])
    stored = await redis.hgetall(Slot(prefix, "event-api", 0).key("letter", "000000000001"))
    text = b"".join(map(bytes, stored.values())).lower()  # type: ignore[arg-type]
    assert b"example" not in text, "no address, of whomever"
    assert b"emailsha256" in text
    refused = dead.run("dlq", "edit", ID, "--set", "objectData[name=emailsha256].value=nobody", FORWARDER_PII="hash")
    assert refused.status == 1
    assert "nobody" not in refused.err


def test_a_message_of_the_intake_is_edited_as_a_line_and_then_replayed(cli: Cli, prefix: str, tmp_path: Path) -> None:
    line = sample("48002", 5)
    raw = json.dumps(line)[:-1].encode()  # it broke off
    with sync_redis(cli.env["FORWARDER_REDIS_URL"]) as redis:
        reject(redis, prefix, [(raw, InvalidEvent([Fault("line", "is not JSON")]))])
    (shown,) = cli.letters()
    assert shown["event"] == raw.decode()
    still = cli.run("dlq", "edit", shown["id"], "--file", "-", given=raw + b" ")
    assert (still.status, "line: is not JSON" in still.err) == (1, True)
    cli.done("dlq", "edit", shown["id"], "--yes", EDITOR=editor(tmp_path, "close.py", "file.write_text(text + '}')"))
    edited = letter(cli, shown["id"])
    assert edited["event"] == line
    assert edited["history"][-1]["edited"]["original"] == raw.decode()
    cli.done("dlq", "edit", shown["id"], "--set", "account=48003", "--set", "event.eventType=signup")
    with sync_redis(cli.env["FORWARDER_REDIS_URL"]) as redis:
        busy = Slot(prefix, "intake", 0).key("dispatched")
        redis.set(busy, 1, ex=60)
        ended = cli.run("dlq", "edit", shown["id"], "--set", "account=1")
        assert (ended.status, "are being replayed" in ended.err) == (1, True)
        redis.delete(busy)
    assert cli.done("dlq", "replay", shown["id"], "--yes").out == "1 replayed\n"
    ledger = cli.ledger()
    assert (ledger["accepted"], ledger["open"] + ledger["ready"]) == (1, 1)


async def test_it_asks_on_a_terminal_after_the_difference_and_no_is_no(
    dead: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    for name, value in dead.env.items():
        if name.startswith("FORWARDER_"):
            monkeypatch.setenv(name, value)
    monkeypatch.setattr(context, "asks", lambda yes: not yes)
    monkeypatch.setattr(typer, "confirm", lambda question: asked.append(question))
    ended = await asyncio.to_thread(CliRunner().invoke, app, ["edit", ID, "--set", "eventType=conversion"])
    assert (ended.exit_code, asked) == (1, [f"put this in the place of the dead letter {ID}?"])
    assert letter(dead)["event"]["eventType"] == "conversoin"
    assert entries(dead) == []


@pytest.mark.parametrize("ending", ["", "SIGHUP", "SIGTERM", "SIGINT"])
def test_the_file_of_the_editor_is_its_users_alone_and_gone_afterwards(dead: Cli, tmp_path: Path, ending: str) -> None:
    """Also where the terminal was closed over it, or the command was told to end."""
    files = tmp_path / "files"
    files.mkdir()
    modes = "''.join(oct(each.stat().st_mode)[-3:] for each in (file, file.parent))"
    look = f"pathlib.Path({str(tmp_path / 'modes')!r}).write_text({modes})"
    end = f"import os, signal; os.kill(os.getppid(), signal.{ending}); signal.pause()" if ending else "pass"
    dead.run("dlq", "edit", ID, TMPDIR=str(files), EDITOR=editor(tmp_path, "looks.py", look, end))
    assert (tmp_path / "modes").read_text() == "600700"
    assert list(files.iterdir()) == []
