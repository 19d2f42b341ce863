"""`forwarder enqueue FILE.csv`: addresses for `audience`; bad rows are told by their first line, good ones go."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.integration.support import PRIVATE, Cli, Ended, as_lines, sample
from worker.cli.enqueue import CHUNK

HASH = "1753bdb368271a785887ddbfb926164f2f7c6a88f609c07ff0401c5572955206"
HEAD = "account,action,list,email,sha256\n"


def row(number: int, *, account: str = "1", action: str = "include", in_list: str = "US") -> str:
    return f"{account},{action},{in_list},jane.{number}{PRIVATE},\n"


def enqueued(cli: Cli, text: str | bytes, *options: str, accepted: int, refused: Sequence[int] = ()) -> Ended:
    """The outcome, with each refused line told once, in order, and nothing personal in it."""
    file = cli.folder / "addresses.csv"
    file.write_bytes(text.encode() if isinstance(text, str) else text)
    ended = cli.run("enqueue", str(file), "--json", *options)
    assert ended.json == {"accepted": accepted, "duplicates": 0, "refused": len(refused), "failed": 0}, ended.err
    assert ended.status == (1 if refused else 0)
    told = [int(line.split(":")[0].removeprefix("line ")) for line in ended.err.splitlines() if line[:5] == "line "]
    assert told == list(refused), ended.err
    assert PRIVATE not in ended.err
    assert HASH not in ended.err
    return ended


def in_audience(cli: Cli) -> int:
    counts = cli.done("status", "--json").json["audience"]
    return int(counts["accepted"])


def test_rows_become_events_of_audience(cli: Cli) -> None:
    enqueued(cli, HEAD + row(1) + f"2,exclude,,,{HASH}\n", accepted=2)
    assert in_audience(cli) == 2


def test_each_bad_row_is_told_by_its_line_and_the_good_ones_go(cli: Cli) -> None:
    bad = [
        f"1,include,US,jane{PRIVATE},{HASH}",
        "1,include,US,,",
        f",include,US,jane{PRIVATE},",
        f"1,,US,jane{PRIVATE},",
        f"1,jane{PRIVATE},US,include,",
        f"jane{PRIVATE},include,US,jane{PRIVATE},",
        "1,include,US,not-an-address,",
        f"1,include,US,,jane{PRIVATE}",
        f"1,include,US,jane{PRIVATE}",
        f"1,include,US,jane{PRIVATE},,",
        f'1,"inc"lude,US,jane{PRIVATE},',
    ]
    ended = enqueued(
        cli, HEAD + row(1) + "".join(f"{each}\n{row(2)}" for each in bad), accepted=12, refused=range(3, 25, 2)
    )
    told = ended.err.splitlines()
    for line, said in zip(
        told,
        [
            "exactly one of email and sha256 must be filled, both are",
            "exactly one of email and sha256 must be filled, none is",
            "account: is empty",
            "action: is empty",
            "action: must be one of include, exclude",
            "account: holds an address; is it in the wrong column?",
            "line 15: email: is not an e-mail address",
            "line 17: sha256: must be 64 hexadecimal digits: it is a plain address",
            "has 4 fields, the header 5",
            "has 6 fields, the header 5",
            "is not CSV",
        ],
        strict=True,
    ):
        assert said in line


def test_columns_in_any_order_and_defaults_for_those_that_are_absent(cli: Cli) -> None:
    text = f"EMAIL , Action\njane{PRIVATE}, exclude \n"
    enqueued(cli, text, "--account", "77", "--list", "US", accepted=1)
    enqueued(cli, f"sha256\n{HASH}\n", "--account", "77", "--action", "include", accepted=1)
    requests = cli.run(
        "enqueue", str(cli.folder / "addresses.csv"), "--account", "77", "--action", "include", "--dry-run"
    )
    assert requests.json["body"] == {"accountId": "77", "action": "include", "sha256": "…"}


def test_a_column_wins_over_its_default_even_where_a_cell_is_empty(cli: Cli) -> None:
    enqueued(cli, f"account,email\n,a{PRIVATE}\n", "--account", "77", "--action", "include", accepted=0, refused=[2])


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_bom_delimiter_and_line_ends(cli: Cli, bom: bytes, delimiter: str, end: str) -> None:
    text = (HEAD + row(1) + "\n" + row(2) + "1,include,US,bad,\n").replace(",", delimiter).replace("\n", end)
    enqueued(cli, bom + text.encode(), accepted=2, refused=[5])


def test_a_quoted_new_line_does_not_upset_the_numbers(cli: Cli) -> None:
    text = (
        f'{HEAD}1,include,"two\nlines, ""quoted""",jane{PRIVATE},\n1,include,US,bad,\n"1\n\n",include,US,bad,\n'
        + row(1)
    )
    enqueued(cli, text + "1,include,US,worse,\n", accepted=2, refused=[4, 5, 9])


