"""Tools: a typed async function becomes a schema for the model and a safe call for the agent.

    @tool
    async def search_flights(ctx: ToolContext, destination: str, passengers: int = 1) -> SearchResult: ...

The parameters after ``ctx`` make the JSON schema; arguments are validated and converted by pydantic. What a model can
repair (bad JSON, bad arguments, an unknown tool, a ToolError) comes back as a value; anything else is raised.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any, get_type_hints

from pydantic import BaseModel, ConfigDict, ValidationError, create_model
from pydantic_core import ErrorDetails, from_json, to_json

from travelbuddy.errors import ToolError
from travelbuddy.flights.provider import FlightProvider
from travelbuddy.tools.desks import Customer, Desks
from travelbuddy.tools.others import Others
from travelbuddy.tools.strict import strict

_MOST_PROBLEMS = 3
_MOST_NAME = 60
_MOST_MESSAGE = 600


@dataclass(frozen=True)
class ToolContext:
    """What a tool may know of its caller. ``key`` names this call: the same again when the call is executed again."""

    user_id: str
    session_id: str
    workflow_instance_id: str
    key: str
    today: date
    default_origin: str | None
    """Where a journey starts when nobody knows better; None: the user is asked, for the day of departure too."""
    flights: FlightProvider
    preferences: Callable[[], Awaitable[Mapping[str, str]]]
    remember: Callable[[Mapping[str, str | None]], Awaitable[None]]
    """Sets the user's lasting preferences; None deletes one. Doing it twice is harmless."""
    desks: Desks = field(default_factory=Desks)

    @property
    def customer(self) -> Customer:
        """Who asks, as the desks need to know."""
        return Customer(self.user_id, self.session_id, self.key)


@dataclass(frozen=True)
class Tool:
    """A tool's name, what it says of itself, the model of its arguments, and its function.

    A ``local`` one only reads, and only what this process has in memory: running it again costs and changes nothing.
    """

    name: str
    description: str
    arguments: type[BaseModel]
    function: Callable[..., Awaitable[Any]]
    local: bool = False

    @property
    def parameters(self) -> dict[str, Any]:
        """The JSON schema of the arguments."""
        parameters = self.arguments.model_json_schema()
        parameters.pop("title", None)
        for part in parameters.get("properties", {}).values():
            part.pop("title", None)
        return parameters

    @property
    def schema(self) -> dict[str, Any]:
        """The tool as the chat-completions protocol describes functions, in strict mode where it has arguments."""
        function: dict[str, Any] = {"name": self.name, "description": self.description}
        if not self.arguments.model_fields:
            return {"type": "function", "function": {**function, "parameters": self.parameters}}
        return {"type": "function", "function": {**function, "strict": True, "parameters": strict(self.parameters)}}

    async def run(self, ctx: ToolContext, arguments: str) -> str:
        """The result as JSON text, or an error value ``{"error": {"type", "field", "message", "suggestions"}}``."""
        try:
            # Unlike json.loads it refuses endless nesting and lone surrogates, which no reply could carry.
            given = from_json(arguments if arguments.strip() else "{}")
        except ValueError as broken:
            return error_value("bad_json", f"The arguments are not valid JSON: {broken}. Send one JSON object.")
        if not isinstance(given, dict):
            return error_value("bad_arguments", "The arguments must be one JSON object.")
        given = {name: value for name, value in given.items() if value is not None or self._needs(name)}
        try:
            checked = self.arguments.model_validate(given)
        except ValidationError as invalid:
            problems = invalid.errors(include_url=False, include_context=False)
            message = " ".join(self._fix(problem) for problem in problems[:_MOST_PROBLEMS])
            return error_value("bad_arguments", message, field=_field(problems[0]))
        values = {name: getattr(checked, name) for name in type(checked).model_fields}
        try:
            result = await self.function(ctx, **values)
        except ToolError as error:
            return error_value(error.kind, str(error), field=error.field, suggestions=error.suggestions)
        return to_json(result, exclude_none=True).decode()

    def _needs(self, name: str) -> bool:
        """True unless the argument may be left out, for which null is another way to say."""
        known = self.arguments.model_fields.get(name)
        return known is None or known.is_required()

    def _fix(self, problem: ErrorDetails) -> str:
        """One sentence that names the argument and what would do instead."""
        name, known = shorten(_field(problem), _MOST_NAME), self.arguments.model_fields
        if problem["type"] == "extra_forbidden":
            return f"There is no argument '{name}'; there are: {', '.join(known)}."
        if problem["type"] == "missing":
            return f"'{name}' is required: {known[name].description or 'see the schema'}"
        return f"'{name}': {problem['msg'].removeprefix('Value error, ')}."


