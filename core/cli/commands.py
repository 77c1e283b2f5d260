"""Every command that works on a desk, in the order in which help lists them."""

from __future__ import annotations

import typer

from core.cli import (
    agents,
    audit,
    desk,
    doctor,
    mailboxes,
    operators,
    policy,
    queue,
    records,
    reports,
    runs,
    streams,
)


def mount(app: typer.Typer) -> None:
    """Add all of them."""
    desk.mount(app)
    for noun in (
        streams.app, mailboxes.app, agents.agent_app, agents.token_app, operators.app, queue.queue_app, queue.lane_app,
        runs.app, records.suppress_app, records.consent_app, policy.app, audit.app,
    ):  # fmt: skip
        app.add_typer(noun)
    reports.mount(app)
    doctor.mount(app)
