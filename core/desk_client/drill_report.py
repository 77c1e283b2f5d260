"""The result of a revocation drill as sentences, the same for a screen and for the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.model import plural

if TYPE_CHECKING:
    from core.desk_client.drill import Drill


def text(one: Drill) -> str:
    """The result as a command prints it, the fresh tokens at its end."""
    return "\n".join([*_verdict(one), *_tried(one), *_consequences(one), "", *_restored(one)])


def lines(one: Drill) -> list[str]:
    """The result as a screen shows it, the fresh tokens first: nothing else holds them."""
    return [*_verdict(one), "", *_restored(one), "", *_tried(one), *_consequences(one)]


def _verdict(one: Drill) -> list[str]:
    return [f"{one.result.upper()}: revocation drill of {one.agent}", *(f"  {why}" for why in one.failures)]


def _tried(one: Drill) -> list[str]:
    where, probes = ", ".join(one.gateways.urls), plural(len(one.probes), "probe token")
    tried = [f"Revoked {plural(len(one.revoked), 'token')}. Tried to send at {where} with {probes}"]
    if one.closed_ms is not None:
        tried.append(f"Every attempt was refused (401), the last {one.closed_ms} ms after the revocation.")
    tried += [
        f"Not tried at {place}: drill again with --url and the URL at which it is reached from here"
        for place in one.gateways.unreached
    ]
    return tried + [
        f"The fresh token was not tried at {place}: it is live, and would cross the network in clear"
        for place in (one.in_clear if one.fresh else ())
    ]


def _consequences(one: Drill) -> list[str]:
    lines = []
    if waiting := one.plan["waiting"]:
        lines.append(
            f"{plural(waiting, 'message')} already accepted will still be delivered; to stop them as well: "
            f"postroom agent suspend {one.agent}"
        )
    if one.remove:
        records = [f"  {record['type']} {record['name']}" for record in one.remove]
        lines += ["", "To stop its signatures, remove from DNS:", *records]
    if one.plan["shared_with"]:
        lines.append(f"Those keys sign for these agents too: {', '.join(one.plan['shared_with'])}")
    if one.remain:
        remain = [f"  {record['type']} {record['name']}  {record['purpose']}" for record in one.remain]
        lines += ["These would remain:", *remain]
    return lines


def _restored(one: Drill) -> list[str]:
    if not one.fresh:
        return [f"It has no token now; when it needs one: postroom token issue --agent {one.agent}"]
    lines = []
    for fresh in one.fresh:
        replaced = fresh.facts["replaces"]
        what = "a revoked token" if replaced is None else f"token {replaced}"
        ends = fresh.facts["expires_at"]
        lines.append(fresh.made.secret)
        lines.append(
            f"Give it to {one.agent} in place of {what}: it ends {ends} and is not shown again. Its id is {fresh.id}."
        )
    return lines
