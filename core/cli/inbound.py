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
QUEUE: Final = "/var/spool/postfix/"
"""Postfix's queue, where Debian also confines its programs."""


@command(app, "postfix", example="postroom inbound postfix")
def postfix(desk: CommandContext) -> Output:
    """The lines for Postfix's main.cf and transport map that hand received mail over by LMTP."""
    place = desk.settings.inbound.lmtp
    if place is None:
        desk.note(f"inbound.lmtp is not set: set it in postroom.toml, or run postroom serve --lmtp {DEFAULT}")
    with desk.read() as conn:
        domains = [name for one in streams.listed(conn) for name in (one.domain, f"bounces.{one.domain}")]
    target = f"lmtp:inet:{place or DEFAULT}"
    if place is not None and place.startswith("unix:"):
        path = place.removeprefix("unix:")
        target = f"lmtp:unix:{path.removeprefix(QUEUE)}"  # relative to the queue, the same with and without a chroot
        if not path.startswith(QUEUE):
            desk.note(f"Debian's Postfix cannot see {path} (chroot): use a socket below {QUEUE}, or HOST:PORT")
    main = [
        "relay_domains = " + (", ".join(domains) or "support-bot.acme.com, bounces.support-bot.acme.com"),
        "transport_maps = $default_database_type:$config_directory/transport",
        # The desk answers RCPT at once, so unknown recipients are refused to the sender and never bounced.
        "smtpd_recipient_restrictions = permit_mynetworks, reject_unauth_destination, reject_unverified_recipient",
        "unverified_recipient_reject_code = 550",
        # By default a new mailbox is refused for three hours, and mail to a retired one is taken for weeks and bounced.
        "address_verify_negative_refresh_time = 60s",
        "address_verify_positive_refresh_time = 600s",
        "address_verify_positive_expire_time = 3600s",
        f"message_size_limit = {MAX_BYTES}",
    ]
    transport = [f"{domain} {target}" for domain in domains]
    text = "\n".join(
        [
            "# /etc/postfix/main.cf",
            *main,
            "",
            "# /etc/postfix/transport, then: postmap /etc/postfix/transport; postfix reload",
            *transport,
        ]
    )
    return Output({"lmtp": place, "main_cf": main, "transport": transport}, text)
