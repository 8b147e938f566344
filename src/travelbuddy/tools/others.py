"""Tools that somebody else runs, found while the service is running. What they say of themselves is bounded here.

Their names, descriptions, schemas and results are written by strangers: a model reads them as data, and nothing in
them may be longer, or look otherwise, than a reader would see.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from typing import Any, Protocol

from travelbuddy.domain.prompts import visible

NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
"""What the chat-completions protocol takes as a function's name."""
MOST_TOOLS, MOST_DESCRIPTION, MOST_SCHEMA, MOST_RESULT = 32, 1_000, 8_000, 16_000
"""Tools of one server that are offered, and characters of each part."""
Schema = dict[str, Any]


class Others(Protocol):
    """Tools by names that are not known before."""

    @property
    def names(self) -> tuple[str, ...]:
        """Those that are known now."""
        ...

    def owns(self, name: str) -> bool:
        """Whether a call of this name goes there, also when the tool is not known here yet."""
        ...

    def schema(self, name: str) -> Schema | None:
        """The tool as the chat-completions protocol describes functions, if it is known."""
        ...

    async def run(self, turn_id: str, key: str, name: str, arguments: str) -> str:
        """The result as JSON text, or an error value. With the same key and arguments it is called once."""
        ...


def schema_of(server: str, tool: Schema) -> Schema | None:
    """A tool as MCP describes it, for the model; None for one that could not be called, or says too much."""
    own_name, parameters = tool.get("name"), tool.get("inputSchema", {})
    name = f"{server}_{own_name}"
    if not isinstance(own_name, str) or not own_name or not NAME.fullmatch(name) or not isinstance(parameters, dict):
        return None
    if parameters.get("type") != "object" or len(json.dumps(parameters)) > MOST_SCHEMA:
        return None
    description = visible(tool.get("description") or tool.get("title") or own_name, MOST_DESCRIPTION)
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}


def result_of(server: str, content: Iterable[Any], structured: Any) -> str:
    """What a tool said, as JSON that names its source; data where there is some, else its texts."""
    data = json.dumps(structured, ensure_ascii=False) if structured is not None else ""
    if 0 < len(data) <= MOST_RESULT:  # what is hidden in its texts goes; the rest of JSON has nothing of the kind
        shown = visible(data, MOST_RESULT, lines=True)
        return f'{{"source": {json.dumps(server)}, "result": {shown}}}'
    text = data or text_of(content)
    whole = {"source": server, "result": visible(text, MOST_RESULT, lines=True)}
    return json.dumps({**whole, "cut": True} if len(text) > MOST_RESULT else whole, ensure_ascii=False)


def text_of(content: Iterable[Any]) -> str:
    """The texts among the parts of a result; a picture or a sound is only named."""
    parts = [part for part in content if isinstance(part, dict)]
    return "\n".join(str(part["text"]) if "text" in part else f"[{part.get('type', 'something')}]" for part in parts)
