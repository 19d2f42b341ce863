"""The accounts that the Query API knows: by default those of the document's sample."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .api import Json, Record

_SAMPLE: Record = {
    "accountId": "acc_123456789",
    "accountName": "Example Account 1",
    "countryCode": "US",
    "accountOwner": "user@example.com",
    "accountCurrencyCode": "USD",
    "accountTimezone": "America/New_York",
    "accountTimezoneOffset": -300,
}
_OTHER_SAMPLE: Record = _SAMPLE | {
    "accountId": "acc_123456790",
    "accountName": "Example Account 2",
    "countryCode": "AU",
    "accountCurrencyCode": "AUD",
    "accountTimezone": "Australia/Sydney",
    "accountTimezoneOffset": 600,
}
_OPTIONAL = {"accountOwner"}


class InvalidAccounts(ValueError):
    """A setting is not `{"accounts": [{"accountId", …}]}`; the text says where."""


@dataclass(frozen=True, slots=True)
class Account:
    """One account as the API answers it. `access`: whether anybody may use it."""

    id: str
    record: Record
    access: bool


class QueryAccounts:
    """The accounts of one sandbox, in their order."""

    def __init__(self) -> None:
        self.replace(None)

    def replace(self, value: Json) -> None:
        """Take other accounts, or None for the sample's; raises `InvalidAccounts` and then keeps the old ones."""
        if value is None:
            value = {"accounts": [_SAMPLE, _OTHER_SAMPLE]}
        if not isinstance(value, dict) or value.keys() != {"accounts"} or not isinstance(value["accounts"], list):
            raise InvalidAccounts("must be an object of accounts, a list")
        accounts = [_account(index, item) for index, item in enumerate(value["accounts"])]
        self.by_id: Mapping[str, Account] = {account.id: account for account in accounts}
        self._told: list[Json] = [{**account.record, "access": account.access} for account in accounts]

    def as_json(self) -> dict[str, Json]:
        return {"accounts": self._told}


def _account(index: int, value: Json) -> Account:
    if not isinstance(value, dict) or not value.keys() <= _SAMPLE.keys() | {"access"}:
        raise InvalidAccounts(f"accounts[{index}]: must be an object of {', '.join(_SAMPLE)} and access")
    account_id, access = value.get("accountId"), value.get("access", True)
    if not isinstance(account_id, str) or not account_id or "/" in account_id:
        raise InvalidAccounts(f"accounts[{index}].accountId: must be a string without a slash, and not empty")
    if not isinstance(access, bool):
        raise InvalidAccounts(f"accounts[{index}].access: must be true or false")
    record: Record = _SAMPLE | {name: item for name, item in value.items() if name != "access"}
    for name, item in record.items():
        if type(item) is not type(_SAMPLE[name]) and not (item is None and name in _OPTIONAL):
            raise InvalidAccounts(f"accounts[{index}].{name}: must be a {type(_SAMPLE[name]).__name__}")
    return Account(account_id, record, access)
