"""Streams and their DNS records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.durations import when

if TYPE_CHECKING:
    from core.rules.stream_records import DnsRecord
    from core.services.identity.streams import StreamFacts


def stream(one: StreamFacts) -> dict[str, Any]:
    """A sending subdomain: its route, its warm-up, whether it is paused."""
    return {
        "domain": one.domain,
        "route": one.route,
        "provider": one.provider,
        "protected": one.protected,
        "owners": [*one.owners],
        "organisation": one.organisation,
        "postal_address": one.postal_address,
        "unsubscribe_url": one.unsubscribe_url,
        "warm": bool(one.warm),
        "warm_cap": one.warm_cap,
        "active_slot": one.active_slot,
        "created_at": when(one.created_at),
        "first_sent_at": when(one.first_sent_at),
        "paused_at": when(one.paused_at),
        "paused_by": one.paused_by,
        "pause_reason": one.pause_reason,
        "backoff_until": when(one.backoff_until or None),
        "last_reply": one.last_reply,
        "connection_messages": one.connection_messages,
        "minute_messages": one.minute_messages,
        "spf": one.spf,
    }


def dns_record(one: DnsRecord) -> dict[str, Any]:
    """A record to publish; `strings` are the pieces of a TXT record in a zone file."""
    return {
        "type": one.type,
        "name": one.name,
        "value": one.value,
        "purpose": one.purpose,
        "strings": list(one.strings) if one.type == "TXT" else [],
        "required": one.required,
        "state": one.state,
        "revoke_at": when(one.revoke_at),
        "remove_at": when(one.remove_at),
    }
