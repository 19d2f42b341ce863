"""An app that is loaded and used before its server forks, as with a preloading gunicorn. Run as a program.

A process with threads may not fork, and the tests' has some: hence one of its own.
"""

from __future__ import annotations

import os

from ops.examples.flask.app import create_app
from tests.web.orders import ORDER

client = create_app().test_client()
client.post("/orders", json=ORDER | {"number": "parent"})
child = os.fork()
if child == 0:
    status = client.post("/orders", json=ORDER | {"number": "child"}).status_code
    os._exit(0 if status == 201 else 1)
assert os.waitpid(child, 0)[1] == 0
client.post("/orders", json=ORDER | {"number": "parent-again"})
