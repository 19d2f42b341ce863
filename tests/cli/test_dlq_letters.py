"""`forwarder dlq list|stats|show|export|import` on letters of many kinds, without a worker."""

from __future__ import annotations

import json
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from msgspec.structs import replace
from typer.testing import CliRunner

from producers.clock import DAY_MS, now_ms
from producers.settings import BufferSettings
from tests.integration.support import FORWARDER, Cli
from tests.support.letters import fill, made
from worker.cli.dlq.filters import chosen_by, filtered
from worker.connection.client import async_redis
from worker.dead_letters import Filter, Letter

HOUR_MS = 3_600_000
LETTERS = 60


def some(buffer: BufferSettings, now: int) -> Iterator[Letter]:
    """The n-th died n hours ago; of accounts 0 to 2 and codes X and Y; those of server-events had waited for a day."""
    for number in range(LETTERS):
        died_at = now - number * HOUR_MS - 60_000
        to = "server-events" if number % 4 == 3 else "event-api"
        yield made(
            buffer,
            number,
            destination=to,
            account=str(number % 3),
            code="XY"[number % 2],
            died_at=died_at,
            event_time=died_at - (DAY_MS if to == "server-events" else 0),
            attempts=number % 5,
            message=f"reason number {number}",
        )


@pytest.fixture
async def stocked(cli: Cli, prefix: str) -> Cli:
    buffer = BufferSettings(cli.env["FORWARDER_REDIS_URL"], prefix)
    redis = async_redis(buffer.redis_url)
    await fill(redis, buffer, some(buffer, now_ms()))
    await redis.aclose()
    return cli


def numbers(cli: Cli, *filters: str) -> list[int]:
    return [int(letter["id"][2:]) for letter in cli.letters(*filters)]


def test_letters_are_listed_by_filters_together(stocked: Cli) -> None:
    everything = list(range(LETTERS))
    server = [number for number in everything if number % 4 == 3]
    for filters, wanted in {
        ("--oldest-first",): everything[::-1],
        ("--account", "1", "--code", "Y", "--since", "12h"): [1, 7],
        ("--age", "50h", "--until", "2h", "--limit", "3"): [50, 51, 52],
        ("--expired",): [number for number in server if number >= 48],
        ("--expires-within", "12h", "--account", "0"): [39],
        ("--attempts", "4", "--code", "X", "--text", "NUMBER"): [4, 14, 24, 34, 44, 54],
    }.items():
        assert numbers(stocked, *filters) == wanted, filters


def test_times_are_read_as_people_write_them(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000_000
    monkeypatch.setattr("worker.cli.dlq.filters.now_ms", lambda: now)
    for options, fields in [
        ({"since": "12h"}, {"since": now - 12 * HOUR_MS}),
        ({"since": "1970-01-01T02:00:00.5+02:00"}, {"since": 500}),
        ({"until": " 1970-01-01t00:00:01z "}, {"until": 1_000}),
        ({"age": "90M"}, {"until": now - 90 * 60_000}),
        ({"age": "2h", "until": "1h"}, {"until": now - 2 * HOUR_MS}),
        ({"age": "1h", "until": "2h"}, {"until": now - 2 * HOUR_MS}),
        ({"expires_within": "3d"}, {"expires_after": now, "expires_before": now + 3 * DAY_MS}),
        ({"expired": True}, {"expires_before": now}),
    ]:
        assert chosen_by(**options) == Filter(**fields), options  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"since": "yesterday"}, "--since"),
        ({"since": "2026-02-30T00:00:00Z"}, "--since"),
        ({"until": "2026-11-22T10:00:00"}, "--until"),
        ({"age": "3"}, "--age"),
        ({"age": "-3h"}, "--age"),
        ({"expires_within": "soon"}, "--expires-within"),
        ({"expired": True, "expires_within": "1h"}, "--expired"),
        ({"since": "1h", "age": "2h"}, "--since"),
        ({"text": ""}, "--text"),
        ({"destination": "postcards"}, "--destination"),
    ],
)
def test_what_cannot_be_a_filter_is_told_by_its_option(options: dict[str, Any], named: str) -> None:
    with pytest.raises(typer.BadParameter) as caught:
        chosen_by(**options)
    assert caught.value.param_hint == named


def test_wrong_usage_ends_with_two_and_names_the_option(cli: Cli) -> None:
    ended = cli.run("dlq", "list", "--since", "yesterday")
    assert ended.status == 2
    assert "--since" in ended.err


