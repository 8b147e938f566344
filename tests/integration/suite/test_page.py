"""The page as a running service sends it, and what it is told about the service."""

from __future__ import annotations

import re

import pytest
from tests.integration.framework.client import User
from tests.integration.framework.stack import Stack

import travelbuddy

pytestmark = [
    pytest.mark.asyncio(loop_scope="session"),
    pytest.mark.stores("sqlite", because="files know no store"),
]


async def test_the_page_and_every_file_it_names_are_sent(stack: Stack) -> None:
    """Each address in the page is a file of ours, packed, with a policy and a tag that saves sending it again."""
    user = User(stack)
    page = await user.call("GET", "/")
    assert (page.status_code, page.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert "TravelBuddy" in page.text
    named = re.findall(r'(?:src|href)="(/web/[^"#?]+)', page.text)
    for path in ("/", *named):
        file = await user.call("GET", path)
        assert file.status_code == 200, path
        assert "require-trusted-types-for 'script'" in file.headers["content-security-policy"]
        assert (file.headers["cache-control"], file.headers["x-content-type-options"]) == ("no-cache", "nosniff")
        again = await user.call("GET", path, headers={"If-None-Match": file.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
    packed = await user.call("GET", "/", headers={"Accept-Encoding": "gzip"})
    assert len(page.content) < 256 or packed.headers["content-encoding"] == "gzip"


async def test_about_tells_a_client_how_to_begin(stack: Stack) -> None:
    """Version, who may talk and as whom, which model and which flights."""
    about = (await User(stack).call("GET", "/about")).json()
    assert about == {
        "name": "TravelBuddy",
        "version": travelbuddy.__version__,
        "auth": "none",
        "user_id": "default",
        "model": "offline-travel-1",
        "offline": True,
        "flights": "sample",
        "holds": True,
        "watches": True,
    }


async def test_the_days_around_a_search_agree_with_it(stack: Stack) -> None:
    """The price of the day that was asked for is that of the cheapest offer the traveller was shown."""
    user = User(stack, "days-ada", "days")
    answer = await user.chat("Flights from London to New York in three weeks")
    found = answer["metadata"]["offers"]
    query = {key: found["query"][key] for key in ("origin", "destination", "departure_date", "cabin", "passengers")}
    days = (await user.call("GET", "/flights/days", params=query)).json()
    assert [day["price"] for day in days["days"] if day["date"] == query["departure_date"]] == [
        found["offers"][0]["total_amount"]
    ]
    assert (days["currency"], days["source"]) == (found["offers"][0]["total_currency"], found["source"])
