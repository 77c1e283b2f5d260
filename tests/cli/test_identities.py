from __future__ import annotations

from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk, connect_feedback


def test_an_identity_is_asked_for_signed_by_three_and_given_a_token(clerk: Clerk) -> None:
    connect_feedback(clerk)
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    asked = clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    assert asked["status"] == "requested"
    assert asked["missing"] == []
    assert asked["waiting_for"] == ["owner", "governance", "deliverability"]
    for kind, who in (("owner", "olive"), ("governance", "gail")):
        signed = clerk.ok("mailbox", "approve", ADDRESS, "--as", kind, "--affirm", "all", who=who)
        assert signed["status"] == "requested"
    signed = clerk.ok("mailbox", "approve", ADDRESS, "--as", "deliverability", "--affirm", "all", who="dora")
    assert signed["status"] == "active"
    issued = clerk.ok("token", "issue", "--agent", "support-bot", "--ttl", "8h", who="gail")
    assert issued["token"].startswith("pra_")
    assert issued["expires_at"].endswith("Z")


def test_who_asks_never_signs(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="gail")
    said = clerk.refused("mailbox", "approve", ADDRESS, "--as", "governance", "--affirm", "all", who="gail")
    assert "a requester cannot approve" in said