def test_a_quote_that_is_never_closed_costs_its_own_row_alone(cli: Cli) -> None:
    stray = f'1,include,"US,jane{PRIVATE},\n'
    few = HEAD + row(1) + stray + row(2) + row(3)
    assert "opens a quote and never closes it" in enqueued(cli, few, accepted=3, refused=[3]).err
    many = HEAD + stray + "".join(row(number) for number in range(300)) + stray + row(1)
    enqueued(cli, many, accepted=301, refused=[2, 303])


def test_rows_that_are_not_utf_8_or_endless_are_told_and_the_others_go(cli: Cli) -> None:
    latin = "1,include,Zürich,jane@example.com,\n".encode("latin-1")
    endless = b"1,include," + b"x" * 3_000_000 + b",a@example.com,\n"
    text = HEAD.encode() + row(1).encode() + latin + row(2).encode() + endless + row(3).encode()
    ended = enqueued(cli, text, accepted=3, refused=[3, 5])
    assert "is not UTF-8, at its byte 12" in ended.err
    assert "is longer than" in ended.err


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"", "is empty; the first line must name the columns: account, action, list, email, sha256"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\n" + HEAD.encode(), "its first line is blank"),
        ("account;action;émail\n".encode("latin-1"), "is not UTF-8"),
        (HEAD.encode("utf-16"), "UTF-16"),
        (b"account,action,e-mail,name\n", "column 'e-mail' is not known (known: account, action, list, email, sha256)"),
        (b"account,action,e-mail,name\n", "column 'name' is not known"),
        (b"account,action,email,\n", "column without a name"),
        (b"account,action,email,Email\n", "column email stands twice"),
        (b"email\n", "there is no column account; add it, or say --account"),
        (b"account,email\n", "there is no column action; add it, or say --action"),
        (b"account,action,list\n", "there is neither a column email nor sha256"),
        (b"jane@example.com\n", "its first line holds an address"),
        (b"account,action,email\r1,include,a@example.com\r", "a carriage return"),
        (b'account,"action,email\n', "opens a quote"),
    ],
)
def test_a_file_without_a_usable_header_is_refused_in_clear_words(cli: Cli, text: bytes, said: str) -> None:
    file = cli.folder / "addresses.csv"
    file.write_bytes(text)
    ended = cli.run("enqueue", str(file), COLUMNS="400")
    assert (ended.status, ended.out) == (2, "")
    assert said in " ".join(ended.err.replace("│", " ").split())
    assert PRIVATE not in ended.err
    assert "Traceback" not in ended.err


def test_a_header_alone_is_told_and_no_failure(cli: Cli) -> None:
    assert enqueued(cli, HEAD, accepted=0).err == "the file holds a header and no rows\n"
    assert enqueued(cli, HEAD.strip(), accepted=0).err == "the file holds a header and no rows\n"


def test_csv_by_option_from_standard_input(cli: Cli) -> None:
    ended = cli.run("enqueue", "-", "--csv", "--json", given=HEAD + row(1))
    assert (ended.status, ended.json["accepted"]) == (0, 1)


@pytest.mark.parametrize("options", [("--account", "1"), ("--list", "US"), ("--csv", "--action", "remove")])
def test_options_that_do_not_fit_are_wrong_usage(cli: Cli, options: tuple[str, ...]) -> None:
    ended = cli.run("enqueue", "-", *options, given=HEAD)
    assert (ended.status, ended.out) == (2, "")


def test_faults_of_json_lines_are_told_in_the_order_of_the_lines(cli: Cli, tmp_path: Path) -> None:
    """Whether a line is no JSON or no event, within a chunk and over its end."""
    good, wrong = as_lines([sample("1", 1)]), as_lines([{**sample("1", 2), "account": ""}])
    file = tmp_path / "lines.jsonl"
    file.write_text(wrong + "{bad\n" + good * CHUNK + "{bad\n" + wrong + "{bad\n")
    ended = cli.run("enqueue", str(file))
    last = CHUNK + 3
    assert [line.split(":")[0] for line in ended.err.splitlines()] == [
        f"line {number}" for number in (1, 2, last, last + 1, last + 2)
    ]
