"""`postroom inbound`: what to configure so that mail for the desk's mailboxes arrives."""

from __future__ import annotations

from typing import Final

from core.cli.commands import group
from core.cli.context import CommandContext, command
from core.cli.output import Output
from core.rules.inbound.message import MAX_BYTES
from core.services.identity import streams

app: Final = group("inbound")

DEFAULT: Final = "127.0.0.1:2424"


@command(app, "postfix", example="postroom inbound postfix")
def postfix(desk: CommandContext) -> Output:
    """The lines for Postfix's main.cf and transport map that hand received mail over by LMTP."""
    place = desk.settings.inbound.lmtp
    if place is None:
        desk.note(f"inbound.lmtp is not set: set it in postroom.toml, or run postroom serve --lmtp {DEFAULT}")
    with desk.read() as conn:
        domains = [name for one in streams.listed(conn) for name in (one.domain, f"bounces.{one.domain}")]
    target = f"lmtp:{place}" if (place or "").startswith("unix:") else f"lmtp:inet:{place or DEFAULT}"
    main = [
        "relay_domains = " + (", ".join(domains) or "support-bot.acme.com, bounces.support-bot.acme.com"),
        "transport_maps = hash:/etc/postfix/transport",
        # The desk answers RCPT at once, so unknown recipients are refused to the sender and never bounced.
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, reject_unverified_recipient",
        "unverified_recipient_reject_code = 550",
        f"message_size_limit = {MAX_BYTES}",
    ]
    transport = [f"{domain} {target}" for domain in domains]
    text = "\n".join(
        [
            "# /etc/postfix/main.cf",
            *main,
            "",
            "# /etc/postfix/transport, then: postmap /etc/postfix/transport",
            *transport,
        ]
    )
    return Output({"lmtp": place, "main_cf": main, "transport": transport}, text)
