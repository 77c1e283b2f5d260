"""Held mail by template, without the console: the lines of `queue pending --group`, and the items of one group."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from core.cli.output import Output, table
from core.cli.remote.context import AnyDesk
from core.desk_client import short_ids
from core.errors import Conflict, Invalid
from core.filters import term

MOST = 200
"""Groups of one answer."""


def listed(desk: AnyDesk, *, mailbox: str | None, wanted: str, limit: int) -> Output:
    """One line for each template, those that fail checks first, then the largest."""
    within = f"{wanted} {term('mailbox', '=', mailbox)}".strip() if mailbox else wanted
    page = desk.call("queue.groups", filter=within, limit=min(limit, MOST))
    rows = [
        (
            one["id"],
            f"x{one['count']:,}",
            one["agent"],
            _checks(one),
            _domains(one),
            one["samples"][0]["subject"],
            one["samples"][-1]["subject"] if len(one["samples"]) > 1 else "",
            f"{one['seen']:,}",
            one["oldest_at"],
        )
        for one in page["groups"]
    ]
    heads = ("ID", "COUNT", "AGENT", "CHK", "DOMAINS", "OLDEST SUBJECT", "NEWEST SUBJECT", "READ", "SINCE")
    if page["more"]:
        desk.note("there are more groups: narrow them with --filter")
    if page["without"]:
        desk.note(f"{page['without']:,} more have no text to compare: postroom queue pending lists them")
    return Output(page, table(heads, rows, none="nothing is pending"))


def _checks(one: Mapping[str, Any]) -> str:
    """`✖2 of 40: hidden_text`."""
    if not one["failing"]:
        return ""
    named = ", ".join(check["code"] for check in one["checks"])
    return f"✖{one['failing']:,}" + (f": {named}" if named else "")


def _domains(one: Mapping[str, Any]) -> str:
    """`gmail.com 40, acme.example 2 and 3 more`; `+` where not all messages were counted."""
    if not one["domains"]:
        return ""
    named = ", ".join(f"{domain['domain']} {domain['count']:,}" for domain in one["domains"])
    rest = one["domain_count"] - len(one["domains"])
    return named + (f" and {rest} more" if rest > 0 else "") + ("" if one["exact"] else " +")


def chosen(
    desk: AnyDesk, ids: Sequence[str] | None, group: str | None, count: int | None, *, does: str
) -> Sequence[str]:
    """The items to decide: those named, or those of a group, whose size must be given: the number is the confirmation.

    Raises `Invalid`, or `Conflict` if the group has grown or shrunk.
    """
    if group is None:
        if not ids:
            raise Invalid("name an id, or a group with --group", fix="postroom queue pending lists them")
        if count is not None:
            raise Invalid("--count goes with --group", fix="leave it out")
        return ids
    if ids:
        raise Invalid("name ids or --group, not both", fix=f"postroom queue {does} --group {group}")
    group = short_ids.whole(desk, group)
    found = desk.call("queue.group", id=group)
    size, seen = found["count"], found["seen"]
    read = f"you have opened {seen:,} of {size:,}"
    again = f"to {does} them: postroom queue {does} --group {group} --count {size}"
    if count is None:
        raise Invalid(f"{size:,} messages of {found['agent']} are like {group}; {read}", fix=again)
    if count != size:
        raise Conflict(f"{size:,} messages are like {group} now, not {count:,}", fix=again)
    desk.note(f"{size:,} messages; {read}")
    items: list[str] = found["items"]
    return items
