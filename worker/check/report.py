"""Puts together what `forwarder check` tells. The order: look at the credentials, ask where that is possible, judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

from producers.destinations import DESTINATIONS
from producers.destinations.accounts import AccountCredentials
from producers.errors import ConfigurationError, Fault
from producers.validation import account_faults
from worker.access.credentials import CredentialsFile, SandboxCredentials, load
from worker.broker.check import BrokerAway, check_broker
from worker.check.fields import APP, KINDS, Kind, faults_of, given_fields, shown
from worker.check.findings import AccountFound, FaultFound, Findings, KindFound, QueryFound
from worker.check.hosts import hosts_of, real
from worker.check.query import Asker, asker
from worker.check.services import services_of
from worker.check.trying import Pair, Tried, tried
from worker.settings import Settings

NO_WAY = "not tried: this API has no way to ask without sending data"
SEE_FAULTS = "not tried: see its faults"
ANY = "any"
FILE = "FORWARDER_CREDENTIALS_FILE"


class Known(NamedTuple):
    """All that the findings are made of."""

    settings: Settings
    file: CredentialsFile
    unusable: list[FaultFound]
    who: Asker
    answers: Mapping[Pair, Tried]
    person: Tried | None


def examine(settings: Settings, environ: Mapping[str, str]) -> Findings:
    """Looks at everything, asks where no data is sent by asking. Raises nothing for what is wrong with the file."""
    hosts = hosts_of(settings, environ)
    try:
        file, unusable = _file(settings, environ), []
    except ConfigurationError as error:
        field, _, fault = str(error).partition(": ")
        file, unusable = CredentialsFile(), [FaultFound("", field, fault)]
    who = Asker(why_not=SEE_FAULTS) if unusable else asker(file.query, environ)
    timeout_s = settings.delivery["event-api"].http_timeout_s
    answers, person = asyncio.run(
        tried(_askable(file, settings), settings.auth_host, timeout_s, who.around, settings.worker.http_transport)
    )
    return _findings(Known(settings, file, unusable, who, answers, person), hosts)


def _findings(known: Known, hosts: Mapping[str, str]) -> Findings:
    settings, made_up = known.settings, _made_up(known.settings)
    accounts = sorted(known.file.accounts.items())
    return Findings(
        environment=settings.worker.env,
        real_hosts=real(hosts.values()),
        hosts=hosts,
        credentials_file=settings.worker.credentials_file,
        accounts=[_any_account(settings)] if made_up else [_account(known, *each) for each in accounts],
        query=QueryFound(known.who.source, known.who.shown, _query_result(known)),
        faults=[
            *known.unusable,
            *_broker_faults(settings.broker_url),
            *(_sent_to_real(hosts) if made_up else ()),
            *(fault for each in accounts for fault in _faults(known, *each)),
            *_query_faults(known),
        ],
    )


def _file(settings: Settings, environ: Mapping[str, str]) -> CredentialsFile:
    if settings.worker.credentials_file:
        return load(Path(settings.worker.credentials_file), environ)
    if _made_up(settings):
        return CredentialsFile()
    raise ConfigurationError(f"{FILE}: must be set where FORWARDER_ENV is {settings.worker.env}")


def _made_up(settings: Settings) -> bool:
    return settings.worker.env == "sandbox" and not settings.worker.credentials_file


def _askable(file: CredentialsFile, settings: Settings) -> Iterator[Pair]:
    if settings.auth_host:
        yield from (_pair(each) for each in file.accounts.values() if _sound(each, APP) and each.app_id)


def _pair(credentials: AccountCredentials) -> Pair:
    return credentials.app_id, credentials.app_secret


def _sound(credentials: AccountCredentials, kind: Kind) -> bool:
    return not any(fault.field in kind.fields for fault in faults_of(credentials))


def _account(known: Known, name: str, credentials: AccountCredentials) -> AccountFound:
    given = given_fields(credentials)
    kinds = [
        KindFound(kind.name, values, _result(known, kind, credentials))
        for kind in KINDS
        if (values := {field: shown(given[field]) for field in kind.fields if field in given})
    ]
    return AccountFound(name, kinds, services_of(name, credentials, known.settings.hosts))


def _any_account(settings: Settings) -> AccountFound:
    made = SandboxCredentials().of(ANY)
    services = services_of(ANY, made, settings.hosts) if made else []
    return AccountFound(ANY, [], services, made_up=True)


def _result(known: Known, kind: Kind, credentials: AccountCredentials) -> str:
    if not _sound(credentials, kind):
        return SEE_FAULTS
    if kind is not APP:
        return NO_WAY
    if not known.settings.auth_host:
        return f"not tried: {_no_token_host(known.settings)}"
    return known.answers[_pair(credentials)].told


def _faults(known: Known, name: str, credentials: AccountCredentials) -> Iterator[FaultFound]:
    for fault in (*account_faults(name), *faults_of(credentials), *_asked_faults(known, credentials)):
        yield FaultFound(name, fault.field, fault.message)


def _asked_faults(known: Known, credentials: AccountCredentials) -> Iterator[Fault]:
    settings = known.settings
    if not credentials.app_id or not _sound(credentials, APP):
        return
    if not settings.auth_host:
        if "event-api" in settings.hosts and DESTINATIONS["event-api"].client_of(credentials):
            yield Fault("app_id", _no_token_host(settings))
    elif not (answer := known.answers[_pair(credentials)]).works:
        yield Fault("app_id and app_secret", answer.told)


def _no_token_host(settings: Settings) -> str:
    return f"there is no token endpoint where FORWARDER_ENV is {settings.worker.env}; set FORWARDER_AUTH_URL"


def _sent_to_real(hosts: Mapping[str, str]) -> Iterator[FaultFound]:
    for host in real(hosts.values()):
        yield FaultFound("", FILE, f"is not set: made-up credentials would be sent to {host}")


def _broker_faults(url: str) -> Iterator[FaultFound]:
    try:
        check_broker(url)
    except (ConfigurationError, BrokerAway) as error:
        field, _, fault = str(error).partition(": ")
        yield FaultFound("", field, fault)


def _query_result(known: Known) -> str:
    if known.person or known.who.why_not:
        return known.person.told if known.person else known.who.why_not
    if known.settings.worker.env == "sandbox":
        return "not tried: made up"
    return "none are given: `forwarder query` cannot ask"


def _query_faults(known: Known) -> Iterator[FaultFound]:
    for fault in known.who.faults:
        yield FaultFound("[query]", fault.field, fault.message)
    if known.person and not known.person.works:
        yield FaultFound("[query]", " and ".join(known.who.shown), known.person.told)
