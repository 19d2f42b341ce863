"""What `forwarder check` found, as it is printed for scripts. A leaf: pure data, without a secret."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from worker.check.services import Service


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
