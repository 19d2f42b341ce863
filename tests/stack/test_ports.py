import time

import pytest

from worker.stack import StackError, StartError, free_port, wait_http
from worker.stack.ports import is_free

from .helpers import python

WEB = """
import http.server, socket, sys, time
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(404 if self.path == '/gone?x=1' else 200); self.end_headers()
http.server.HTTPServer(('127.0.0.1', {port}), Handler).serve_forever()
"""


def test_free_ports_differ_and_lie_below_the_ports_of_outgoing_connections() -> None:
    ports = [free_port() for _ in range(50)]
    assert len(set(ports)) == 50
    assert all(16384 <= port < 32768 and is_free(port) for port in ports)


def test_a_url_is_waited_for_until_it_answers_with_any_status() -> None:
    port = free_port()
    web = python("web", WEB.format(port=port)).start()
    assert wait_http(f"http://127.0.0.1:{port}", 10, web) == 200
    assert wait_http(f"http://127.0.0.1:{port}/gone?x=1", 10) == 404
    assert not is_free(port)
    web.stop()


def test_waiting_is_bounded() -> None:
    began = time.monotonic()
    with pytest.raises(StartError, match=r"did not answer within 0\.2 s"):
        wait_http(f"http://127.0.0.1:{free_port()}/", 0.2)
    assert time.monotonic() - began < 5


def test_waiting_ends_with_the_program_behind_the_url() -> None:
    child = python("web", "raise SystemExit('port is taken')").start()
    with pytest.raises(StartError, match="will not answer: web ended with status 1; its last lines:\nport is taken"):
        wait_http(f"http://127.0.0.1:{free_port()}/", 30, child)


def test_only_plain_http_is_polled() -> None:
    with pytest.raises(StackError, match="only http://"):
        wait_http("https://api.example.com/", 1)
