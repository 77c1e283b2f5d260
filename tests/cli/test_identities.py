from __future__ import annotations

from tests.cli.cli_runner import ADDRESS, DOMAIN, RECORD, Clerk


def test_an_identity_is_asked_for_signed_by_three_and_given_a_token(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    asked = clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    assert asked["status"] == "requested"
    assert asked["missing"] == []
    assert asked["waiting_for"] == ["owner", "governance", "deliverability"]
    for kind, who in (("owner", "olive"), ("governance", "gail")):
        assert clerk.ok("mailbox", "approve", ADDRESS, "--as", kind, who=who)["status"] == "requested"
    assert clerk.ok("mailbox", "approve", ADDRESS, "--as", "deliverability", who="dora")["status"] == "active"
    issued = clerk.ok("token", "issue", "--agent", "support-bot", "--ttl", "8h", who="gail")
    assert issued["token"].startswith("pra_")
    assert issued["expires_at"].endswith("Z")


def test_a_signature_says_its_checklist_once_and_who_answers_for_what(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="alice")
    assert "owner has no checklist" in clerk.refused(
        "mailbox", "approve", ADDRESS, "--as", "owner", "--affirm", "ownership", who="olive", code=2
    )
    said = clerk.run("mailbox", "approve", ADDRESS, "--as", "governance", who="gail")
    lines = (said.out + said.err).splitlines()
    assert [line for line in lines if "ownership" in line and line.endswith("You answer for it.")] == lines[:1]
    assert sum("logging" in line for line in lines) == 1
    assert any("logging" in line and line.endswith("The desk saw it itself.") for line in lines)


def test_who_asks_never_signs(clerk: Clerk) -> None:
    clerk.ok("stream", "add", DOMAIN, "--relay", "smtp://127.0.0.1:2525", who="dora")
    clerk.ok("mailbox", "request", ADDRESS, *RECORD, "--allow", "*", who="gail")
    said = clerk.refused("mailbox", "approve", ADDRESS, "--as", "governance", who="gail")
    assert "who asks never approves" in said