def test_a_table_shows_fifty_and_says_how_many_there_are(stocked: Cli) -> None:
    ended = stocked.done("dlq", "list", COLUMNS="200")
    assert ended.out.count("reason number") == 50
    assert ended.err == "the newest 50 of 60: see --limit\n"
    ended = stocked.done("dlq", "list", "--attempts", "1", "--limit", "5", COLUMNS="200")
    assert ended.err == "the newest 5, and there are more: see --limit\n"
    assert stocked.done("dlq", "list", "--limit", "60", COLUMNS="200").err == ""


def test_stats_sum_by_what_is_asked_for(stocked: Cli) -> None:
    by_code = stocked.done("dlq", "stats", "--by", "code", "--json").json
    assert by_code == [{"code": "X", "letters": 30}, {"code": "Y", "letters": 30}]
    by_destination = stocked.done("dlq", "stats", "--by", "destination", "--json").json
    assert by_destination == [
        {"destination": "event-api", "letters": 45},
        {"destination": "server-events", "letters": 15},
    ]
    assert sum(row["letters"] for row in stocked.done("dlq", "stats", "--by", "account", "--json").json) == LETTERS
    ended = stocked.done("dlq", "stats", "--limit", "2")
    assert "60" in ended.out
    assert ended.err == "the largest 2 of 9 counts: see --limit and --by\n"
    assert stocked.run("dlq", "stats", "--by", "colour").status == 2


async def test_show_tells_every_death_and_edit_and_obeys_none_of_it(cli: Cli, prefix: str) -> None:
    buffer = BufferSettings(cli.env["FORWARDER_REDIS_URL"], prefix)
    letter = made(buffer, 1, message="[red]first\x1b[2J")
    edit = {"at": "2026-01-02T03:04:05.000Z", "edited": {"by": "ops@host", "why": "a typo", "original": {"was": "so"}}}
    again = {**letter.event.history[0], "at": "2026-01-03T00:00:00.000Z", "batch": "9-z", "trace_id": "trace-9"}
    event = replace(letter.event, history=(*letter.event.history, edit, again))
    redis = async_redis(buffer.redis_url)
    await fill(redis, buffer, [letter._replace(event=event)])
    await redis.aclose()
    told = cli.done("dlq", "show", "e-1", COLUMNS="200").out
    for word in ("[red]first?[2J", "1-x", "9-z", "trace-9", "edited by ops@host: a typo", '"was": "so"', "conversion"):
        assert word in told
    assert "\x1b" not in told
    (as_json,) = cli.done("dlq", "show", "e-1", "--json").json
    assert (as_json["attempts"], len(as_json["history"])) == (2, 3)
    assert as_json["trace_id"] == "trace-9"


def test_letters_are_carried_to_another_redis_and_back(stocked: Cli, tmp_path: Path) -> None:
    """A file for its owner alone; the same letters come back, oldest first, and the audit knows."""
    file = tmp_path / "letters.jsonl"
    ended = stocked.done("dlq", "export", "--account", "1", "--output", str(file), "--why", "a move")
    assert ended.err.endswith("\n20 exported\n")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    elsewhere = Cli({**stocked.env, "FORWARDER_KEY_PREFIX": stocked.env["FORWARDER_KEY_PREFIX"] + "-other"}, tmp_path)
    counts = {"imported": 15, "known": 0, "refused": 5}
    ended = elsewhere.run("dlq", "import", str(file), "--json")
    assert (ended.status, ended.json) == (1, counts), "what server-events would refuse is no letter of it"
    assert "line 2: event." in ended.err
    wanted = [letter for letter in stocked.letters("--account", "1") if letter["destination"] == "event-api"]
    assert elsewhere.letters() == wanted
    assert elsewhere.ledger()["accepted"] == 15
    assert elsewhere.run("dlq", "import", str(file), "--json").json == counts | {"imported": 0, "known": 15}
    actions = [(entry["action"], entry["details"]) for entry in elsewhere.done("audit", "--json").json]
    assert actions[0] == ("dlq import", counts | {"imported": 0, "known": 15})
    entry, begun = stocked.done("audit", "--json").json
    assert (entry["action"], entry["details"]) == ("dlq export", {"account": "1", "exported": 20})
    assert (entry["why"], begun["action"], entry["run"]) == ("a move", "dlq export begun", begun["run"])


def test_a_file_is_not_written_over(stocked: Cli, tmp_path: Path) -> None:
    file = tmp_path / "letters.jsonl"
    file.write_text("mine")
    ended = stocked.run("dlq", "export", "--output", str(file))
    assert (ended.status, file.read_text()) == (2, "mine")
    assert stocked.run("dlq", "export", "--output", str(tmp_path / "no" / "folder")).status == 2
    assert stocked.run("dlq", "import", str(tmp_path / "nothing")).status == 2


