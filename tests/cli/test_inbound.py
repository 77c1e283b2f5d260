"""The mail server in front: its configuration is printed, and doctor tries the listener it hands mail over to."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any, cast

from core.services.receiving.intake import Intake
from core.settings import Inbound
from core.workers.lmtp import LmtpServer
from tests.cli.cli_runner import DOMAIN, Clerk
from tests.factories.ports import free_port


def configure(clerk: Clerk, lines: str) -> None:
    with (clerk.directory / "postroom.toml").open("a") as file:
        file.write(f"\n[inbound]\n{lines}\n")


def lmtp(clerk: Clerk) -> list[tuple[str, str]]:
    checks: list[dict[str, Any]] = clerk.run("doctor", "--json").json["checks"]
    return [(one["grade"], one["about"]) for one in checks if one["check"] == "lmtp"]


def test_the_lines_for_postfix_name_the_streams_their_bounces_and_the_listener(office: Clerk) -> None:
    assert office.ok("inbound", "postfix")["transport"][0] == f"{DOMAIN} lmtp:inet:127.0.0.1:2424"
    configure(office, 'lmtp = "unix:/run/postroom/lmtp"')
    told = office.ok("inbound", "postfix")
    assert told["transport"] == [f"{name} lmtp:unix:/run/postroom/lmtp" for name in (DOMAIN, f"bounces.{DOMAIN}")]
    assert f"relay_domains = {DOMAIN}, bounces.{DOMAIN}" in told["main_cf"]
    assert "reject_unverified_recipient" in "\n".join(told["main_cf"])


def test_a_socket_in_postfixs_queue_is_named_as_postfix_sees_it_there(office: Clerk) -> None:
    """Debian's Postfix delivers from within its queue directory (chroot): it finds no socket by its whole path."""
    configure(office, 'lmtp = "unix:/var/spool/postfix/postroom/lmtp"')
    assert office.ok("inbound", "postfix")["transport"][0] == f"{DOMAIN} lmtp:unix:postroom/lmtp"


def test_doctor_names_the_addresses_at_which_providers_may_post_mail(clerk: Clerk) -> None:
    def found() -> list[tuple[str, str]]:
        checks: list[dict[str, Any]] = clerk.run("doctor", "--json").json["checks"]
        return [(one["grade"], one["about"]) for one in checks if one["check"] == "inbound"]

    assert found() == []
    with (clerk.directory / "postroom.toml").open("a") as file:
        file.write('\n[feedback.mailgun]\nsigning_key = "k"\n[feedback.sendgrid]\npublic_key = "for events only"\n')
    assert found() == [("warn", "Mailgun")]  # its URL is not HTTPS yet
    clerk.surroundings["POSTROOM_PUBLIC_URL"] = "https://desk.acme.com"
    assert found() == [("ok", "Mailgun")]
    configure(clerk, "verify = false")
    assert found() == [("ok", "Mailgun"), ("warn", "Mailgun")]  # nobody proves senders of what a provider posts


def test_doctor_tries_the_listener_and_asks_who_proves_senders(clerk: Clerk, tmp_path: Path) -> None:
    assert lmtp(clerk) == []
    place = f"unix:{tmp_path}/s"
    configure(clerk, f'lmtp = "{place}"\nverify = false')
    assert lmtp(clerk) == [("warn", place)]
    ready, over, loop = threading.Event(), asyncio.Event(), asyncio.new_event_loop()

    async def serve() -> None:
        # Doctor greets and hands nothing over, so nothing is asked of the intake.
        async with LmtpServer(cast("Intake", None), Inbound(lmtp=place)).running():
            ready.set()
            await over.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serve()))
    thread.start()
    assert ready.wait(60)
    try:
        assert lmtp(clerk) == [("ok", place), ("warn", "authserv_ids")]
    finally:
        loop.call_soon_threadsafe(over.set)
        thread.join()
        loop.close()


def test_doctor_says_what_becomes_of_mail_while_the_scorer_does_not_answer(clerk: Clerk) -> None:
    def found() -> list[tuple[str, str]]:
        checks: list[dict[str, Any]] = clerk.run("doctor", "--json").json["checks"]
        return [(one["grade"], one["text"].partition(": ")[2]) for one in checks if one["check"] == "scorer"]

    assert found() == []
    configure(clerk, f'scorer = "http://127.0.0.1:{free_port()}/score"')
    assert found() == [("fail", "all received mail is held")]
    with (clerk.directory / "postroom.toml").open("a") as file:
        file.write('scorer_failure = "deliver"\n')
    assert found() == [("warn", "mail is delivered without its score")]
