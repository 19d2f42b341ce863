"""Programs of the tests that need not import everything anew: they are forked from a server that has done so.

One server a process of the tests, started at the first need. It has imported libraries, and of ours what is the same in
whichever program; a program then runs with an environment, a folder, arguments and files of its own.
"""

from __future__ import annotations

import atexit
import multiprocessing
import os
import sys
import threading
import traceback
from collections.abc import Callable, Mapping, Sequence

PRELOADED = [
    "typer._adapters",
    "rich.console",
    "rich.progress",
    "rich.table",
    "structlog",
    "httpx",
    "redis.asyncio",
    "celery.bin.celery",
    "celery.bin.worker",
    "celery.apps.worker",
    "celery.concurrency.prefork",
    "celery.worker.consumer.connection",
    "kombu.transport.redis",
    "cryptography.fernet",
    "starlette.applications",
    "starlette.routing",
    "uvicorn.protocols.http.httptools_impl",
    "producers.producer",
    "worker.dead_letters",
    "worker.erasure.erasure",
    "worker.intake.broker",
    "worker.stack",
    "worker.operating.status",
    "tests.chaos.kills.driver",
]
SERVER = multiprocessing.get_context("forkserver")
SERVER.set_forkserver_preload(PRELOADED)
_NAMES = ("stdin", "stdout", "stderr")


def become(
    main: Callable[[], object], argv: Sequence[str], env: Mapping[str, str], folder: str, files: Sequence[int]
) -> None:
    """In the new process: it runs `main` on these files for 0, 1 and 2, and ends as an interpreter does."""
    os.environ.clear()
    os.environ.update(env)
    os.chdir(folder)
    sys.argv = list(argv)
    for fd, (name, file) in enumerate(zip(_NAMES, files, strict=True)):
        os.dup2(file, fd)
        stream = open(fd, "r" if fd == 0 else "w", buffering=1 if fd == 2 else -1)  # noqa: SIM115 - as long as it lives
        setattr(sys, name, stream)
        setattr(sys, f"__{name}__", stream)
    os._exit(_ended(main))


def _ended(main: Callable[[], object]) -> int:
    """The status with which an interpreter would have ended."""
    status = 0
    try:
        main()
    except SystemExit as end:
        if isinstance(end.code, str):
            sys.stderr.write(end.code + "\n")
        status = end.code if isinstance(end.code, int) else int(bool(end.code))
    except BaseException:  # noqa: BLE001 - as the interpreter does
        traceback.print_exc()
        status = 1
    threading._shutdown()  # type: ignore[attr-defined]  # noqa: SLF001 - this and the next a forked process leaves out
    atexit._run_exitfuncs()  # noqa: SLF001
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    return status
