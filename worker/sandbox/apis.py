"""The APIs that the sandbox stands in for. Another one is a module with an `api.Api`, and a line here."""

from __future__ import annotations

from .api import Api
from .audience_api import ApiKeySender, AudienceApi, PairSender
from .event_api import EventApi
from .oauth_api import OauthApi
from .query_api import query_apis
from .senders import PairSenders, TokenSenders
from .server_events_api import ServerEventsApi
from .state import State


def all_apis(state: State) -> tuple[Api, ...]:
    """Every API, sharing one state."""
    pairs, holders = PairSenders(state.credentials), TokenSenders(state.tokens, state.credentials)
    return (
        EventApi("/v2/events", pairs, state.keys),
        EventApi("/v1/events", holders, state.keys),
        ServerEventsApi(state.credentials),
        AudienceApi("/v3/import/suppression", PairSender(state.credentials), state.lists),
        AudienceApi("/api/1.0/import/suppression", ApiKeySender(state.credentials), state.lists),
        OauthApi(state.credentials, state.tokens),
        *query_apis(state.tokens, state.credentials, state.accounts),
    )
