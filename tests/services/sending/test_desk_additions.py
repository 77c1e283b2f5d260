"""Headers by which providers count complaints and send them: the desk's own name in Feedback-ID, CFBL-Address."""

from __future__ import annotations

import email
import re
from dataclasses import replace
from email.message import Message

from sqlalchemy import select

from core.db import gate_queries
from core.db.store import Store
from core.db.tables import BODY
from core.model import ContentClass
from core.rules import signed_ids
from core.services.sending.desk_additions import default_sender_id
from core.settings import Feedback
from tests.factories.delivery import number
from tests.factories.desk import DOMAIN, KEYRING, Bench
from tests.factories.reports import free

ARRIVE = Feedback(report_open=True)


def header_of(desk: Bench, content_class: ContentClass = ContentClass.TRANSACTIONAL) -> tuple[int, Message]:
    message = number(desk.submit("jane@example.com", content_class=content_class).message_id)
    row = desk.store.row(select(BODY.c.rendered).where(BODY.c.message_id == message))
    assert row is not None
    return message, email.message_from_bytes(row.rendered)


def test_feedback_id_ends_in_the_desks_own_name_at_every_start_until_it_is_given_another(store: Store) -> None:
    desk = free(store)
    _, first = header_of(desk)
    _, _, domain, own = first["Feedback-ID"].split(":")
    assert domain == DOMAIN
    assert re.fullmatch("[a-z0-9]{5,15}", own)
    with store.read() as conn:
        created_at = gate_queries.desk_created_at(conn)
    assert own == default_sender_id(created_at) != default_sender_id(created_at + 1)
    _, named = header_of(replace(desk, ctx=replace(desk.ctx, feedback_sender="acme-mail")))
    assert named["Feedback-ID"].endswith(f":{DOMAIN}:acme-mail")


def test_mail_names_a_complaint_address_below_the_domain_that_signs_it_and_internal_mail_does_not(store: Store) -> None:
    desk = free(store)
    asking = replace(desk, ctx=replace(desk.ctx, cfbl=ARRIVE.invites_complaints))
    message, header = header_of(asking)
    assert header["CFBL-Address"] == f"fbl@bounces.{DOMAIN}; report=arf"
    assert signed_ids.read_complaint_id(header["CFBL-Feedback-ID"], KEYRING) == message
    for quiet, content_class in ((asking, ContentClass.INTERNAL), (desk, ContentClass.TRANSACTIONAL)):
        _, header = header_of(quiet, content_class)
        assert "CFBL-Address" not in header
        assert "CFBL-Feedback-ID" not in header
