"""Checks of `postroom doctor` on the ways in for mail: whether the LMTP listener answers, which providers may post."""

from __future__ import annotations

import asyncio
import smtplib
from collections.abc import Iterator

from core.cli.context import CommandContext
from core.cli.diagnostics.finding import REACH_WITHIN, Finding, Grade
from core.rules.providers import registry
from core.services.receiving import outside_scorer, sender_proof
from core.services.receiving.read_mail import read_mail
from core.settings import split_listen


def lmtp(desk: CommandContext) -> Iterator[Finding]:
    """Greet the listener as the mail server does; nothing is handed over."""
    place = desk.settings.inbound.lmtp
    if place is None:
        return
    unix = place.startswith("unix:")
    host, port = (place.removeprefix("unix:"), 0) if unix else split_listen(place)
    try:
        with smtplib.LMTP(host, port, local_hostname="postroom-doctor", timeout=REACH_WITHIN) as client:
            code, _ = client.ehlo()
    except (OSError, smtplib.SMTPException) as error:
        finding = f"no answer: {error}"
        yield Finding(Grade.WARN, "lmtp", place, finding, "start the gateway: postroom serve; a socket needs its group")
        return
    if code == 250:
        yield Finding(Grade.OK, "lmtp", place, "it takes mail")
    else:
        yield Finding(
            Grade.FAIL, "lmtp", place, f"it answers {code}", "another program listens there: set inbound.lmtp"
        )
    if not desk.settings.inbound.authserv_ids and not (desk.settings.inbound.verify and sender_proof.available()):
        fix = "set inbound.authserv_ids to the name in the mail server's Authentication-Results, or install the extra"
        fix += " postroom[inbound]"
        yield Finding(Grade.WARN, "lmtp", "authserv_ids", "is not set: no sender is ever proved", fix)


def scorer(desk: CommandContext) -> Iterator[Finding]:
    """Ask the scorer of `inbound.scorer` about an empty message."""
    configured = outside_scorer.configured(desk.settings.inbound)
    if configured is None:
        return
    url = str(desk.settings.inbound.scorer)
    said = asyncio.run(configured.ask(outside_scorer.question(read_mail(b"Subject: postroom doctor\r\n\r\n"))))
    if said.trouble is None:
        yield Finding(Grade.OK, "scorer", url, "it answers with a score")
        return
    held = desk.settings.inbound.scorer_failure == "hold"
    what = "all received mail is held" if held else "mail is delivered without its score"
    yield Finding(
        Grade.FAIL if held else Grade.WARN, "scorer", url, f"{said.trouble}: {what}", "start it, or take it out"
    )


def providers(desk: CommandContext) -> Iterator[Finding]:
    """Name the addresses at which providers may post received mail, and say if no sender of it is ever proved."""
    proved = desk.settings.inbound.verify and sender_proof.available()
    for provider in registry.PROVIDERS.values():
        if not provider.inbound.connected(desk.settings.feedback.of(provider)):
            continue
        url = f"{desk.settings.public_url}/inbound/{provider.name}{provider.inbound.paths[-1]}"
        if url.startswith("https:"):
            yield Finding(Grade.OK, "inbound", provider.title, f"it may post received mail to {url}")
        else:
            fix = "serve it over HTTPS and set public_url, if mail is received through this provider"
            yield Finding(Grade.WARN, "inbound", provider.title, f"{url} is not HTTPS: its proof could be copied", fix)
        if not proved:
            fix = "install the extra postroom[inbound], without inbound.verify = false, if mail is received through it"
            yield Finding(Grade.WARN, "inbound", provider.title, "no sender of its mail is ever proved", fix)
