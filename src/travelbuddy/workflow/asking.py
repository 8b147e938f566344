"""Asking the model for a turn: with fewer earlier turns where it refuses, once more where its answer is blank."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

from travelbuddy.adapters.ports import ChatModel, ModelAnswer
from travelbuddy.domain.conversation import earlier_turns
from travelbuddy.domain.messages import blank
from travelbuddy.domain.standing import Admitted
from travelbuddy.errors import ModelRefused
from travelbuddy.live import LiveTurns
from travelbuddy.workflow.contracts import CallModelInput
from travelbuddy.workflow.prompting import TodayFor, prompt
from travelbuddy.workflow.toolcalls import ToolCalls

HEALED_BY_LESS = {"bad_request", "too_long", "content_filter"}
"""Refusals that can be due to an earlier turn in the prompt."""
ASKED_AGAIN = "asked again after a blank answer"


class Asked(NamedTuple):
    """The model's answer, the tokens of all answers that it took, and for the timeline what helped to get it."""

    answer: ModelAnswer
    tokens: int
    note: str | None = None

    @property
    def empty(self) -> bool:
        """Whether it neither says anything nor calls a tool."""
        return not self.answer.tool_calls and blank(self.answer.content)


class Asking:
    """One execution's question to the model, which may take more than one request."""

    def __init__(self, model: ChatModel, feed: LiveTurns, tools: ToolCalls, today: TodayFor, *, assume: bool) -> None:
        self._model = model
        self._feed = feed
        self._tools = tools
        self._today = today
        self._assume = assume

    async def ask(self, turn_id: str, call: CallModelInput, admitted: Admitted) -> Asked:
        """The answer. Raises ModelUnavailable, ModelRefused and TurnClosed."""
        asked = await self._with_less(turn_id, call, admitted)
        if not asked.empty:
            return asked
        again = await self._with_less(turn_id, call, admitted)
        notes = "; ".join(note for note in (ASKED_AGAIN, again.note) if note)
        return Asked(again.answer, asked.tokens + again.tokens, notes)

    async def _with_less(self, turn_id: str, call: CallModelInput, admitted: Admitted) -> Asked:
        """Ask; where the request is refused, once more without earlier turns. One too long is halved until it fits."""
        whole = turns = len(earlier_turns(admitted.session))
        while True:
            try:
                answer = await self._once(turn_id, call, admitted, turns)
            except ModelRefused as refused:
                if turns == 0 or refused.reason not in HEALED_BY_LESS:
                    raise
                turns = turns // 2 if refused.reason == "too_long" else 0
            else:
                return Asked(answer, answer.tokens, _without(whole - turns))

    async def _once(self, turn_id: str, call: CallModelInput, admitted: Admitted, turns: int) -> ModelAnswer:
        self._feed.asking(turn_id, call)
        asked = self._model.complete(
            prompt(call, admitted, self._today, assume=self._assume, turns=turns),
            model=call.turn.model,
            tools=[] if call.last_step else self._tools.schemas(call.turn.tools),
            on_text=partial(self._feed.text, turn_id, call.step),
        )
        return await self._feed.unless_closed(turn_id, asked)


def _without(left_out: int) -> str | None:
    if left_out == 0:
        return None
    return "asked without the oldest turn" if left_out == 1 else f"asked without the {left_out} oldest turns"
