"""The FastAPI applications: one with every route, and one with the few routes that may face the internet."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import metadata

from fastapi import FastAPI

from core.api import errors
from core.api.deps import ApiContext
from core.api.listener import Listener
from core.api.middleware.allowed_hosts import Hosts
from core.api.middleware.fast_path import FastPath, Handler
from core.api.middleware.head import Head
from core.api.middleware.request_limits import RequestLimits
from core.api.openapi import describe
from core.api.operation_ids import operation_id
from core.api.operation_runner import OperationRunner
from core.api.routes import agent_guide, docs
from core.api.routes.contacts import ContactRoutes
from core.api.routes.emails import EmailRoutes
from core.api.routes.enrolment import EnrolmentRoutes
from core.api.routes.feedback import Feedback
from core.api.routes.health import Health
from core.api.routes.inbound import InboundRoutes, ProviderInbound
from core.api.routes.inbox import InboxRoutes
from core.api.routes.inventory import Inventory
from core.api.routes.mailboxes import Identities
from core.api.routes.operations import OperationRoutes, describe_operations
from core.api.routes.operator_actions import Operators
from core.api.routes.operators import People
from core.api.routes.signoffs import Signing
from core.api.routes.tokens import Tokens
from core.api.routes.unsubscribe import Unsubscribe
from core.api.routes.webhooks import WebhookRoutes
from core.rules.providers import registry
from core.settings import Settings

ABOUT = """The gateway through which AI agents send email. Agents submit, a human decides where the mailbox's mode asks
for it, budgets and records are checked at the gate, and every outcome is reported."""


def build(desk: ApiContext, settings: Settings) -> FastAPI:
    """The whole desk, for a trusted network."""
    intake = EmailRoutes(desk)
    runner = OperationRunner(desk, settings)
    app = _app(desk, settings, desk.traffic.inside, routes={"/emails/send": intake.send, "/emails/reply": intake.reply})
    app.include_router(intake.router)
    app.include_router(intake.received.router)
    app.include_router(InboxRoutes(desk).router)
    app.include_router(ContactRoutes(desk, runner).router)
    app.include_router(InboundRoutes(desk, settings).router)
    app.include_router(Identities(runner).router)
    app.include_router(Signing(runner).router)
    app.include_router(Operators(desk, runner).router)
    app.include_router(Inventory(desk, runner).router)
    app.include_router(Tokens(runner, desk.callers).router)
    app.include_router(EnrolmentRoutes(desk).router)
    app.include_router(People(runner).router)
    app.include_router(WebhookRoutes(runner).router)
    app.include_router(OperationRoutes(desk, runner).router)
    app.include_router(Health(desk, settings).router)
    _open(app, desk, settings)
    describe(app, further=describe_operations)
    return app


def public(desk: ApiContext, settings: Settings) -> FastAPI:
    """Only the routes that outsiders need: unsubscribe, feedback, mail from providers. No API description."""
    app = _app(desk, settings, desk.traffic.public, described=False)
    _open(app, desk, settings)
    return app


def _open(app: FastAPI, desk: ApiContext, settings: Settings) -> None:
    app.include_router(Unsubscribe(desk, settings).router)
    app.include_router(Feedback(desk, settings).router)
    agent_guide.install(app, settings)
    app.include_router(ProviderInbound(desk, settings).router)


def _app(
    desk: ApiContext,
    settings: Settings,
    listener: Listener,
    *,
    described: bool = True,
    routes: Mapping[str, Handler] | None = None,
) -> FastAPI:
    app = FastAPI(
        title="Postroom",
        description=ABOUT,
        version=metadata.version("postroom"),
        redoc_url=None,
        docs_url=None,  # FastAPI's /docs page loads scripts from another site; docs.py replaces it
        openapi_url="/openapi.json" if described else None,
        generate_unique_id_function=operation_id,
    )
    errors.install(app)
    if routes:
        app.add_middleware(FastPath, routes=routes)
    if described:
        docs.install(app)
    app.add_middleware(Head)
    app.add_middleware(Hosts, settings=settings)
    larger = {f"/inbound/{one.name}": one.inbound.most for one in registry.PROVIDERS.values()}
    app.add_middleware(  # the last one added is outermost
        RequestLimits, chance=desk.ctx.chance, bodies=listener.bodies, larger=larger
    )
    return app
