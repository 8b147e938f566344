"""What a turn says where no model says it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Budget = Literal["session", "day"]
APOLOGY = "I am sorry, I could not get an answer this time. Please send your message again in a moment."
"""After as many tries as MODEL_ATTEMPTS allows: only here, and after a long wait, another message can help."""
AWAY = "I am sorry, the model that I use was away for too long. Please send your message again in a moment."
REFUSED: Mapping[str, str] = {
    "key": "I am sorry, I cannot answer: the model that I use does not let me in. Whoever runs this service can help.",
    "not_found": "I am sorry, I cannot answer: the model that I use is not there. Whoever runs this service can help.",
    "too_long": "I am sorry, this has become too long for me. Please begin a new conversation, or ask for less.",
    "content_filter": "I am sorry, I may not answer this. Please ask for it in other words.",
    "quota": "I am sorry, I cannot answer: my share of the model is used up. Whoever runs this service can help.",
    "bad_request": "I am sorry, I cannot answer this message. Please ask in other words, or in a new conversation.",
}
"""By the Refusal of domain/model_errors.py."""
WITHDRAWN = "This request was withdrawn; nothing of it is kept."
TOO_MANY_STEPS = "I am sorry, this took more steps than I may take. Please ask for less at once."
USED_UP: dict[Budget, str] = {
    "session": "I am sorry, this conversation has used up its share of the model. Please start a new one.",
    "day": "I am sorry, you have used up your share of the model for today. Please come back tomorrow (UTC).",
}
