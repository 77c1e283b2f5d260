"""Suppressions and consent records."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from core.durations import when

if TYPE_CHECKING:
    from core.services.feedback.consents import ConsentView
    from core.views.agents import SuppressionRow


def suppression(one: SuppressionRow) -> dict[str, Any]:
    """An address that must not receive mail; `stream` is null if it applies to the whole desk."""
    return {
        "id": one.id,
        "address": one.address,
        "stream": one.stream,
        "classes": one.classes,
        "cause": one.cause,
        "source": one.source,
        "reason": one.reason,
        "added_by": one.added_by,
        "added_at": when(one.added_at),
        "expires_at": when(one.expires_at),
    }


def consent(one: ConsentView) -> dict[str, Any]:
    """The basis for mail to a recipient or a domain, and where it came from."""
    return {
        "id": one.id,
        "subject": one.subject,
        "stream": one.stream,
        "basis": one.basis,
        "scope": one.scope,
        "source": one.source,
        "region": one.region,
        "given_at": when(one.given_at),
        "expires_at": when(one.expires_at),
        "withdrawn_at": when(one.withdrawn_at),
        "added_by": one.added_by,
    }
