"""What a turn says where no model says it."""

from __future__ import annotations

from typing import Literal

Budget = Literal["session", "day"]
APOLOGY = "I am sorry, I could not get an answer this time. Please send your message again in a moment."
WITHDRAWN = "This request was withdrawn; nothing of it is kept."
TOO_MANY_STEPS = "I am sorry, this took more steps than I may take. Please ask for less at once."
USED_UP: dict[Budget, str] = {
    "session": "I am sorry, this conversation has used up its share of the model. Please start a new one.",
    "day": "I am sorry, you have used up your share of the model for today. Please come back tomorrow (UTC).",
}