def tool(function: Callable[..., Awaitable[Any]]) -> Tool:
    """Make a tool of an async function whose first parameter is the ToolContext; its docstring is for the model."""
    hints = get_type_hints(function, include_extras=True)
    parameters = list(inspect.signature(function).parameters.values())[1:]
    fields: dict[str, Any] = {
        p.name: (hints[p.name], ... if p.default is inspect.Parameter.empty else p.default) for p in parameters
    }
    arguments = create_model(function.__name__, __config__=ConfigDict(extra="forbid"), **fields)
    return Tool(function.__name__, inspect.cleandoc(function.__doc__ or ""), arguments, function)


class Toolbox:
    """Tools by name: our own, and those of others, which come and go."""

    def __init__(self, tools: Iterable[Tool], others: Others | None = None) -> None:
        self._tools = {tool.name: tool for tool in tools}
        self._schemas = {name: tool.schema for name, tool in self._tools.items()}
        self._others = others

    @property
    def names(self) -> tuple[str, ...]:
        """The names of all tools that are there now."""
        others = self._others.names if self._others is not None else ()
        return (*self._tools, *(name for name in others if name not in self._tools))

    def schemas(self, names: Iterable[str] | None = None) -> list[dict[str, Any]]:
        """The schemas of the named tools that exist, or of all."""
        found = [self._schema(name) for name in (self.names if names is None else names)]
        return [schema for schema in found if schema is not None]

    def local(self, name: str) -> bool:
        """Whether a call of this name needs nothing from outside; telling that there is no such tool does not."""
        return self._tools[name].local if name in self._tools else self._of_others(name) is None

    async def run(self, ctx: ToolContext, name: str, arguments: str, allowed: tuple[str, ...] | None = None) -> str:
        """Run a tool by name; an unknown one, or one that is not ``allowed``, is an error value that lists the rest."""
        others = self._of_others(name)
        if others is not None and allowed is not None and name in allowed:  # also when it is not known here yet
            return await others.run(ctx.workflow_instance_id, ctx.key, name, arguments)
        names = self.names if allowed is None else tuple(each for each in self.names if each in allowed)
        if name not in names or name not in self._tools:
            message = f"There is no tool {shorten(name, _MOST_NAME)!r}; there are: {', '.join(names)}."
            return error_value("unknown_tool", message, suggestions=names)
        return await self._tools[name].run(ctx, arguments)

    def _of_others(self, name: str) -> Others | None:
        """Where this name is sent; a name of our own is never theirs."""
        theirs = self._others is not None and name not in self._tools and self._others.owns(name)
        return self._others if theirs else None

    def _schema(self, name: str) -> dict[str, Any] | None:
        if name in self._schemas or self._others is None:
            return self._schemas.get(name)
        return self._others.schema(name)


def error_value(kind: str, message: str, *, field: str | None = None, suggestions: tuple[str, ...] = ()) -> str:
    """A tool error as the model sees it; long texts are cut, for it stays in the conversation."""
    error: dict[str, Any] = {"type": kind, "message": shorten(message, _MOST_MESSAGE)}
    if field is not None:
        error["field"] = shorten(field, _MOST_NAME)
    if suggestions:
        error["suggestions"] = list(suggestions)
    return json.dumps({"error": error}, ensure_ascii=False)


def shorten(text: str, length: int) -> str:
    """The text, cut to ``length`` characters and an ellipsis when it is longer."""
    return text if len(text) <= length else text[:length] + "…"


def _field(problem: ErrorDetails) -> str:
    return str(problem["loc"][0])
