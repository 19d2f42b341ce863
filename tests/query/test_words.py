"""What is typed on the command line becomes the request's fields."""

from __future__ import annotations

import pytest

from worker.query.errors import InvalidQuery
from worker.query.report_request import OrderBy
from worker.query.words import filters, names, order_bys


def test_names_may_be_repeated_or_stand_with_commas() -> None:
    assert names(["a,b", " c "]) == ["a", "b", "c"]


def test_an_empty_name_is_kept_so_that_it_is_told() -> None:
    assert names(["a,,b"]) == ["a", "", "b"]


@pytest.mark.parametrize(
    ("typed", "wanted"),
    [
        (["campaign_id=1,2"], {"campaign_id": ["1", "2"]}),
        (["campaign_id=1", "campaign_id=2", "device=mobile"], {"campaign_id": ["1", "2"], "device": ["mobile"]}),
        (['audience_name="A, B", C'], {"audience_name": ["A, B", "C"]}),
        (["creative_name=a=b"], {"creative_name": ["a=b"]}),
        (["device="], {"device": []}),
        ([], {}),
    ],
)
def test_filters(typed: list[str], wanted: dict[str, list[str]]) -> None:
    assert filters(typed) == wanted


@pytest.mark.parametrize("typed", ["campaign_id", "=1", 'a="x', "a=1\n2", ""])
def test_a_filter_of_no_form_is_told(typed: str) -> None:
    with pytest.raises(InvalidQuery, match="dimensionFilters"):
        filters([typed])


def test_sorting_is_ascending_unless_told() -> None:
    typed = ["referrals:desc", "cpa:ASC", "device"]
    assert order_bys(typed) == [OrderBy("referrals", "desc"), OrderBy("cpa", "asc"), OrderBy("device", "asc")]
