"""The application: every door under one roof, and the few that may face the internet."""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from core.doors import problems
from core.doors.contract import Problem
from core.doors.desk import Desk
from core.doors.health import Health
from core.doors.intake import Intake
from core.doors.limits import Wall
from core.settings import Settings

ABOUT = """The gateway through which AI agents send email. Agents submit, a human decides where the mailbox's mode asks
for it, budgets and records are checked at the gate, and every outcome is told."""


def build(desk: Desk, settings: Settings) -> FastAPI:
    """The whole desk, for a network that is trusted to reach it."""
    app = _app(desk)
    app.include_router(Intake(desk).router)
    app.include_router(Health(desk, settings).router)
    return app


def public(desk: Desk, settings: Settings) -> FastAPI:
    """Only what strangers must reach: unsubscribing and feedback."""
    del settings
    return _app(desk)


def _app(desk: Desk) -> FastAPI:
    app = FastAPI(title="Postroom", description=ABOUT, version="0.1.0", redoc_url=None)
    problems.install(app)
    app.add_middleware(Wall, chance=desk.house.chance)
    describe(app)
    return app


def describe(app: FastAPI) -> None:
    """Add the shapes that routes name by reference, and bearer tokens, to the description."""
    plain = app.openapi

    def openapi() -> dict[str, Any]:
        found = plain()
        components = found.setdefault("components", {})
        schemas = components.setdefault("schemas", {})
        schemas.setdefault("Problem", Problem.model_json_schema(ref_template="#/components/schemas/{model}"))
        components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
        found["security"] = [{"token": []}]
        return found

    app.openapi = openapi  # type: ignore[method-assign]  # FastAPI's documented way to extend the description
