"""Which metrics and dimensions the two reports have, as their help endpoints answer them.

Query API, Get Help (its sample), and what clients in use were seen to ask for. Clients must ask the help endpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from .api import Json

# Dimensions that belong together: a row has one of these combinations, not any.
_ADS = ("campaign_id", "campaign_name", "campaign_objective", "campaign_country", "creative_id", "creative_name")
_AD_VALUES = (
    ("3427232771076128951", "Spring", "acquisition", "US", "3427232968644886703", "Spring, blue"),
    ("3427232771076128951", "Spring", "acquisition", "US", "3427232968644886704", "Spring, green"),
    ("3401676908203081730", "Loyalty", "retention", "AU", "3404563830614458492", "Loyalty, plain"),
)
_AGES = ("18-25", "26-35", "36-45")


@dataclass(frozen=True, slots=True)
class Report:
    """One kind of report. `axes`: names of dimensions, and the combinations of values they have together.

    `aliases` are dimensions that are taken but not told by help: the document's own example asks for one.
    """

    metrics: Mapping[str, str]
    dimensions: Mapping[str, str]
    axes: tuple[tuple[tuple[str, ...], tuple[tuple[str, ...], ...]], ...]
    aliases: frozenset[str] = field(default_factory=frozenset)

    def has_dimension(self, slug: str) -> bool:
        return slug in self.dimensions or slug in self.aliases

    def help(self) -> dict[str, Json]:
        return {"dimensions": _told(self.dimensions), "metrics": _told(self.metrics)}


def _told(slugs: Mapping[str, str]) -> list[Json]:
    return [{"slug": slug, "description": text} for slug, text in slugs.items()]


def _words(*slugs: str) -> dict[str, str]:
    return {slug: slug.replace("_", " ").capitalize() for slug in slugs}


CAMPAIGNS = Report(
    metrics={
        "impressions": "The number of ad impressions",
        "referrals": "The number of positive engagements with the ad",
        "clickthru_acquisitions": "The number of click-thru acquisitions for the ad. "
        "An acquisition represents the first conversion following an engagement event.",
        "cpa": "The Cost per Acquisition for the ad",
        "gross_cost": "The gross cost (spend) for the ad",
        **_words(
            "referral_rate",
            "net_cost",
            "cpr",
            "click_thru_cpa",
            "view_thru_cpa",
            "acquisitions",
            "click_thru_acquisitions",
            "view_thru_acquisitions",
            "acquisitions_by_conversion_time",
            "conversions",
            "click_thru_conversions",
            "view_thru_conversions",
            "conversion_rate",
            "cost_per_impression",
            "copi",
            "acquisition_roas",
            "conversion_roas",
            "acquisitions_value",
            "acquisition_aov",
            "conversion_value",
            "conversion_aov",
        ),
    },
    dimensions={
        "age_range": "The age range of the user",
        "campaign_id": "The ID of the campaign",
        "creative_id": "The ID of the creative",
        "device": "The device of the user",
        **_words("campaign_name", "campaign_objective", "campaign_country", "creative_name", "audience_name", "gender"),
    },
    axes=(
        (_ADS, _AD_VALUES),
        (("age_range", "age_group"), tuple((age, age) for age in _AGES)),
        (("gender",), (("female",), ("male",))),
        (("device",), (("Desktop",), ("Mobile",), ("Tablet",))),
        (("audience_name",), (("Everybody",), ("US_Customers",))),
    ),
    aliases=frozenset({"age_group"}),
)

TRANSACTIONS = Report(
    metrics=_words(
        "transactions",
        "page_transactions",
        "rokt_transactions_per_transaction",
        "impressions",
        "layout_impressions",
        "referrals",
        "referral_rate",
    ),
    dimensions=_words("partner_vertical", "partner_sub_vertical", "page_type", "display_type"),
    axes=(
        (
            ("partner_vertical", "partner_sub_vertical"),
            (("Retail", "Fashion"), ("Retail", "Electronics"), ("Tickets", "Concerts")),
        ),
        (("page_type",), (("confirmation",), ("payment",))),
        (("display_type",), (("embedded",), ("overlay",))),
    ),
)
