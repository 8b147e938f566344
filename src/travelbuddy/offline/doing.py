"""What is called, and what is said, for an errand: a hold, a watch, their list, an offer in full."""

from __future__ import annotations

from collections.abc import Mapping

from pydantic import BaseModel, JsonValue, ValidationError

from travelbuddy.offline import phrases
from travelbuddy.offline.desk import pick_of
from travelbuddy.offline.errands import TOOL_OF
from travelbuddy.offline.frame import Errand, ErrandKind
from travelbuddy.offline.holding import HOLD, told
from travelbuddy.offline.offers import SHOWN, SHOWN_BRIEFLY, Offer, Query, in_full, journey, one_line
from travelbuddy.offline.transcript import CANCEL, WATCH, Call, Conversation

LIST = TOOL_OF[ErrandKind.LIST]


class _Watch(BaseModel):
    watch_id: str
    query: Query
    limit: str
    currency: str | None = None
    last_price: str | None = None
    notes: list[str] = []

    def __str__(self) -> str:
        return f"flights {journey(self.query)}, below {self.limit} {self.currency or ''}".rstrip()


class _Approval(BaseModel):
    offer: Offer


class _Requests(BaseModel):
    approvals: list[_Approval] = []
    watches: list[_Watch] = []


def errand_calls(talk: Conversation, trip_arguments: Mapping[str, JsonValue]) -> list[Call]:
    """The calls that the errand of the message needs next; none while something is to be asked first."""
    errand = talk.said.errand
    if errand is None:
        return []
    if errand.kind is ErrandKind.HOLD:
        offer_id = _offer_id(talk, errand)
        return [Call(HOLD, {"offer_id": offer_id})] if offer_id else []
    if errand.kind is ErrandKind.WATCH:
        if errand.limit is None or talk.trip.missing:
            return []
        query = {name: value for name, value in trip_arguments.items() if name not in {"sort", "max_price", "airline"}}
        return [Call(WATCH, {**query, "max_price": errand.limit})]
    if errand.kind not in {ErrandKind.LIST, ErrandKind.CANCEL}:
        return []
    ended = _ended(talk, errand) if errand.kind is ErrandKind.CANCEL else None
    return [Call(LIST, {}), *([Call(CANCEL, {"watch_id": ended.watch_id})] if ended else [])]


def errand_words(talk: Conversation, usable: frozenset[str], *, searching: bool) -> list[str]:
    """What is said of the errand once its calls are answered, or what is asked before."""
    errand, results = talk.said.errand, {step.call.name: step.result for step in talk.steps}
    if errand is None:
        return []
    tool = TOOL_OF.get(errand.kind)
    if tool is not None and tool not in usable and tool not in results:
        return [phrases.NOT_NOW]
    match errand.kind:
        case ErrandKind.HOLD if searching:
            return [phrases.WHICH_TO_HOLD]
        case ErrandKind.MORE:
            return [] if searching else _others(talk)
        case ErrandKind.QUESTION if searching:
            return []
        case ErrandKind.HOLD | ErrandKind.DETAILS | ErrandKind.QUESTION:
            return [_of_offer(talk, errand, results.get(HOLD))]
        case ErrandKind.WATCH:
            return [_of_watch(talk, errand, results.get(WATCH))]
        case ErrandKind.LIST:
            return [_listed(results.get(LIST, {}))]
        case _:
            return [_of_end(talk, errand, results)]


def problem(error: JsonValue) -> tuple[str, list[str], str]:
    """The message, the suggestions and the wrong argument of a tool's error."""
    if not isinstance(error, dict):
        return str(error), [], ""
    suggestions = error.get("suggestions")
    choices = [str(item) for item in suggestions] if isinstance(suggestions, list) else []
    return str(error.get("message") or ""), choices, str(error.get("field") or "")


