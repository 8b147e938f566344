"""The OpenAPI document, where it depends on the settings."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI


def require_user_id(app: FastAPI) -> None:
    """Where no credential names the user, a chat must: the document says so as well."""
    generate = app.openapi

    def openapi() -> dict[str, Any]:
        document = generate()
        required: list[str] = document["components"]["schemas"]["ChatRequest"]["required"]
        if "user_id" not in required:
            required.insert(0, "user_id")
        return document

    app.openapi = openapi  # type: ignore[method-assign]
