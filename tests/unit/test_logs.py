"""Log lines stay lines of one form, and hold no login and no address, whoever wrote them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from worker.logs import escaped
from worker.masking import masked

PROGRAM = """
import io, json, logging, sys, warnings
import structlog
from worker import logs

class Recorder(io.StringIO):
    writes = []
    def write(self, text):
        self.writes.append(text)
        return len(text)
    def isatty(self):
        return sys.argv[2] == "terminal"

sys.__stderr__ = Recorder()
logs.configure("INFO", sys.argv[1])
structlog.get_logger("forwarder.delivery").info("attempt", batch="1-a")
logging.getLogger("celery").warning("ready")
logging.getLogger("uvicorn.access").info("GET /events?id=hidden")
warnings.warn("old")
try:
    event = {"name": "in a variable"}
    raise ValueError("of jane@private.example")
except ValueError:
    structlog.get_logger().exception("broke", url="redis://shop:p@ss@host:6379/0")
print(json.dumps(Recorder.writes))
"""


def written(form: str, target: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", PROGRAM, form, target], capture_output=True, text=True, check=True)
    writes: list[str] = json.loads(done.stdout)
    return writes


@pytest.mark.parametrize(("form", "target"), [("json", "terminal"), ("auto", "file")])
def test_a_line_is_one_write_of_json(form: str, target: str) -> None:
    """Where Python does not buffer, as in a container, another process could come between a line and its end."""
    writes = written(form, target)
    records = [json.loads(text) for text in writes]
    assert [record["event"] for record in records[:2]] == ["attempt", "ready"]
    assert "old" in records[2]["event"]
    assert all({"event", "level", "timestamp"} <= record.keys() for record in records)
    assert "ValueError" in records[3]["exception"]
    assert all(text.endswith("\n") and text.count("\n") == 1 for text in writes)


@pytest.mark.parametrize(("form", "target"), [("console", "file"), ("auto", "terminal")])
def test_in_a_terminal_they_are_readable(form: str, target: str) -> None:
    writes = written(form, target)
    assert "attempt" in writes[0]
    with pytest.raises(ValueError, match="Expecting value"):
        json.loads(writes[0])
    assert "Traceback" in writes[3]


@pytest.mark.parametrize("form", ["json", "console"])
def test_neither_form_shows_a_login_an_address_a_variable_or_a_query(form: str) -> None:
    text = "".join(written(form, "file"))
    assert not [word for word in ("p@ss", "jane", "private.example", "in a variable", "hidden") if word in text]
    assert "host:6379" in text


@pytest.mark.parametrize(
    ("line", "kept"),
    [
        ("amqp://shop:pa:ss@broker:5672//", "amqp://***@broker:5672//"),
        ("to jane.doe+x@mail.example.com, twice", "to ***, twice"),
        ("worker1@shop-3.example.com ready", "worker1@shop-3.example.com ready"),
        ("worker1@shop-3 ready", "worker1@shop-3 ready"),
        ("redis://127.0.0.1:6379/0", "redis://127.0.0.1:6379/0"),
    ],
)
def test_the_last_look_takes_out_logins_and_addresses_alone(line: str, kept: str) -> None:
    assert masked(line, "shop-3.example.com") == kept


def test_what_cannot_be_seen_is_spelled_in_json_and_the_line_means_the_same() -> None:
    """A log is read in terminals, which such characters steer."""
    text = "a\x7f\x9b31m\u202egnp.exe\u2066\u200b\U000e0041\ud800 Grüße 東京 👍"
    line = escaped(json.dumps({"event": text}, ensure_ascii=False))
    assert line.isprintable()
    assert json.loads(line) == {"event": text}
    assert "Grüße 東京 👍" in line


def test_every_line_of_json_is_spelled_so() -> None:
    log = r'logs.configure("INFO", "json"); logging.warning("a\u202eb"); structlog.get_logger().info("a\u202eb")'
    program = f"import logging, structlog; from worker import logs; {log}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stderr.count(r"a\u202eb") == 2


SAID_BOTH_WAYS = """
import sys, structlog
from worker import logs

log = structlog.get_logger("forwarder.delivery")
trace = "a\\u202eb to jane@example.com"
fields = {"batch": "1-a", "trace_id": trace, "codes": ["X", "\\ud800"], "status": None, "seconds": 0.1}
logs.configure(*sys.argv[1:])
for level in ("info", "warning"):
    getattr(log, level)("attempt", **fields)
    logs.say_often(log, level, "attempt", fields)
"""


@pytest.mark.parametrize("form", ["json", "console"])
@pytest.mark.parametrize(("level", "lines"), [("DEBUG", 4), ("INFO", 4), ("WARNING", 2), ("ERROR", 0)])
def test_what_is_said_often_is_the_line_that_structlog_writes(form: str, level: str, lines: int) -> None:
    program = [sys.executable, "-c", SAID_BOTH_WAYS, level, form]
    done = subprocess.run(program, capture_output=True, text=True, check=True, env={"PYTHONIOENCODING": "utf-8"})
    said = [re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", "(now)", line) for line in done.stderr.splitlines()]
    assert len(said) == lines
    assert said[0::2] == said[1::2]
    assert all("(now)" in line and "***" in line and "jane" not in line for line in said)
