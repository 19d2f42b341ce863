"""One parser of Redis URLs for producers, workers and Celery's broker; its errors name the fault and no password."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kombu import Connection

from producers.connection.shared_pools import shared_pool
from producers.errors import ConfigurationError
from producers.redis_url import Login, fingerprint, parse_redis_url, secret_free
from worker.broker.broker import broker

VERIFIED = {"ssl_cert_reqs": "required", "ssl_check_hostname": True}


@pytest.mark.parametrize(
    ("url", "options", "place"),
    [
        ("redis://", {"db": 0, "username": None, "password": None}, {"host": "localhost", "port": 6379}),
        ("redis://h:1/2", {"db": 2, "username": None, "password": None}, {"host": "h", "port": 1}),
        ("redis://[::1]:7/0?db=3", {"db": 3, "username": None, "password": None}, {"host": "::1", "port": 7}),
        ("redis://:p%40w@h", {"db": 0, "username": None, "password": "p@w"}, {"host": "h", "port": 6379}),
        ("redis://shop:pw@h/1", {"db": 1, "username": "shop", "password": "pw"}, {"host": "h", "port": 6379}),
        ("unix://u:pw@/run/r.sock?db=4", {"db": 4, "username": "u", "password": "pw"}, {"path": "/run/r.sock"}),
        ("rediss://h", {"db": 0, "username": None, "password": None, **VERIFIED}, {"host": "h", "port": 6379}),
    ],
)
def test_a_url_is_read_as_redis_py_reads_it(url: str, options: dict[str, Any], place: dict[str, Any]) -> None:
    address = parse_redis_url(url)
    assert (address.options, address.place) == (options, place)


def test_tls_is_verified_unless_the_url_says_otherwise() -> None:
    url = "rediss://h?ssl_ca_certs=/ca&ssl_certfile=/c&ssl_keyfile=/k&ssl_check_hostname=false"
    files = {"ssl_ca_certs": "/ca", "ssl_certfile": "/c", "ssl_keyfile": "/k"}
    assert parse_redis_url(url).tls == {**VERIFIED, **files, "ssl_check_hostname": False}
    assert parse_redis_url("rediss://h?ssl_cert_reqs=CERT_NONE").tls == {
        "ssl_cert_reqs": "none",
        "ssl_check_hostname": False,
    }
    assert parse_redis_url("redis://h").tls is None


def test_sentinels_have_a_login_of_their_own_and_share_the_encryption() -> None:
    url = "sentinel://u:p@a,b:2,[::1]:3/5?master=m&sentinel_username=su&sentinel_password=s%40p&ssl=true"
    address = parse_redis_url(url)
    assert address.hosts == (("a", 26379), ("b", 2), ("::1", 3))
    assert (address.master, address.db, address.place) == ("m", 5, {})
    assert (address.login, address.sentinel_login) == (Login("u", "p"), Login("su", "s@p"))
    assert address.tls == VERIFIED
    assert parse_redis_url("sentinel://a?master=m&ssl=false").tls is None


@given(st.text(min_size=1), st.text(min_size=1))
def test_any_user_and_password_survive_the_way_into_a_url_and_into_kombus(user: str, password: str) -> None:
    login = f"{quote(user, safe='', errors='surrogatepass')}:{quote(password, safe='', errors='surrogatepass')}"
    if any("\ud800" <= letter <= "\udfff" for letter in user + password):
        return  # no text that can be sent
    assert parse_redis_url(f"redis://{login}@h").login == Login(user, password)
    told = Connection(broker(f"redis://{login}@h").hostname)
    assert (told.userid, told.password) == (user, password)


FAULTS = [
    ("rubbish", "redis://, rediss://, unix:// or sentinel://"),
    ("http://:hidden@h", "redis://, rediss://, unix:// or sentinel://"),
    ("redis://:hidden@h:port", "port"),
    ("redis://:hidden@h:99999999/0", "port"),
    ("redis://:hidden@h:0", "port"),
    ("redis://:hidden@a,b", "only sentinel://"),
    ("redis://:hidden@h/zero", "database"),
    ("redis://:hidden@h/-1", "database"),
    ("redis://:hidden@h?password=hidden", "'password'"),
    ("redis://:hidden@h?ssl_ca_certs=/ca", "'ssl_ca_certs'"),
    ("redis://:hid#den@h", "%23"),
    ("redis://:hidden@[h", "host"),
    ("redis://:hidden\u2100@h", "host"),
    ("rediss://:hidden@h?ssl_cert_reqs=perhaps", "ssl_cert_reqs"),
    ("rediss://:hidden@h?ssl_check_hostname=perhaps", "ssl_check_hostname"),
    ("rediss://:hidden@h?ssl_keyfile=a&ssl_keyfile=b", "twice"),
    ("sentinel://:hidden@a:1", "master=NAME"),
    ("sentinel://:hidden@a:1,?master=m", "host is missing"),
    ("sentinel://a:1?master=m&sentinel_password=hidden&ssl=perhaps", "ssl is neither"),
    ("sentinel://a:1?master=m&sentinel_password=hidden&ssl_ca_certs=/ca", "ssl=true"),
    ("unix://:hidden@relative/path", "unix:///path"),
    ("unix://", "unix:///path"),
]


@pytest.mark.parametrize(("url", "fault"), FAULTS)
def test_a_faulty_url_is_told_by_variable_and_fault_without_its_password(url: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        parse_redis_url(url)
    assert str(caught.value).startswith("FORWARDER_REDIS_URL: ")
    assert fault in str(caught.value)
    assert "hid" not in str(caught.value)


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("sentinel://u:pw@a,b/0?master=m&sentinel_password=pw", "sentinel://…@a,b/0"),
        ("sentinel://a?sentinel_password=p@w", "sentinel://…"),
        ("redis://:p?w@h/0", "redis://…"),
    ],
)
def test_what_is_shown_of_a_url_holds_no_parameter(url: str, shown: str) -> None:
    assert secret_free(url) == shown


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match=r"FORWARDER_REDIS_URL: ssl_ca_certs: there is no .*ca\.pem"):
        shared_pool(f"rediss://h?ssl_ca_certs={tmp_path}/ca.pem")


def told(url: str, **options: Any) -> Any:
    """What kombu makes of it: its connection, and the parameters of its connections to Redis."""
    return Connection(**broker(url, **options)._asdict())


def test_the_broker_over_tls_is_verified_too() -> None:
    """kombu takes a rediss:// URL without options for one that need not be verified."""
    connection = told("rediss://u:p@h:1/2?ssl_ca_certs=/ca")
    assert (connection.hostname, connection.port, connection.virtual_host) == ("h", 1, "2")
    assert connection.ssl == {"ssl_cert_reqs": ssl.CERT_REQUIRED, "ssl_check_hostname": True, "ssl_ca_certs": "/ca"}


