"""httpx reads the machine's certificates for every transport, some thirty milliseconds long; here once a process."""

from __future__ import annotations

from contextlib import AbstractContextManager
from functools import cache
from typing import Any
from unittest.mock import patch

import httpx

_context = cache(httpx.create_ssl_context)


def read_once() -> AbstractContextManager[Any]:
    """In this process, and in those that are forked from it: but for the tests of TLS, none is over it."""
    _context(verify=True, cert=None, trust_env=True)
    return patch("httpx._transports.default.create_ssl_context", _context)


def read_anew() -> AbstractContextManager[Any]:
    """For tests of TLS: as the environment says in the moment."""
    return patch("httpx._transports.default.create_ssl_context", httpx.create_ssl_context)
