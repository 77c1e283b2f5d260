"""Whether notifications reach people: a test posts for real, so it is an act, and the log has it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from core.errors import Conflict
from core.operations.answers import Answer
from core.operations.bodies import Nothing
from core.operations.operation import Call, Json, act
from core.rules.roles import Verb
from core.services import context
from core.services.notify import notification_outbox


def post(call: Call, _request: Nothing) -> Callable[[], object]:
    """Channels are asked outside any transaction. Raises `Conflict` if there is none."""
    config = call.resources.settings.notify
    urls = context.current_policy(call.tx)[1].notify.urls
    if not urls:
        raise Conflict("the policy in force names no channel", fix="set urls in [notify] of policy.toml")
    from core.services.notify.apprise_client import Reach, send_test  # noqa: PLC0415 - a second of plug-ins

    reach = Reach.read(allow=config.allow, schemes=config.schemes)
    console = call.resources.settings.console_command
    return lambda: asyncio.run(send_test(urls, reach=reach, console=console))


def test(call: Call, _request: Nothing) -> Json:
    notification_outbox.record_test(call.tx, call.prepared, actor=call.actor)
    return {"results": [{"url": one.url, "ok": one.ok, "reason": one.reason} for one in call.prepared]}


# --- answers ----------------------------------------------------------------------------------------------------------


class ChannelResult(Answer):
    """One channel, without its secrets, and whether it took the test."""

    url: str
    ok: bool
    reason: str | None


class Tested(Answer):
    """What became of the test at each channel."""

    results: list[ChannelResult]


OPERATIONS = (
    act("notify.test", test, Nothing, Tested, Verb.NOTIFY_TEST, prepare=post,
        about="Post a test to every channel of the policy in force."),
)  # fmt: skip
