"""`forwarder enqueue`: bad lines are told by number and fault, in words and not as a traceback; the good ones go."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.integration.support import Cli, Ended, as_lines, sample, samples


def readable(ended: Ended) -> None:
    assert "Traceback" not in ended.err + ended.out


def test_bad_lines_are_told_by_number_and_fault_and_the_good_ones_go(cli: Cli) -> None:
    good = as_lines(samples("90001", 3)).splitlines()
    other = {**sample("90001", 9), "destination": "postcards"}
    nameless = {**sample("90001", 9), "account": ""}
    late = sample("90001", 9)
    late["event"]["eventTime"] = "2020-01-01T00:00:00Z"
    twice = sample("90001", 9)
    twice["event"] |= {"eventType": "", "objectData": [{"name": "amount", "value": 5}]}
    extra = {**sample("90001", 9), "prioritee": 1}
    bad = [json.dumps(line) for line in (other, nameless, late, twice, extra)]
    text = "\n".join([good[0], "{not json", *bad, good[1], "[]", '"text"', good[2]])
    ended = cli.run("enqueue", "-", "--json", given=text)
    assert (ended.status, ended.json) == (1, {"accepted": 3, "duplicates": 0, "refused": 8, "failed": 0})
    told = ended.err.splitlines()
    assert sorted(line.partition(":")[0] for line in told) == sorted(f"line {n}" for n in (2, 3, 4, 5, 6, 7, 9, 10))
    for number, word in ((2, "JSON"), (3, "destination"), (4, "account"), (5, "older"), (7, "prioritee")):
        assert any(line.startswith(f"line {number}: ") and word in line for line in told), told
    assert any("eventType" in line and "objectData[0].value" in line for line in told), "every fault, not the first"
    assert cli.ledger()["accepted"] == 3
    readable(ended)


FIELDS = [{"name": f"n{number}", "value": "v" * 65_536} for number in range(20)]
NO_EVENTS = (
    b"\xff\xfe\x00broken",
    b'{"destination":"event-api","account":"9","event":{"eventType":"\xc3("}}',
    b'{"destination":"event-api","account":"9","event":{"eventType":"\\ud800"}}',
    b"\x00",
    b"[" * 100_000,
    b'{"destination":"event-api","account":"9","event":null}',
    b'{"destination":"event-api","account":9,"event":{}}',
    b'{"destination":"event-api","account":"9","event":{},"id":""}',
    b'{"destination":["event-api"],"account":"9","event":{}}',
    b'{"destination":"event-api","account":"9","event":{"eventTime":"9999-99-99T00:00:00Z"}}',
    b'{"destination":"event-api","account":"%s","event":{}}' % (b"9" * 65),
    b'{"destination":"event-api","account":"9","event":{"metaData":%s}}' % json.dumps(FIELDS).encode(),
)


def test_bytes_that_are_no_event_are_refused_in_a_short_line_each_and_those_between_go(cli: Cli) -> None:
    """Not UTF-8, not JSON, nested without end, of other types, out of range, too large for a request."""
    good = [as_lines([line]).encode() for line in samples("90002", len(NO_EVENTS))]
    given = b"".join(bad + b"\n" + between for bad, between in zip(NO_EVENTS, good, strict=True))
    ended = cli.run("enqueue", "-", "--json", given=given)
    counts = {"accepted": len(NO_EVENTS), "duplicates": 0, "refused": len(NO_EVENTS), "failed": 0}
    assert (ended.status, ended.json) == (1, counts)
    told = ended.err.splitlines()
    numbers = sorted(int(line.removeprefix("line ").partition(":")[0]) for line in told)
    assert numbers == list(range(1, 2 * len(NO_EVENTS), 2))
    assert max(map(len, told)) < 500
    readable(ended)


def test_a_refusal_repeats_no_value_of_the_event(cli: Cli) -> None:
    """What is refused may be personal data, and the output may go to a log."""
    line = sample("90003", 1)
    line["event"]["objectData"].append({"name": "phone", "value": "+1 555 0100", "kind": "jane"})
    ended = cli.run("enqueue", "-", given=as_lines([line]))
    assert ended.status == 1
    assert "555" not in ended.err
    assert "jane" not in ended.err


@pytest.mark.parametrize("text", ["", "\n\n  \n\t\n"])
def test_nothing_to_enqueue_is_no_failure(cli: Cli, tmp_path: Path, text: str) -> None:
    file = tmp_path / "empty.jsonl"
    file.write_text(text)
    ended = cli.run("enqueue", str(file), "--json")
    assert (ended.status, ended.err, ended.json["accepted"]) == (0, "", 0)


def test_blank_lines_are_passed_over_but_counted(cli: Cli) -> None:
    """The number told is the line's in the file; Windows line ends and a missing last line end do no harm."""
    text = "\r\n\r\n" + as_lines([sample("90004", 1)]).strip() + "\r\n\r\n{bad\r\n" + json.dumps(sample("90004", 2))
    ended = cli.run("enqueue", "-", given=text)
    assert ended.status == 1
    assert ended.err.startswith("line 5: ")
    assert "2 accepted, 1 refused" in ended.out


@pytest.mark.parametrize("arguments", [["missing.jsonl"], ["."], [], ["-", "--fast"]])
def test_wrong_usage_ends_with_two(cli: Cli, arguments: list[str]) -> None:
    ended = cli.run("enqueue", *arguments)
    assert (ended.status, ended.out) == (2, "")
    readable(ended)


def test_an_event_without_id_and_time_is_given_both_once(cli: Cli) -> None:
    """And an `id` that differs from the event's own is refused."""
    event = {"eventType": "conversion"}
    line = {"destination": "event-api", "account": "90005", "event": event}
    other = {**line, "event": {**event, "clientEventId": "one"}, "id": "another"}
    ended = cli.run("enqueue", "-", "--json", given=as_lines([line, {**line, "id": "chosen"}, other]))
    assert (ended.json["accepted"], ended.json["refused"]) == (2, 1)
    assert ended.err.startswith("line 3: id: ")
