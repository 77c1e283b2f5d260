"""`postroom notify`: test whether notifications reach people."""

from __future__ import annotations

import asyncio
from typing import Final

from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import Output, table
from core.errors import Conflict
from core.rules import roles
from core.rules.roles import Verb
from core.services.notify.apprise_client import Reach, send_test

app: Final = group("notify")


@command(app, "test", example="postroom notify test")
def test(desk: CommandContext) -> Output:
    """Post a test to every channel of the policy in force. Exits 1 if one does not take it."""
    roles.check(desk.actor, Verb.NOTIFY_TEST)
    config = desk.settings.notify
    results = asyncio.run(
        send_test(desk.policy.notify.urls, reach=Reach.read(allow=config.allow, schemes=config.schemes))
    )
    if not results:
        raise Conflict("the policy in force names no channel", fix="set urls in [notify] of policy.toml")
    rows = [(one.url, "taken" if one.ok else one.reason) for one in results]
    data = {"results": [{"url": one.url, "ok": one.ok, "reason": one.reason} for one in results]}
    return Output(data, table(("CHANNEL", ""), rows), code=0 if all(one.ok for one in results) else 1)
