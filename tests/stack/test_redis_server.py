import os
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from redis import Redis

from worker.stack import DataDirBusyError, EmbeddedRedis, StackError, StartError, free_port, redis_server
from worker.stack.redis_answer import Answer, ask

from .helpers import alive, eventually, python


def client(server: EmbeddedRedis) -> Redis:
    return Redis.from_url(server.url, decode_responses=True)


def test_it_is_ready_durable_evicts_nothing_and_is_local(server: Path, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path / "data", server=server, maxmemory="64mb") as running, client(running) as redis:
        assert redis.ping()
        names = ["appendonly", "appendfsync", "save", "maxmemory-policy", "maxmemory", "bind", "protected-mode"]
        assert [redis.config_get(name)[name] for name in names] == [
            *("yes", "everysec", "", "noeviction", str(64 * 1024 * 1024), "127.0.0.1", "yes"),
        ]
        assert redis.info("server")["process_id"] == running.pid
        assert os.getsid(running.pid) == running.pid
        assert stat.S_IMODE((tmp_path / "data").stat().st_mode) == 0o700
    assert not alive(running.pid)


def test_data_survives_a_kill(server: Path, tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path, appendfsync="always", server=server) as running:
        url = running.url
        for number in range(200):
            client(running).rpush("events", number)
        running.kill()
        assert not running.running
        running.restart()
        assert running.url == url
        assert client(running).llen("events") == 200


def test_restart_of_a_running_server_keeps_port_and_data(redis: EmbeddedRedis) -> None:
    client(redis).set("a", "1")
    url, pid = redis.url, redis.pid
    redis.restart()
    assert (redis.url, client(redis).get("a")) == (url, "1")
    assert redis.pid != pid


