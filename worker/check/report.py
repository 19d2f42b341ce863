"""Puts together what `forwarder check` tells. The order: look at the credentials, ask where that is possible, judge."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from pathlib import Path

from msgspec import Struct

from producers.destinations.accounts import AccountCredentials
from producers.errors import ConfigurationError, Fault
from producers.validation import account_faults
from worker.check.fields import APP, KINDS, Kind, faults_of, given_fields, shown
from worker.check.hosts import hosts_of, real
from worker.check.query import Asker, asker
from worker.check.services import Service, services_of
from worker.check.trying import Pair, Tried, tried
from worker.credentials import CredentialsFile, QueryCredentials, SandboxCredentials, load
from worker.settings import Settings

NO_WAY = "not tried: this API has no way to ask without sending data"
SEE_FAULTS = "not tried: see its faults"
ANY = "any"
FILE = "FORWARDER_CREDENTIALS_FILE"


class KindFound(Struct, frozen=True):
    """One kind of credentials of an account. `values`: field -> what may be shown of it."""

    kind: str
    values: Mapping[str, str]
    result: str


class AccountFound(Struct, frozen=True):
    """One account. `made_up`: the sandbox's, for any account."""

    account: str
    kinds: list[KindFound]
    destinations: list[Service]
    made_up: bool = False


class QueryFound(Struct, frozen=True):
    """Whose credentials ask for reports; `source` is empty if there are none."""

    source: str
    values: Mapping[str, str]
    result: str


class FaultFound(Struct, frozen=True):
    """One thing that is wrong. `account` is empty for what belongs to none."""

    account: str
    field: str
    fault: str

    def __str__(self) -> str:
        whose = {"": "", "[query]": "[query]: "}.get(self.account, f"account {self.account}: ")
        return f"{whose}{self.field}: {self.fault}"


class Findings(Struct, frozen=True):
    """All of it. `credentials_file` is empty where made-up credentials are used, or none are named."""

    environment: str
    real_hosts: list[str]
    hosts: Mapping[str, str]
    credentials_file: str
    accounts: list[AccountFound]
    query: QueryFound
    faults: list[FaultFound]


def examine(settings: Settings, environ: Mapping[str, str]) -> Findings:
    """Looks at everything, asks where no data is sent by asking. Raises nothing for what is wrong with the file."""
    try:
        file, unusable = _file(settings, environ), []
    except ConfigurationError as error:
        field, _, fault = str(error).partition(": ")
        file, unusable = CredentialsFile(), [FaultFound("", field, fault)]
    who = Asker(why_not=SEE_FAULTS) if unusable else asker(file.query, environ)
    answers, person = asyncio.run(
        tried(_askable(file, settings), settings.auth_host, settings.delivery["event-api"].http_timeout_s, who.around)
    )
    return _findings(settings, hosts_of(settings, environ), file, who, unusable, answers, person)


def _findings(
    settings: Settings,
    hosts: Mapping[str, str],
    file: CredentialsFile,
    who: Asker,
    unusable: list[FaultFound],
    answers: Mapping[Pair, Tried],
    person: Tried | None,
) -> Findings:
    made_up = _made_up(settings)
    accounts = [_account(name, each, settings, answers) for name, each in sorted(file.accounts.items())]
    faults = [fault for name, each in sorted(file.accounts.items()) for fault in _faults(name, each, settings, answers)]
    return Findings(
        environment=settings.worker.env,
        real_hosts=real(hosts.values()),
        hosts=hosts,
        credentials_file=settings.worker.credentials_file,
        accounts=[_any_account(settings)] if made_up else accounts,
        query=QueryFound(who.source, who.shown, _query_result(who, person, made_up)),
        faults=[*unusable, *(_sent_to_real(hosts) if made_up else ()), *faults, *_query_faults(who, person)],
    )


def _file(settings: Settings, environ: Mapping[str, str]) -> CredentialsFile:
    if settings.worker.credentials_file:
        return load(Path(settings.worker.credentials_file), environ)
    if _made_up(settings):
        return CredentialsFile(query=QueryCredentials())
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


def _account(
    name: str, credentials: AccountCredentials, settings: Settings, answers: Mapping[Pair, Tried]
) -> AccountFound:
    given = given_fields(credentials)
    kinds = [
        KindFound(kind.name, values, _result(kind, credentials, settings, answers))
        for kind in KINDS
        if (values := {field: shown(given[field]) for field in kind.fields if field in given})
    ]
    return AccountFound(name, kinds, services_of(name, credentials, settings.hosts))


def _any_account(settings: Settings) -> AccountFound:
    made = SandboxCredentials().of(ANY)
    services = services_of(ANY, made, settings.hosts) if made else []
    return AccountFound(ANY, [], services, made_up=True)


def _result(kind: Kind, credentials: AccountCredentials, settings: Settings, answers: Mapping[Pair, Tried]) -> str:
    if not _sound(credentials, kind):
        return SEE_FAULTS
    if kind is not APP:
        return NO_WAY
    if not settings.auth_host:
        return f"not tried: {_no_token_host(settings)}"
    return answers[_pair(credentials)].told


def _faults(
    name: str, credentials: AccountCredentials, settings: Settings, answers: Mapping[Pair, Tried]
) -> Iterator[FaultFound]:
    for fault in (*account_faults(name), *faults_of(credentials), *_asked_faults(credentials, settings, answers)):
        yield FaultFound(name, fault.field, fault.message)


def _asked_faults(
    credentials: AccountCredentials, settings: Settings, answers: Mapping[Pair, Tried]
) -> Iterator[Fault]:
    if not credentials.app_id or not _sound(credentials, APP):
        return
    needed = not credentials.public_key and "event-api" in settings.hosts
    if not settings.auth_host and needed:
        yield Fault("app_id", _no_token_host(settings))
    elif settings.auth_host and not (answer := answers[_pair(credentials)]).works:
        yield Fault("app_id and app_secret", answer.told)


def _no_token_host(settings: Settings) -> str:
    return f"there is no token endpoint where FORWARDER_ENV is {settings.worker.env}; set FORWARDER_AUTH_URL"


def _sent_to_real(hosts: Mapping[str, str]) -> Iterator[FaultFound]:
    for host in real(hosts.values()):
        yield FaultFound("", FILE, f"is not set: made-up credentials would be sent to {host}")


def _query_result(who: Asker, person: Tried | None, made_up: bool) -> str:
    if person or who.why_not:
        return person.told if person else who.why_not
    return "not tried: made up" if made_up else "none are given: `forwarder query` cannot ask"


def _query_faults(who: Asker, person: Tried | None) -> Iterator[FaultFound]:
    for fault in who.faults:
        yield FaultFound("[query]", fault.field, fault.message)
    if person and not person.works:
        yield FaultFound("[query]", " and ".join(who.shown), person.told)
