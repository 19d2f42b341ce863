"""The document's own examples (query-api.txt), and what its help says; no code of the project builds them."""

from __future__ import annotations

from typing import Any

APP_ID = "40svbin0d194subpohl079rhck"
APP_SECRET = "1dimhvr1v6skae9uhvtgs3chs2astnjf0469df6ul9hurubtoovn"
ACCOUNT = "3286272607917027328"
ACCOUNTS = [
    {
        "accountId": "acc_123456789",
        "accountName": "Example Account 1",
        "countryCode": "US",
        "accountOwner": "user@example.com",
        "accountCurrencyCode": "USD",
        "accountTimezone": "America/New_York",
        "accountTimezoneOffset": -300,
    },
    {
        "accountId": "acc_123456790",
        "accountName": "Example Account 2",
        "countryCode": "AU",
        "accountOwner": "user@example.com",
        "accountCurrencyCode": "AUD",
        "accountTimezone": "Australia/Sydney",
        "accountTimezoneOffset": 600,
    },
]
REQUEST: dict[str, Any] = {
    "timezoneVariation": "America/New_York",
    "currencyCode": "USD",
    "interval": "day",
    "startDate": "2025-03-04",
    "endDate": "2025-03-05",
    "dimensionFilters": {"campaign_id": ["3427232771076128951"]},
    "metrics": ["impressions", "referrals", "gross_cost"],
    "dimensions": ["campaign_id", "creative_id", "age_group"],
    "orderBys": [{"column": "referrals", "direction": "desc"}],
}
REPORT = {
    "data": [
        {
            "datetime": "2025-03-04T00:00:00Z",
            "impressions": 1501.0,
            "referrals": 205.0,
            "gross_cost": 410.05,
            "campaign_id": "3427232771076128951",
            "creative_id": "3427232968644886703",
            "age_range": "26-35",
        },
        {
            "datetime": "2025-03-04T00:00:00Z",
            "impressions": 1220.0,
            "referrals": 180.0,
            "gross_cost": 300.00,
            "campaign_id": "3401676908203081730",
            "creative_id": "3404563830614458492",
            "age_range": "36-45",
        },
    ],
    "accountId": ACCOUNT,
    "queryTimeMs": 206,
}
HELP = {
    "dimensions": [
        {"slug": "age_range", "description": "The age range of the user"},
        {"slug": "campaign_id", "description": "The ID of the campaign"},
        {"slug": "creative_id", "description": "The ID of the creative"},
        {"slug": "device", "description": "The device of the user"},
    ],
    "metrics": [
        {"slug": "impressions", "description": "The number of ad impressions"},
        {"slug": "referrals", "description": "The number of positive engagements with the ad"},
        {"slug": "clickthru_acquisitions", "description": "The number of click-thru acquisitions for the ad."},
        {"slug": "cpa", "description": "The Cost per Acquisition for the ad"},
        {"slug": "gross_cost", "description": "The gross cost (spend) for the ad"},
    ],
}
PARTNER_HELP = {
    "dimensions": [{"slug": "page_type", "description": "The type of the page"}],
    "metrics": [{"slug": "transactions", "description": "The number of transactions"}],
}
PARTNER_REPORT = {"data": [{"page_type": "confirmation", "transactions": 12}], "accountId": ACCOUNT, "queryTimeMs": 7}
