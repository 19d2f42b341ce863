"""`python -m worker.sandbox`: see `--help`. Exit status: 0 stopped by a signal, 1 no address, 2 wrong usage."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

from .api import Json
from .app import DEFAULT_MAX_AUDIENCE_BODY_BYTES, DEFAULT_MAX_BODY_BYTES
from .credentials import InvalidCredentials
from .fault_rules import InvalidRules
from .json_body import NotJson, parse
from .server import serve


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m worker.sandbox", description="A stand-in for Rokt's APIs.")
    parser.add_argument("--host", default="127.0.0.1", metavar="H")
    parser.add_argument(
        "--port", type=_whole(65_535), default=0, metavar="N", help="0 (default): a free one, told on standard output"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="S", help="of the faults' draws")
    parser.add_argument("--faults", type=Path, metavar="FILE", help="a JSON list of fault rules")
    parser.add_argument("--credentials", type=Path, metavar="FILE", help="JSON: accounts with their keys")
    parser.add_argument(
        "--max-body-bytes", type=_whole(2**40), default=DEFAULT_MAX_BODY_BYTES, metavar="N", help="above: 413"
    )
    parser.add_argument(
        "--max-audience-body-bytes",
        type=_whole(2**40),
        default=DEFAULT_MAX_AUDIENCE_BODY_BYTES,
        metavar="N",
        help="the same for the Custom Audience API",
    )
    options = parser.parse_args()
    try:
        asyncio.run(_serve(options))
    except (_BadFile, InvalidRules, InvalidCredentials) as error:
        parser.error(str(error))
    except OSError as error:
        sys.stderr.write(f"cannot listen on {options.host} port {options.port}: {error}\n")
        return 1
    return 0


def _whole(maximum: int) -> Callable[[str], int]:
    def number(text: str) -> int:
        if not 0 <= int(text) <= maximum:
            raise ValueError
        return int(text)

    return number


class _BadFile(ValueError):
    pass


async def _serve(options: argparse.Namespace) -> None:
    await serve(
        host=options.host,
        port=options.port,
        seed=options.seed,
        faults=_json(options.faults),
        credentials=_json(options.credentials),
        max_body_bytes=options.max_body_bytes,
        max_audience_body_bytes=options.max_audience_body_bytes,
    )


def _json(path: Path | None) -> Json:
    try:
        return None if path is None else parse(path.read_bytes())
    except (OSError, NotJson) as error:
        raise _BadFile(f"{path}: {error}") from error


if __name__ == "__main__":
    sys.exit(main())
