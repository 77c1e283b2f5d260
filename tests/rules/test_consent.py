"""Consent: what counts as a record, for whom, where, until when; and that nothing else opens the door."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from core.durations import DAY
from core.errors import Invalid
from core.model import Block, ContentClass, Execute, Hold, Verdict
from core.rules.consent import (
    Basis,
    Recipient,
    Record,
    Terms,
    asks_first,
    decide,
    read_basis,
    region_of,
    stranger,
    unsolicited,
)

COLD = ContentClass.COLD_OUTREACH
NOW = 100 * DAY


def record(subject: str = "jane@example.com", basis: Basis = Basis.OPT_IN, **rest: int | str | None) -> Record:
    fields = {"given_at": DAY, **rest}
    return Record(subject=subject, basis=basis, **fields)  # type: ignore[arg-type]  # each test names what it sets


def ask(
    *records: Record,
    region: str | None = "US",
    internal: bool = False,
    opted_in: bool = False,
    content_class: ContentClass = COLD,
    terms: Terms | None = None,
) -> Verdict:
    jane = Recipient(address="jane@example.com", region=region, internal=internal, opted_in=opted_in)
    return decide(content_class, recipient=jane, records=records, terms=terms or Terms(), now=NOW)


def test_a_class_that_policy_does_not_name_needs_no_record() -> None:
    assert ask(content_class=ContentClass.TRANSACTIONAL) == Execute()


def test_without_a_record_it_is_held_and_the_reason_names_the_class_and_no_address() -> None:
    held = ask()
    assert isinstance(held, Hold)
    (reason,) = held.reasons
    assert reason.code == "consent"
    assert "cold_outreach" in reason.text
    assert "@" not in reason.text


def test_policy_may_block_instead() -> None:
    refused = ask(terms=Terms(missing="block"))
    assert isinstance(refused, Block)
    assert refused.error == "consent_required"


def test_a_misspelt_policy_does_not_loosen() -> None:
    assert isinstance(ask(terms=Terms(missing="hodl")), Block)
    assert isinstance(ask(record(basis=Basis.CONTRACT), region=None, terms=Terms(unknown_region="allwo")), Hold)


@pytest.mark.parametrize("region", ["US", "CA", "EU", "DE", None, ""])
def test_an_opt_in_is_enough_everywhere(region: str | None) -> None:
    assert ask(record(), region=region) == Execute()


@pytest.mark.parametrize("basis", [Basis.CONTRACT, Basis.LEGITIMATE_INTEREST])
def test_a_weaker_basis_is_enough_only_where_nobody_asks_first(basis: Basis) -> None:
    assert ask(record(basis=basis), region="US") == Execute()
    for region in ("CA", "eu", "FR", "GB", "UK"):
        assert isinstance(ask(record(basis=basis), region=region), Hold)


def test_an_unknown_region_counts_as_one_that_asks_first_unless_policy_says_otherwise() -> None:
    contract = record(basis=Basis.CONTRACT)
    assert isinstance(ask(contract, region=None), Hold)
    assert ask(contract, region=None, terms=Terms(unknown_region="allow")) == Execute()


def test_the_region_that_somebody_recorded_goes_before_the_one_of_the_domain() -> None:
    contract = Basis.CONTRACT
    assert ask(record(basis=contract, region="US"), region=None) == Execute()
    assert isinstance(ask(record(basis=contract, region="CA"), region="US"), Hold)
    assert ask(record(basis=contract, region="US"), region="CA") == Execute()


def test_withdrawn_is_refused_and_no_reviewer_is_asked() -> None:
    refused = ask(record(withdrawn_at=2 * DAY))
    assert isinstance(refused, Block)
    assert "withdrawn" in refused.reason


def test_who_comes_back_after_withdrawing_may_be_written_to() -> None:
    assert ask(record(withdrawn_at=2 * DAY), record(given_at=3 * DAY)) == Execute()


def test_a_withdrawal_ends_every_record_given_before_it_or_with_it() -> None:
    for given_at in (DAY, 5 * DAY):
        assert isinstance(ask(record(withdrawn_at=5 * DAY), record(given_at=given_at)), Block)


def test_a_withdrawal_to_come_has_not_happened() -> None:
    assert ask(record(withdrawn_at=NOW + 1)) == Execute()


def test_a_domain_s_record_speaks_for_its_addresses() -> None:
    assert ask(record("example.com")) == Execute()
    assert ask(record("@Example.com")) == Execute()
    assert isinstance(ask(record("ample.com")), Hold)
    assert isinstance(ask(record("joe@example.com")), Hold)


def test_an_address_s_own_record_beats_its_domain_s_both_ways() -> None:
    assert isinstance(ask(record("example.com", given_at=9 * DAY), record(withdrawn_at=2 * DAY)), Block)
    assert ask(record("example.com", withdrawn_at=9 * DAY), record()) == Execute()


def test_a_record_runs_out_at_its_time_and_not_before() -> None:
    assert ask(record(expires_at=NOW + 1)) == Execute()
    assert isinstance(ask(record(expires_at=NOW)), Hold)
    assert ask(record(expires_at=NOW), record(given_at=2 * DAY)) == Execute()


def test_a_record_given_in_the_future_is_none() -> None:
    assert isinstance(ask(record(given_at=NOW + 1)), Hold)


def test_a_record_speaks_only_for_its_scope() -> None:
    assert isinstance(ask(record(scope="notification")), Hold)
    assert ask(record(scope="notification, cold_outreach")) == Execute()


def test_a_withdrawal_out_of_scope_leaves_consent_alone() -> None:
    assert ask(record(), record(scope="notification", withdrawn_at=2 * DAY)) == Execute()


def test_internal_recipients_are_exempt_only_when_they_opted_in_and_did_not_withdraw() -> None:
    assert ask(internal=True, opted_in=True, region=None) == Execute()
    assert isinstance(ask(internal=True), Hold)
    assert isinstance(ask(opted_in=True), Hold)
    assert isinstance(ask(record(withdrawn_at=2 * DAY), internal=True, opted_in=True), Block)


@pytest.mark.parametrize(
    ("region", "asks"), [("de", True), ("NO", True), ("EU", True), ("GB", True), ("CA", True), ("US", False)]
)
def test_members_count_as_their_union(region: str, *, asks: bool) -> None:
    assert asks_first(region) == asks


def test_a_policy_may_name_single_countries() -> None:
    terms = Terms(prior_consent_regions=frozenset({"br", "GB"}))
    assert asks_first("BR", terms=terms)
    assert asks_first("GB", terms=terms)
    assert not asks_first("DE", terms=terms)


@pytest.mark.parametrize("text", ["opt-in", "Opt In", "express", "consent", "double_opt_in"])
def test_an_opt_in_has_many_spellings(text: str) -> None:
    assert read_basis(text) is Basis.OPT_IN


def test_a_basis_nobody_knows_is_refused() -> None:
    with pytest.raises(Invalid, match="bought list"):
        read_basis("bought list")


times = st.integers(0, 200 * DAY)
regions = st.sampled_from([None, "", "US", "CA", "EU", "de", "GB", "XX"])
records_of = st.builds(
    Record,
    subject=st.sampled_from(["jane@example.com", "example.com", "joe@example.com", "other.org"]),
    basis=st.sampled_from(Basis),
    given_at=times,
    scope=st.sampled_from(["*", "cold_outreach", "notification", "notification,cold_outreach", ""]),
    region=regions,
    expires_at=st.none() | times,
    withdrawn_at=st.none() | times,
)
recipients = st.builds(
    Recipient, address=st.just("jane@example.com"), region=regions, internal=st.booleans(), opted_in=st.booleans()
)
terms_of = st.builds(
    Terms,
    require=st.frozensets(st.sampled_from(ContentClass)).map(lambda some: some | {COLD}),
    prior_consent_regions=st.frozensets(st.sampled_from(["CA", "EU", "UK", "US"])),
    unknown_region=st.sampled_from(["require", "allow", "else"]),
    missing=st.sampled_from(["hold", "block", "else"]),
)


@given(recipients, st.lists(records_of, max_size=4), terms_of, times)
@example(Recipient(address="jane@example.com"), [], Terms(unknown_region="allow", missing="hold"), NOW)
def test_no_combination_lets_a_consent_needing_class_through_without_a_record(
    recipient: Recipient, records: list[Record], terms: Terms, now: int
) -> None:
    verdict = decide(COLD, recipient=recipient, records=records, terms=terms, now=now)
    assert verdict != Execute(notify=True)
    if isinstance(verdict, Execute) and not (recipient.internal and recipient.opted_in):
        assert any(
            entry.subject in {"jane@example.com", "example.com"}
            and entry.scope != "notification"
            and entry.given_at <= now
            and (entry.expires_at is None or entry.expires_at > now)
            and (entry.withdrawn_at is None or entry.withdrawn_at > now)
            for entry in records
        )


@given(recipients, st.lists(records_of, max_size=4), terms_of, times)
def test_a_withdrawal_now_never_opens_the_door(
    recipient: Recipient, records: list[Record], terms: Terms, now: int
) -> None:
    withdrawn = Record(subject=recipient.address, basis=Basis.OPT_IN, given_at=0, withdrawn_at=now)
    verdict = decide(COLD, recipient=recipient, records=[*records, withdrawn], terms=terms, now=now)
    assert isinstance(verdict, Block)


@given(recipients, st.lists(records_of, max_size=4), terms_of, times)
def test_the_order_of_records_does_not_matter(
    recipient: Recipient, records: list[Record], terms: Terms, now: int
) -> None:
    one = decide(COLD, recipient=recipient, records=records, terms=terms, now=now)
    two = decide(COLD, recipient=recipient, records=records[::-1], terms=terms, now=now)
    assert type(one) is type(two)


@pytest.mark.parametrize(
    ("domain", "region"),
    [
        ("firm.ca", "CA"), ("mail.firm.co.uk", "UK"), ("firma.de", "DE"), ("firm.us", "US"), ("firm.eu", "EU"),
        ("xn--firma.xn--e1a4c", "EU"), ("boutique.re", "FR"), ("agency.gov", "US"),
        ("firm.com", None), ("firm.org", None), ("start.io", None), ("start.ai", None), ("start.co", None),
        ("my.tv", None), ("one.test", None), ("firm.c4", None),
    ],
)  # fmt: skip
def test_a_country_s_domain_tells_the_region_and_one_that_everybody_buys_does_not(
    domain: str, region: str | None
) -> None:
    assert region_of(f"jane@{domain}") == region


@pytest.mark.parametrize(
    ("region", "contacted", "records", "verdict"),
    [
        ("CA", False, (), Hold),
        (None, False, (), Hold),
        ("US", False, (), Execute),
        ("CA", True, (), Execute),
        ("CA", False, (record(basis=Basis.CONTRACT),), Execute),
        ("CA", False, (record("example.com", scope="transactional"),), Execute),
        ("CA", False, (record(expires_at=NOW - 1),), Hold),
        ("CA", False, (record(given_at=NOW + 1),), Hold),
        ("CA", True, (record(withdrawn_at=NOW - 1),), Block),
        ("US", True, (record(withdrawn_at=NOW - 1),), Block),
    ],
)
def test_what_only_its_words_make_commercial_goes_where_we_have_to_do_with_the_recipient(
    region: str | None,
    contacted: bool,  # noqa: FBT001 - a parameter of the table above
    records: tuple[Record, ...],
    verdict: type[Verdict],
) -> None:
    jane = Recipient(address="jane@example.com", region=region)
    said = unsolicited(recipient=jane, contacted=contacted, records=records, now=NOW)
    assert isinstance(said, verdict)
    free = not stranger(address=jane.address, contacted=contacted, records=records, now=NOW)
    assert free == (verdict is Execute and region != "US")
