"""`forwarder check`: whether the credentials are right, and which hosts would be reached."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import msgspec
import typer

from worker.check.findings import AccountFound, Findings
from worker.check.report import examine
from worker.check.services import Service
from worker.cli.context import JsonOption, environment, print_json
from worker.settings import load_settings


def check(as_json: JsonOption = False) -> None:
    """Check the credentials of every account without sending data, and say which hosts would be reached.

    0: all is well; 1: something is wrong, one line a fault. No secret is ever printed.
    """
    environ = environment()
    findings = examine(load_settings(environ), environ)
    if as_json:
        print_json({"ok": not findings.faults, **msgspec.to_builtins(findings)})
    else:
        _print(findings)
    if findings.faults:
        raise typer.Exit(1)


def _print(findings: Findings) -> None:
    for line in words(findings):
        typer.echo(line)
    for fault in findings.faults:
        typer.echo(str(fault), err=True)
    count = len(findings.faults)
    typer.echo(f"{count} fault{'s' * (count > 1)}" if count else "all is well")


def words(findings: Findings) -> Iterator[str]:
    """The findings for people, but for the faults."""
    reached = f"REAL hosts are reached: {', '.join(findings.real_hosts)}"
    yield f"environment: {findings.environment}: {reached if findings.real_hosts else 'no real host is reached'}"
    yield from _hosts(findings.hosts, findings.environment)
    if not findings.credentials_file and any(each.made_up for each in findings.accounts):
        yield "credentials: made up, for any account; the sandbox takes them, no real host does"
    else:
        yield f"credentials: {findings.credentials_file or 'none'}"
    for account in findings.accounts:
        yield from _account(account)
    values = "".join(f", {name} {value}" for name, value in findings.query.values.items())
    yield f"query credentials: {findings.query.source or 'none'}{values}"
    yield f"    {findings.query.result}"


def _hosts(hosts: Mapping[str, str], environment: str) -> Iterator[str]:
    for name, host in hosts.items():
        yield f"  {name:<14} {host or f'none where FORWARDER_ENV is {environment}'}"


def _account(found: AccountFound) -> Iterator[str]:
    yield f"account {found.account}{' (made up)' if found.made_up else ''}"
    for kind in found.kinds:
        yield f"  {kind.kind}: {', '.join(f'{name} {value}' for name, value in kind.values.items())}"
        yield f"    {kind.result}"
    yield from (_service(each) for each in found.destinations)


def _service(service: Service) -> str:
    if service.lacking:
        return f"  {service.destination}: not served, lacks {', '.join(service.lacking)}"
    return f"  {service.destination}: {service.api}, by {service.kind}: {service.url}"
