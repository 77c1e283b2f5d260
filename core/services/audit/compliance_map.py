"""Compliance map: requirements and the events that are evidence for them. It counts, and claims nothing else.

A row names a requirement, the event types that are evidence for it, and what no log can show. The bundle's table gives
the number of such events in the period; a row without any says `none`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Row:
    """One requirement. `types` are event names; `limits` is what the bundle does not show."""

    framework: str
    item: str
    asks: str
    types: tuple[str, ...]
    files: str
    limits: str


_DECISIONS: Final = ("email.approved", "email.rejected", "email.approval_undone", "email.expired")
_STOPS: Final = ("agent.suspended", "desk.stopped", "stream.paused", "lane.paused")
_LADDER: Final = ("mailbox.activated", "mailbox.mode_changed", "mailbox.limits_changed")
_IDENTITY: Final = (
    "mailbox.requested", "mailbox.owner_approved", "mailbox.governance_approved", "mailbox.signed_off",
    "mailbox.activated", "mailbox.renewed", "mailbox.retired",
)  # fmt: skip
_TOKENS: Final = ("token.issued", "token.claimed", "token.revoked", "token.delegated", "identity.drilled")
_FEEDBACK: Final = ("email.bounced", "email.complained", "email.unsubscribed")

ROWS: Final = (
    Row(
        "EU AI Act (Reg. 2024/1689)", "Art. 14(4)(d)", "a person can decide not to use the output, or override it",
        _DECISIONS, "decisions.csv", "whether the system is high-risk, and whether reviewers were competent",
    ),
    Row(
        "EU AI Act (Reg. 2024/1689)", "Art. 14(4)(e)", "a person can intervene and stop the system", _STOPS,
        "events.jsonl", "how fast people were reached",
    ),
    Row(
        "EU AI Act (Reg. 2024/1689)", "Art. 14(4)(b)", "awareness of automation bias", ("email.approved",),
        "decisions.csv, column dwell_ms", "what a reviewer thought; only how long the message was open",
    ),
    Row(
        "EU AI Act (Reg. 2024/1689)", "Art. 12(1)", "automatic recording of events", ("email.submitted",),
        "events.jsonl, chain.txt", "anything the agent did outside of this gateway",
    ),
    Row(
        "CAN-SPAM (15 U.S.C. 7704)", "(a)(4)", "opt-outs are honoured", ("email.unsubscribed", "suppression.added"),
        "events.jsonl", "opt-outs that reached the sender another way",
    ),
    Row(
        "CAN-SPAM (15 U.S.C. 7704)", "(a)(5)", "identification, opt-out notice, postal address", (),
        "none", "the content of messages: the log holds digests, no bodies",
    ),
    Row(
        "OWASP Top 10 for Agentic Applications", "ASI03 Identity and Privilege Abuse",
        "agents act under identities and limits of their own", (*_IDENTITY, *_LADDER), "events.jsonl, modes.csv",
        "identities the agent holds elsewhere",
    ),
    Row(
        "OWASP Top 10 for Agentic Applications", "ASI02 Tool Misuse", "what a tool call may do is judged outside of it",
        ("email.blocked", "email.pending"), "events.jsonl", "tools other than mail",
    ),
    Row(
        "OWASP NHI Top 10 (2025)", "NHI1 Improper Offboarding", "identities end", ("mailbox.retired", "token.revoked"),
        "events.jsonl", "credentials outside of this desk",
    ),
    Row(
        "OWASP NHI Top 10 (2025)", "NHI5 Overprivileged NHI", "rights are granted by rungs and limits", _LADDER,
        "modes.csv", "whether a rung was right",
    ),
    Row(
        "OWASP NHI Top 10 (2025)", "NHI7 Long-Lived Secrets", "secrets expire", _TOKENS, "events.jsonl",
        "how agents keep their tokens",
    ),
    Row(
        "CSA MAESTRO", "Layer 5, evaluation and observability", "what agents do is observed and measured", _FEEDBACK,
        "figures.json, events.jsonl", "the model, its data and its framework (layers 1 to 4)",
    ),
    Row(
        "CSA MAESTRO", "Layer 6, security and compliance", "policy is enforced and versioned",
        ("policy.changed", "policy.refused"), "policies/", "controls outside of this gateway",
    ),
    Row(
        "NIST AI RMF 1.0", "GOVERN 3.2", "roles for oversight of human-AI configurations",
        (*_DECISIONS, "operator.added", "operator.confirmed"), "decisions.csv", "training and competence",
    ),
    Row(
        "NIST AI RMF 1.0", "MANAGE 2.4", "mechanisms to disengage or deactivate", (*_STOPS, "agent.resumed"),
        "events.jsonl", "systems that do not send through this desk",
    ),
    Row(
        "NIST AI RMF 1.0", "MANAGE 4.1", "monitoring after deployment", (*_FEEDBACK, "agent.warned"),
        "figures.json", "harm that nobody reported",
    ),
)  # fmt: skip


def markdown(counted: Mapping[str, int]) -> str:
    """Render the table for a period with these numbers of events by type."""
    lines = [
        "| framework | item | asks for | events of this period | where | what this does not show |",
        "| --- | --- | --- | --- | --- | --- |",
    ]
    for row in ROWS:
        there = [f"{name} {counted[name]:,}" for name in row.types if counted.get(name)]
        found = ", ".join(there) or "none"
        lines.append(f"| {row.framework} | {row.item} | {row.asks} | {found} | {row.files} | {row.limits} |")
    return "\n".join(lines) + "\n"