def test_the_broker_of_sentinels_is_spelled_as_kombu_wants_it() -> None:
    connection = told("sentinel://u:p@a,b:2/5?master=m&sentinel_password=sp&ssl=true", visibility_timeout=7)
    assert connection.alt == ["sentinel://u:p@a:26379/5", "sentinel://u:p@b:2/5"]
    options = connection.transport_options
    assert (options["master_name"], options["visibility_timeout"]) == ("m", 7)
    assert options["sentinel_kwargs"]["password"] == "sp"
    assert options["sentinel_kwargs"]["ssl"] is True
    assert connection.ssl["ssl_cert_reqs"] == ssl.CERT_REQUIRED


def test_the_broker_may_be_another_one_and_is_left_as_it_is() -> None:
    """Or a Redis in kombu's own spelling."""
    assert broker("amqp://u:p@h//", visibility_timeout=7) == ("amqp://u:p@h//", {"confirm_publish": True}, False)
    theirs = "sentinel://a:1;sentinel://b:2"
    assert broker(theirs, visibility_timeout=7).hostname == theirs


def test_a_faulty_broker_url_names_its_own_variable() -> None:
    with pytest.raises(ConfigurationError, match="FORWARDER_BROKER_URL"):
        broker("rediss://h?ssl_cert_reqs=x")


def test_a_broker_on_a_socket_is_reached() -> None:
    connection = told("unix://u:p@/run/r.sock?db=3")
    assert connection.as_uri() == "redis+socket://u:**@/run/r.sock"
    assert "run/r.sock?virtual_host=3" in connection.hostname


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("redis://h", "rediss://u:p@H:6379/0?ssl_ca_certs=/ca", True),
        ("redis://h/0", "redis://h/1", False),
        ("redis://h", "redis://h:6380", False),
        ("unix:///a", "unix:///b", False),
        ("sentinel://a,b?master=m", "sentinel://:p@b,a?master=m&sentinel_password=s", True),
        ("sentinel://a?master=m", "sentinel://a?master=n", False),
    ],
)
def test_a_fingerprint_is_of_the_place_and_not_of_the_way_there(one: str, other: str, same: bool) -> None:
    assert (fingerprint(parse_redis_url(one)) == fingerprint(parse_redis_url(other))) is same
