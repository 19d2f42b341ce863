"""The person's credentials of `forwarder query`: where they come from, and what is wrong with them as they stand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from producers.destinations.accounts import AccountCredentials
from producers.errors import ConfigurationError, Fault
from worker.access.credentials import QueryCredentials
from worker.check.fields import APP, faults_of, given_fields, shown
from worker.query.surroundings import Surroundings, surroundings

IN_FILE, IN_ENVIRONMENT, BEARER = "[query]", "ROKT_APP_ID and ROKT_APP_SECRET", "ROKT_BEARER_TOKEN"
_VARIABLES = {"app_id": "ROKT_APP_ID", "app_secret": "ROKT_APP_SECRET"}


class Asker(NamedTuple):
    """Who asks. `source` is empty if nobody can; `around`: what to ask with, if it can be tried."""

    source: str = ""
    shown: Mapping[str, str] = {}
    faults: tuple[Fault, ...] = ()
    around: Surroundings | None = None
    why_not: str = ""


def asker(in_file: QueryCredentials, environ: Mapping[str, str]) -> Asker:
    """The first place that holds anything, in the order in which `forwarder query` looks."""
    if in_file.app_id or in_file.app_secret:
        return _with_way(_pair(IN_FILE, in_file.app_id, in_file.app_secret, {}), environ)
    app_id, app_secret = (environ.get(name, "") for name in _VARIABLES.values())
    if app_id or app_secret:
        return _with_way(_pair(IN_ENVIRONMENT, app_id, app_secret, _VARIABLES), environ)
    if token := environ.get(BEARER, ""):
        return _with_way(Asker(BEARER, {BEARER: shown(token)}), environ)
    return Asker()


def _pair(source: str, app_id: str, app_secret: str, names: Mapping[str, str]) -> Asker:
    pair = AccountCredentials(app_id=app_id, app_secret=app_secret)
    faults = [fault._replace(field=names.get(fault.field, fault.field)) for fault in faults_of(pair)]
    values = {names.get(name, name): shown(value) for name, value in given_fields(pair).items()}
    lacking = [names.get(name, name) for name in APP.fields if not getattr(pair, name)]
    known = {fault.field for fault in faults}
    faults += [Fault(name, "is missing; both halves are needed") for name in lacking if name not in known]
    return Asker(source, values, tuple(faults))


def _with_way(who: Asker, environ: Mapping[str, str]) -> Asker:
    if who.faults:
        return who._replace(why_not="not tried: see its faults")
    try:
        return who._replace(around=surroundings(environ))
    except ConfigurationError as error:
        field, _, fault = str(error).partition(": ")
        if field == BEARER:
            return who._replace(faults=(Fault(field, fault),), why_not="not tried: see its faults")
        return who._replace(why_not=f"not tried: {error}")
