"""Which check stands before which route, as the app itself has it."""

from __future__ import annotations

from collections.abc import Iterator

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import Mount

from travelbuddy.api.access import sidecar_only, user_only, visitor

CHECKS = {user_only: "user", visitor: "visitor", sidecar_only: "sidecar"}


def route_checks(app: FastAPI) -> list[tuple[str, str, str]]:
    """Method, path and check (``user``, ``visitor``, ``sidecar``, ``own key``, ``none``) of every route, by path."""
    found = []
    for route in iter_route_contexts(app.routes):
        if isinstance(route.original_route, Mount):
            found.append(("*", f"{route.path}/*", "own key"))
        elif route.path is not None:
            check = _check(route.dependant) if isinstance(route.original_route, APIRoute) else "none"
            found += [(method, route.path, check) for method in sorted(route.methods or ()) if method != "HEAD"]
    return sorted(found, key=lambda row: (row[1], row[0]))


def route_table(app: FastAPI) -> str:
    """The same as Markdown, a line each, for docs/security.md."""
    rows = "".join(f"| `{method}` | `{path}` | {check} |\n" for method, path, check in route_checks(app))
    return f"| method | path | check |\n|---|---|---|\n{rows}"


def _check(dependant: Dependant) -> str:
    return next((CHECKS[part.call] for part in _parts(dependant) if part.call in CHECKS), "none")


def _parts(dependant: Dependant) -> Iterator[Dependant]:
    for part in dependant.dependencies:
        yield part
        yield from _parts(part)