def _offer_id(talk: Conversation, errand: Errand) -> str:
    """The offer that is meant: the one named, or one found before the message; empty when that cannot be told.

    A new search is shown before it is acted on.
    """
    if errand.which is not None and errand.which.by == "id":
        return errand.which.name
    at = talk.desk.pick(errand.which)
    return "" if at is None else talk.desk.offers[at].id


def _of_offer(talk: Conversation, errand: Errand, held: Mapping[str, JsonValue] | None) -> str:
    at = talk.desk.pick(errand.which)
    if held is not None and at is None:  # it was named, and is not in sight
        return told(held)
    if not talk.desk.offers:
        return f"{phrases.NOTHING_FOUND_YET} {phrases.ask(talk.trip.missing or ('departure_date',))}"
    if at is None:
        return phrases.which_offer(len(talk.desk.offers))
    offer = talk.desk.offers[at]
    if errand.kind is not ErrandKind.HOLD:
        return in_full(offer, at + 1)
    if held is None:
        return phrases.NOT_NOW
    return told(held) if "error" in held else f"{told(held)}\nIt is for offer {at + 1}: {one_line(offer)}."


def _others(talk: Conversation) -> list[str]:
    """The offers that were found and not shown, and how others may be found."""
    shown = SHOWN_BRIEFLY if talk.facts.get("preferred_style") == "concise" else SHOWN
    unseen = [f"{rank}. {one_line(offer)}" for rank, offer in enumerate(talk.desk.offers, 1) if rank > shown]
    return [*unseen, phrases.MORE_OFFERS]


def _of_watch(talk: Conversation, errand: Errand, result: Mapping[str, JsonValue] | None) -> str:
    if result is None:
        return phrases.ask(talk.trip.missing) if talk.trip.missing else phrases.BELOW_WHICH_PRICE
    if "error" in result:
        return phrases.search_problem(*problem(result["error"]))
    try:
        watch = _Watch.model_validate(result)
    except ValidationError:
        return phrases.UNREADABLE
    now = f" The cheapest is {watch.last_price} {watch.currency or ''}".rstrip() + " now." if watch.last_price else ""
    notes = [*watch.notes, *([phrases.EVERY_AIRLINE] if talk.trip.frame.airline else [])]
    return "\n".join([f"I am watching {watch}, and tell you here when it falls below that.{now}", *notes])


def _listed(result: Mapping[str, JsonValue]) -> str:
    requests = _requests(result)
    if requests is None:
        return phrases.UNREADABLE
    lines = [f"Waiting for your approval: {one_line(asked.offer)}." for asked in requests.approvals]
    lines += [f"{rank}. I am watching {watch}." for rank, watch in enumerate(requests.watches, 1)]
    return "\n".join(lines) or "I am watching nothing, and nothing waits for your approval."


def _of_end(talk: Conversation, errand: Errand, results: Mapping[str, Mapping[str, JsonValue]]) -> str:
    ended, listed = results.get(CANCEL), _requests(results.get(LIST, {}))
    if ended is not None:
        if "error" in ended:
            return phrases.search_problem(*problem(ended["error"]))
        return "That watch has ended; I no longer look at its price."
    if listed is None or LIST not in results:
        return phrases.NOT_NOW
    if not listed.watches:
        return "I am watching nothing, so there is nothing to end."
    return f"Which of these watches shall end?\n{_listed(results[LIST])}"


def _ended(talk: Conversation, errand: Errand) -> _Watch | None:
    """The watch to end, once the list of them has been read: the one named, or the only one."""
    lists = [_requests(step.result) for step in talk.steps if step.call.name == LIST]
    if not lists or lists[-1] is None:
        return None
    watches = lists[-1].watches
    if errand.which is not None and errand.which.by == "listed":
        at = pick_of(range(len(watches)), errand.which.rank)
        return None if at is None else watches[at]
    return watches[0] if len(watches) == 1 else None


def _requests(result: Mapping[str, JsonValue]) -> _Requests | None:
    try:
        return None if "error" in result else _Requests.model_validate(result)
    except ValidationError:
        return None
