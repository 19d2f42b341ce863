"""A tiny program that ties its life to its parent's and then becomes the program it was asked to start.

Run by path (Linux): ``python -I -S tether.py PARENT_PID SIGNAL LC_CTYPE PROGRAM ARGV...``. It keeps its process id,
since it replaces itself. A program between is used, and not ``preexec_fn``, because Python code after a fork can
deadlock when the parent has threads.
"""

import ctypes
import os
import signal
import sys

PR_SET_PDEATHSIG = 1
INHERITED_FROM_PYTHON = (signal.SIGPIPE, signal.SIGXFSZ)  # Python ignores them, and an exec would pass that on


def main(parent: int, death_signal: int, locale: str, program: str, argv: list[str]) -> None:
    """Ask the kernel for `death_signal` when the parent ends, then replace this process by `program`."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, death_signal, 0, 0, 0)
    if os.getppid() != parent:  # it ended before the kernel knew our wish
        sys.exit("the parent ended before the program was started")
    for number in INHERITED_FROM_PYTHON:
        signal.signal(number, signal.SIG_DFL)
    _restore_locale(locale)
    os.execv(program, argv)  # noqa: S606 - no shell is wanted; the caller chose the program


def _restore_locale(value: str) -> None:
    """In the C locale Python sets LC_CTYPE, which the program would inherit."""
    os.environ.pop("LC_CTYPE", None)
    if value:
        os.environ["LC_CTYPE"] = value


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4], sys.argv[5:])