def test_data_survives_stop_and_a_new_instance(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        client(first).set("a", "1")
    with EmbeddedRedis(tmp_path) as second:
        assert client(second).get("a") == "1"


def test_a_second_instance_on_the_same_data_is_refused_in_words(redis: EmbeddedRedis) -> None:
    with pytest.raises(DataDirBusyError, match=f"used by another embedded Redis .started by pid {os.getpid()}"):
        EmbeddedRedis(redis.data_dir, lock_patience=0).start()
    assert client(redis).ping()


def test_the_data_stay_ours_between_kill_and_restart(redis: EmbeddedRedis) -> None:
    redis.kill()
    with pytest.raises(DataDirBusyError):
        EmbeddedRedis(redis.data_dir, lock_patience=0).start()


def test_a_lost_race_for_a_port_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    free = free_port
    with EmbeddedRedis(tmp_path / "winner") as winner:
        answers = iter([winner.port, winner.port])
        monkeypatch.setattr(redis_server, "free_port", lambda: next(answers, None) or free())
        with EmbeddedRedis(tmp_path / "loser") as loser:
            assert loser.port != winner.port
            assert client(loser).info("server")["process_id"] == loser.pid


def test_a_given_port_that_is_taken_is_said(tmp_path: Path, redis: EmbeddedRedis) -> None:
    with pytest.raises(StartError, match="in use"):
        EmbeddedRedis(tmp_path / "other", port=redis.port).start()
    with EmbeddedRedis(tmp_path / "other"):  # the failed start gave the directory back
        pass


def test_an_early_end_quotes_the_log(server: Path, tmp_path: Path) -> None:
    with pytest.raises(StartError, match=r"(?s)Redis ended with status 1; its last lines:.*not-a-directive"):
        EmbeddedRedis(tmp_path, options={"not-a-directive": "1"}, server=server).start()


def test_broken_data_is_said_with_the_servers_own_words(tmp_path: Path) -> None:
    with EmbeddedRedis(tmp_path) as first:
        client(first).set("a", "1")
    next((tmp_path / "appendonlydir").glob("*.incr.aof")).write_bytes(b"*1\r\n$x\r\nbroken, and not at the end\r\n" * 9)
    with pytest.raises(StartError, match="reading the append only file"):
        EmbeddedRedis(tmp_path).start()


def test_a_locale_that_is_not_installed_does_no_harm(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LC_ALL", "xx_XX.UTF-8")
    with EmbeddedRedis(tmp_path / "with space é") as running:
        assert client(running).ping()


def test_a_silent_server_is_given_up(tmp_path: Path) -> None:
    mute = tmp_path / "mute"
    mute.write_text("#!/bin/sh\nexec sleep 60\n")
    mute.chmod(0o755)
    redis = EmbeddedRedis(tmp_path / "data", server=mute, start_timeout=0.2)
    with pytest.raises(StartError, match="not get ready in time"):
        redis.start()
    assert not redis.running


def test_loading_is_not_ready_and_another_server_is_not_ours(redis: EmbeddedRedis) -> None:
    assert ask(redis.port, redis.pid) is Answer.READY
    assert ask(redis.port, redis.pid + 1) is Answer.SILENCE
    with socket.create_server(("127.0.0.1", 0)) as listener:
        answering = threading.Thread(target=answer_once, args=(listener, b"process_id:7", b"-LOADING reading\r\n"))
        answering.start()
        assert ask(listener.getsockname()[1], 7) is Answer.LOADING
        answering.join(5)


def answer_once(listener: socket.socket, info: bytes, ping: bytes) -> None:
    connection, _ = listener.accept()
    with connection:
        connection.recv(100)
        body = b"# Server\r\n" + info + b"\r\n"
        connection.sendall(b"$%d\r\n%s\r\n%s" % (len(body), body, ping))


def fill(redis: Redis, keys: int) -> None:
    redis.mset({f"key:{number}": number for number in range(keys)})


def test_start_waits_while_the_data_are_read(tmp_path: Path) -> None:
    """The bound for silence does not apply to a server that says it is loading."""
    with EmbeddedRedis(tmp_path) as redis:
        fill(client(redis), 20_000)
        client(redis).bgrewriteaof()
        assert eventually(lambda: not client(redis).info("persistence")["aof_rewrite_in_progress"])
    slow = {"key-load-delay": "50", "loading-process-events-interval-bytes": "1024"}
    with EmbeddedRedis(tmp_path, options=slow, start_timeout=0.5) as redis:
        assert client(redis).dbsize() == 20000
        assert client(redis).info("persistence")["loading"] == 0


def test_before_start_there_is_nothing_to_ask(tmp_path: Path) -> None:
    redis = EmbeddedRedis(tmp_path)
    redis.stop()
    assert not redis.running
    for ask_for in ("url", "pid"):
        with pytest.raises(StackError, match="was not started"):
            getattr(redis, ask_for)


PARENT = """
import sys, threading, time
from pathlib import Path
from worker.stack import EmbeddedRedis
redis = EmbeddedRedis(Path(sys.argv[1]))
{start}
print(redis.pid, redis.port)
{then}
"""
IN_MAIN_THREAD = "redis.start()"
IN_A_THREAD_THAT_ENDS = "thread = threading.Thread(target=redis.start); thread.start(); thread.join()"


def parent(data: Path, start: str, then: str = "time.sleep(60)") -> "subprocess.Popen[str]":
    code = PARENT.format(start=start, then=then)
    return subprocess.Popen([sys.executable, "-u", "-c", code, str(data)], stdout=subprocess.PIPE, text=True)


def said(process: "subprocess.Popen[str]") -> list[int]:
    assert process.stdout is not None
    return [int(word) for word in process.stdout.readline().split()]


@pytest.mark.parametrize("start", [IN_MAIN_THREAD, IN_A_THREAD_THAT_ENDS])
def test_a_killed_parent_leaves_no_server(tmp_path: Path, start: str) -> None:
    """On Linux; also when the thread that started the server is gone."""
    with parent(tmp_path, start) as process:
        pid, port = said(process)
        with Redis(port=port) as redis:
            redis.set("a", "1")
        assert alive(pid)
        process.kill()
    with EmbeddedRedis(tmp_path) as again:  # at once: the lock waits for the old server's last write
        assert not alive(pid)
        assert client(again).get("a") == "1"


def test_a_parent_that_exits_without_stop_leaves_no_server(tmp_path: Path) -> None:
    with parent(tmp_path, IN_MAIN_THREAD, then="sys.exit(0)") as process:
        pid, _ = said(process)
    assert eventually(lambda: not alive(pid))


def test_a_forked_process_does_not_stop_its_parents_server(redis: EmbeddedRedis) -> None:
    in_child(redis.stop)
    assert client(redis).ping()
    with pytest.raises(DataDirBusyError):
        EmbeddedRedis(redis.data_dir, lock_patience=0).start()


def in_child(action: Callable[[], object]) -> None:
    child = os.fork()
    if child == 0:
        try:
            action()
        finally:
            os._exit(0)
    os.waitpid(child, 0)


def test_a_server_that_was_killed_from_outside_tells_how_it_ended(redis: EmbeddedRedis) -> None:
    os.kill(redis.pid, signal.SIGKILL)
    assert eventually(lambda: not redis.running)
    assert "Redis was ended by SIGKILL; its last lines:" in redis.ending()


def test_the_lock_is_kept_by_an_unstopped_servers_copy(tmp_path: Path) -> None:
    """A parent that is gone while its server still writes: the next instance waits, then is refused."""
    code = "import fcntl, time; f = open({!r}, 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(1); time.sleep(60)"
    other = python("other", code.format(str(tmp_path / "server.lock"))).start()
    other.first_line(10)
    with pytest.raises(DataDirBusyError):
        EmbeddedRedis(tmp_path, lock_patience=0.1).start()
    other.kill()
