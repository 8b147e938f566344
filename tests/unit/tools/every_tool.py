"""Every tool that the package declares, whether or not there is a desk for it."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any, cast

import travelbuddy.tools
from travelbuddy.flights.sample import SampleFlights
from travelbuddy.tools import default_toolbox
from travelbuddy.tools.base import Tool, Toolbox
from travelbuddy.tools.desks import BookingDesk, Desks, WatchDesk


def _declared() -> dict[str, Tool]:
    modules = [
        importlib.import_module(f"travelbuddy.tools.{module.name}")
        for module in pkgutil.iter_modules(travelbuddy.tools.__path__)
    ]
    found = [value for module in modules for value in vars(module).values() if isinstance(value, Tool)]
    return {tool.name: tool for tool in found}


TOOLS = _declared()
NAMES = sorted(TOOLS)
OPTIONAL = [
    (name, argument)
    for name in NAMES
    for argument, field in TOOLS[name].arguments.model_fields.items()
    if not field.is_required()
]
"""Each argument that may be left out, with its tool."""


def everything() -> Toolbox:
    """The toolbox of a service with every desk; the desks themselves do nothing."""
    return default_toolbox(SampleFlights(), Desks(cast("BookingDesk", object()), cast("WatchDesk", object())))


def function_of(name: str) -> dict[str, Any]:
    """What the model is told of the tool."""
    (schema,) = everything().schemas([name])
    function = schema["function"]
    assert isinstance(function, dict)
    return function