def test_lines_with_faults_are_named_and_the_good_ones_go(stocked: Cli) -> None:
    lines = stocked.done("dlq", "export", "--destination", "event-api").out.splitlines()
    spoilt = json.loads(lines[2]) | {"died_at": "then"}
    stocked.done("dlq", "discard", "--all", "--yes")
    ended = stocked.run("dlq", "import", "-", given="\n".join([lines[0], "", "no JSON", json.dumps(spoilt), lines[3]]))
    assert ended.status == 1
    assert ended.out == "2 imported, 0 were there already, 2 refused\n"
    assert "line 3: line: is not JSON" in ended.err
    assert "line 4: died_at: must be RFC 3339" in ended.err
    assert numbers(stocked, "--oldest-first") == [58, 54]


def test_a_file_may_begin_with_a_byte_order_mark(stocked: Cli) -> None:
    lines = stocked.done("dlq", "export", "--destination", "event-api", "--all").out
    stocked.done("dlq", "discard", "--all", "--yes")
    ended = stocked.run("dlq", "import", "-", given="\ufeff" + lines)
    assert ended.out == "45 imported, 0 were there already, 0 refused\n"


async def test_a_letter_whose_history_tells_no_reason_is_shown(cli: Cli, prefix: str) -> None:
    buffer = BufferSettings(cli.env["FORWARDER_REDIS_URL"], prefix)
    letter = made(buffer, 1)
    redis = async_redis(buffer.redis_url)
    await fill(redis, buffer, [letter._replace(event=replace(letter.event, history=({"batch": "1-a"},)))])
    await redis.aclose()
    assert "1-a" in cli.done("dlq", "show", "e-1", COLUMNS="200").out


def test_a_full_disk_is_told_in_one_line(stocked: Cli) -> None:
    """Also where little was written, which Python would only write at its end."""
    for command in (["dlq", "list", "--json"], ["dlq", "list", "--json", "--limit", "1"], ["dlq", "export"]):
        with Path("/dev/full").open("wb") as full:
            ended = subprocess.run(
                [FORWARDER, *command], env=stocked.env, stdout=full, stderr=subprocess.PIPE, check=False
            )
        *noted, said = ended.stderr.splitlines()
        assert (ended.returncode, said) == (1, b"forwarder: No space left on device"), command
        assert all(b'"event": "audit"' in line for line in noted)
    entry, _ = stocked.done("audit", "--json").json
    assert (entry["action"], entry["details"]) == ("dlq export", {"broken_off": True})


@pytest.mark.parametrize(
    ("command", "named"),
    [
        (["dlq", "replay", "--all", "--yes", "--rate", "inf"], "--rate"),
        (["dlq", "replay", "--all", "--yes", "--rate", "nan"], "--rate"),
        (["find", "\udcff", "--account", "1"], "ID"),
        (["find", "e-1", "--account", "\udcff"], "--account"),
    ],
)
def test_what_can_be_no_value_is_wrong_usage(stocked: Cli, command: list[str], named: str) -> None:
    """Infinite rates, and bytes that are not UTF-8, which come as surrogates."""
    ended = stocked.run(*command)
    assert "Traceback" not in ended.err, ended.err
    assert (ended.status, named in ended.err) == (2, True), ended


def test_a_narrow_terminal_cuts_no_id_of_a_replay(stocked: Cli) -> None:
    replay = stocked.done("dlq", "replay", "--account", "1", "--yes", "--detach", "--json").json["replay"]
    assert replay in stocked.done("dlq", "replays", COLUMNS="80").out


def test_an_id_that_is_not_utf_8_is_none_that_a_letter_has(stocked: Cli) -> None:
    ended = stocked.run("dlq", "show", "\udcff")
    assert (ended.status, ended.err) == (1, "no dead letter has the id ?\n")


def test_commands_that_do_something_choose_nothing_unless_told() -> None:
    """Ids, filters and --all are one set of options, whatever else a command takes."""
    app, seen = typer.Typer(), list[tuple[Filter, bool]]()

    @app.command()
    @filtered(named=True)
    def burn(chosen: Filter, dry_run: bool = False) -> None:
        seen.append((chosen, dry_run))

    for arguments in (["--all", "--dry-run"], ["e-1", "e-2"], ["--code", "X", "--attempts", "3"], []):
        status = CliRunner().invoke(app, arguments).exit_code
        assert status == (0 if arguments else 2)
    assert seen == [(Filter(), True), (Filter(ids=("e-1", "e-2")), False), (Filter(code="X", attempts=3), False)]
