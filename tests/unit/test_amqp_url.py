"""The URL of RabbitMQ is understood as kombu does, refused in plain words, and its password is never shown."""

from __future__ import annotations

import ssl

import pytest

from producers.errors import ConfigurationError
from worker.broker.amqp_url import parse_amqp_url
from worker.broker.broker import broker
from worker.broker.connection import BrokerConnection
from worker.settings import load_settings

VERIFIED = {"cert_reqs": ssl.CERT_REQUIRED, "server_hostname": None}
SECRET = "hunter2"


@pytest.mark.parametrize(
    ("url", "host", "port", "vhost"),
    [
        ("amqp://u:p%40%2F@rabbit", "rabbit", None, "/"),
        ("amqp://u:p%40%2F@rabbit:5673/", "rabbit", 5673, "/"),
        ("amqp://u:p%40%2F@rabbit:5673//", "rabbit", 5673, "/"),
        ("amqp://u:p%40%2F@rabbit:5673/%2F", "rabbit", 5673, "/"),
        ("amqp://u:p%40%2F@[::1]:5673/shop", "::1", 5673, "shop"),
        ("amqps://u:p%40%2F@rabbit/shop?ssl_ca_certs=/ca.pem", "rabbit", None, "shop"),
    ],
)
def test_kombu_is_told_where_it_is(url: str, host: str, port: int | None, vhost: str) -> None:
    connection = BrokerConnection(**broker(url)._asdict())
    found = (connection.hostname, connection.port, connection.virtual_host, connection.userid, connection.password)
    assert found == (host, port, vhost, "u", "p@/")
    assert connection.transport_options == {"confirm_publish": True}


def test_the_nodes_of_a_cluster_are_tried_one_after_the_other() -> None:
    assert parse_amqp_url("amqp://a/v;amqp://b/v") == ("amqp://a/v;amqp://b/v", None)


@pytest.mark.parametrize(
    ("parameters", "tls"),
    [
        ("", VERIFIED),
        (
            "?ssl_ca_certs=/ca.pem&ssl_certfile=/c&ssl_keyfile=/k",
            VERIFIED | {"ca_certs": "/ca.pem", "certfile": "/c", "keyfile": "/k"},
        ),
        ("?ssl_check_hostname=false", {"cert_reqs": ssl.CERT_REQUIRED}),
        ("?ssl_cert_reqs=none", {"cert_reqs": ssl.CERT_NONE}),
    ],
)
def test_tls_is_verified_unless_the_url_says_otherwise(parameters: str, tls: object) -> None:
    assert parse_amqp_url(f"amqps://rabbit/{parameters}").tls == tls


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        (f"amqp://u:{SECRET}@host:port/", "its port is no number"),
        (f"amqp://u:{SECRET}@host:99999/", "its port is no number"),
        (f"amqp://u:{SECRET}@/", "its host is missing"),
        (f"amqp://u:{SECRET}/more@host/", "must be written %2F"),
        (f"amqp://u:{SECRET};{SECRET}@host/", "a ; in it must be written %3B"),
        (f"amqp://u:{SECRET}@[::1/", "its host cannot be read"),
        (f"amqp://u:{SECRET}#@host/", "a # in it must be written %23"),
        (f"amqp://u:{SECRET}@host/a/b", "must be written %2F"),
        (f"amqp://u:{SECRET}@host/?heartbeat=5", "knows no parameter 'heartbeat'"),
        (f"amqp://u:{SECRET}@host/?ssl_ca_certs=/ca.pem", "knows no parameter 'ssl_ca_certs'"),
        (f"amqps://u:{SECRET}@host/?ssl_cert_reqs=maybe", "ssl_cert_reqs is none of"),
        (f"amqps://u:{SECRET}@host/?ssl_check_hostname=maybe", "neither true nor false"),
        (f"amqp://u:{SECRET}@a/;amqps://u:{SECRET}@b/", "reached in the same way"),
        (f"amqp://u:{SECRET}@a/;http://u:{SECRET}@b/", "a ; in it must be written %3B"),
    ],
)
def test_what_cannot_be_used_is_told_by_its_variable_and_without_the_password(url: str, fault: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings({"FORWARDER_BROKER_URL": url})
    assert str(caught.value).startswith("FORWARDER_BROKER_URL: ")
    assert fault in str(caught.value)
    assert SECRET not in str(caught.value)


def test_the_variable_that_was_set_is_the_one_that_is_named() -> None:
    with pytest.raises(ConfigurationError, match=r"^CELERY_BROKER_URL: "):
        load_settings({"CELERY_BROKER_URL": "amqp://host:port/"})
