from __future__ import annotations

from tests.cli.cli_runner import ADDRESS, RECORD, Clerk


def test_a_mode_falls_at_once_and_rises_by_governance_one_rung_at_a_time(office: Clerk) -> None:
    assert (
        office.ok("mailbox", "mode", ADDRESS, "read_only", "--reason", "odd", who="alice")["oversight_mode"]
        == "read_only"
    )
    office.refused("mailbox", "mode", ADDRESS, "gated_send", "--reason", "fine", who="gail")
    assert (
        office.ok("mailbox", "mode", ADDRESS, "gated_all", "--reason", "fine", who="gail")["oversight_mode"]
        == "gated_all"
    )


def test_limits_allow_list_and_classes_are_changed(office: Clerk) -> None:
    limits = office.ok("mailbox", "limits", ADDRESS, "--day", "200", "--hour", "50", "--reason", "good", who="gail")[
        "limits"
    ]
    assert (limits["day"], limits["hour"], limits["run"]) == (200, 50, None)
    allow = office.ok("mailbox", "allow", ADDRESS, "acme.com", "*.acme.com", "--reason", "inside", who="alice")["allow"]
    assert allow == ["*@acme.com", "*@*.acme.com"]
    office.refused("mailbox", "allow", ADDRESS, "*", "--reason", "more", who="alice")
    assert office.ok("mailbox", "classes", ADDRESS, "reply", "--reason", "less", who="alice")["classes"] == ["reply"]
    office.refused("mailbox", "limits", ADDRESS, "--reason", "nothing named", who="gail", code=2)


def test_a_webhooks_secret_is_shown_once_and_private_targets_are_refused(office: Clerk) -> None:
    office.refused("mailbox", "webhook", ADDRESS, "http://169.254.169.254/x", who="olive", code=2)
    first = office.ok("mailbox", "webhook", ADDRESS, "https://acme.com/hook", who="olive")
    assert first["webhook_secret"].startswith("whsec_")
    second = office.ok("mailbox", "webhook", ADDRESS, "rotate", who="olive")
    assert second["webhook_secret"] != first["webhook_secret"]
    assert office.ok("mailbox", "webhook", ADDRESS, "off", who="olive")["approval_webhook"] is None
    assert "webhook_secret" not in office.ok("mailbox", "show", ADDRESS)


def test_a_request_is_vetoed_and_a_mailbox_renewed_and_retired(office: Clerk) -> None:
    other = f"sales{ADDRESS[4:]}"
    office.ok("mailbox", "request", other, *RECORD, "--allow", "x.com", "y.com", who="alice")
    assert office.ok("mailbox", "show", other)["allow"] == ["*@x.com", "*@y.com"]
    vetoed = office.ok("mailbox", "veto", other, "--as", "deliverability", "--reason", "shared", who="dora")
    assert vetoed["status"] == "vetoed"
    office.ok("mailbox", "renew", ADDRESS, "--expires", "180d", "--reason", "goes on", who="gail")
    assert office.ok("mailbox", "retire", ADDRESS, "--reason", "replaced", who="olive")["status"] == "retired"
    listed = office.ok("mailbox", "list", "--status", "retired")["mailboxes"]
    assert [one["address"] for one in listed] == [ADDRESS]


def test_an_incomplete_request_says_what_it_lacks(office: Clerk) -> None:
    asked = office.ok("mailbox", "request", f"x{ADDRESS[4:]}", "--agent", "x", who="alice")
    assert "purpose" in asked["missing"]
    assert "owner" in asked["missing"]


def test_a_signature_is_given_to_the_record_that_was_shown(office: Clerk) -> None:
    other = f"sales{ADDRESS[4:]}"
    first = office.ok("mailbox", "request", other, *RECORD, "--allow", "x.com", who="alice")["record_digest"]
    office.ok("mailbox", "request", other, *RECORD, "--allow", "*", who="alice")
    shown = office.ok("mailbox", "show", other)["record_digest"]
    approve = ("mailbox", "approve", other, "--as", "governance", "--affirm", "all")
    assert "has changed since" in office.refused(*approve, "--digest", first, who="gail")
    office.refused(*approve, "--digest", "abc", who="gail", code=2)
    approved = office.ok(*approve, "--digest", shown, who="gail")
    assert [one["record_digest"] for one in approved["signoffs"]] == [shown]
    assert shown[:12] in office.run("trace", other).out


def test_the_evidence_says_what_the_next_rung_lacks(office: Clerk) -> None:
    found = office.ok("mailbox", "evidence", ADDRESS)
    assert found["advised"] == "gated_send"
    assert len(found["rungs"]) == 5
