"""The policy file: what is refused and how it says so, and which edits tighten."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from core.durations import DAY, HOUR, MINUTE, SECOND
from core.errors import Invalid
from core.model import RUN_MEMBERS, ContentClass, Mode
from core.rules.policy import DEFAULT_TOML, Policy, changes, from_json, parse, shown, tightened, to_json
from core.rules.policy.changes import marker
from core.rules.policy.sections import RunMember, Tightens


def leaves(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, field in model.model_fields.items():
        inner = field.annotation
        if isinstance(inner, type) and issubclass(inner, BaseModel):
            yield from leaves(inner, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", field


def problems(text: str) -> dict[str, str]:
    with pytest.raises(Invalid) as refused:
        parse(text)
    return dict(refused.value.problems)


def edit(key: str, value: str) -> Policy:
    """The default file with one key set."""
    section, _, name = key.rpartition(".")
    before, table, after = re.split(
        rf"^{re.escape(f'[{section}]')}(.*?)(?=^\[|\Z)", DEFAULT_TOML, flags=re.MULTILINE | re.DOTALL
    )
    table, found = re.subn(rf"^{name} = .*", f"{name} = {value}", table, flags=re.MULTILINE)
    assert found == 1, key
    text = f"{before}[{section}]{table}{after}"
    return parse(text)


# --- reading ---------------------------------------------------------------------------------------------------------


def test_default_file_and_empty_file_are_the_default_policy() -> None:
    assert parse(DEFAULT_TOML) == Policy()
    assert parse("") == Policy()


def test_default_file_names_every_key_there_is() -> None:
    document = tomllib.loads(DEFAULT_TOML)
    for path, _ in leaves(Policy):
        table = document
        for part in path.split("."):
            assert part in table, path
            table = table[part]


def test_durations_are_microseconds() -> None:
    policy = parse('[oversight]\npending_expiry = "3d"\nrelease_delay = "0s"')
    assert (policy.oversight.pending_expiry, policy.oversight.release_delay) == (3 * DAY, 0)
    assert Policy().guards.bounces.window == 72 * HOUR
    assert Policy().delivery.first_retry == 5 * MINUTE
    assert Policy().oversight.release_delay == 10 * SECOND


def test_all_problems_are_told_at_once() -> None:
    found = problems(
        """
        budgets = 3
        [oversight]
        default_mode = "free"
        pending_expiry = "20m"
        release_delay = 10
        [consent]
        require = ["spam"]
        [guards.bounces]
        min_events = 2.5
        [disclosure]
        footer = "by {agent}"
        """
    )
    assert found == {
        "budgets": "must be a table of keys, not 3",
        "oversight.default_mode": "must be 'read_only', 'gated_all', 'gated_send', 'monitored' or 'autonomous', "
        "not 'free'",
        "oversight.pending_expiry": "must be from 1h to 30d, not 20m",
        "oversight.release_delay": "must be a number and a unit in quotes, such as '10m', not 10",
        "consent.require.0": "must be 'transactional', 'reply', 'notification', 'internal', 'cold_outreach' or "
        "'commitment', not 'spam'",
        "guards.bounces.min_events": "must be a whole number, not 2.5",
        "disclosure.footer": "may name {organisation} only",
    }


@pytest.mark.parametrize(
    ("text", "key", "meant"),
    [
        ("[oversite]\nx = 1", "oversite", "oversight"),
        ('[oversight]\nrelease_dely = "1s"', "oversight.release_dely", "release_delay"),
        ("[oversight]\nnew_recipients_day = 1", "oversight.new_recipients_day", "budgets.agent.new_recipients_day"),
        ('[budgets.sites."gmail.com"]\nminut = 1', 'budgets.sites."gmail.com".minut', "minute"),
    ],
)
def test_misspelled_key_is_refused_with_what_was_probably_meant(text: str, key: str, meant: str) -> None:
    assert problems(text)[key].endswith(f"did you mean {meant}?")


@pytest.mark.parametrize(
    "text",
    [
        "[oversight",
        "x = " + "[" * 5_000,
        "[guards.complaints]\nwarn = 0.01",
        "[guards.complaints]\nsuspend = nan",
        "[guards.complaints]\nsuspend = 1.5",
        '[delivery]\nfirst_retry = "2h"\ngive_up = "1h"',
        "[budgets.run]\ncap = -1",
        "[budgets.run]\ncap = true",
        "[budgets.run]\ncap = 99999999999999999999999",
        '[budgets.run]\non_exceed = "refuse"',
        "[warmup]\ndays = [50, 0]",
        '[budgets.sites."Gmail.com"]\nminute = 1',
        "[retention]\nbodies = 2020-01-01",
        '[consent]\nprior_consent_regions = ["Europe"]',
        '[notify]\nurls = ["not an address"]',
        '[disclosure]\nfooter = "{"',
    ],
)
def test_value_out_of_its_range_is_refused_with_its_key(text: str) -> None:
    for key, sentence in problems(text).items():
        assert key
        assert sentence


def test_limit_left_out_of_a_site_is_the_common_one() -> None:
    budgets = parse('[budgets.site]\nhour = 300\n[budgets.sites."gmail.com"]\nminute = 7').budgets
    assert budgets.of_site("gmail.com").model_dump() == {
        "minute": 7, "hour": 300, "stream_minute": 50, "stream_hour": 600
    }  # fmt: skip
    assert (budgets.of_site("acme.com").minute, budgets.of_site("acme.com").hour) == (50, 300)


def test_order_of_a_list_means_nothing() -> None:
    assert changes(Policy(), edit("classes.hold", '["commitment", "cold_outreach", "commitment"]')) == ()


def test_stored_form_gives_the_same_policy_back() -> None:
    policy = edit("notify.urls", '["slack://token"]')
    assert from_json(to_json(policy)) == policy


@pytest.mark.parametrize("stored", ['{"oversight": 3}', "", "[]", "nonsense", '"\\u202e"'])
def test_a_stored_form_that_is_no_policy_is_refused(stored: str) -> None:
    with pytest.raises(Invalid, match="the policy is not valid"):
        from_json(stored)


def test_policy_in_force_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValidationError):
        Policy().budgets.run.cap = 5  # type: ignore[misc]  # that it is frozen is what is tested


# --- tightening ------------------------------------------------------------------------------------------------------


def test_every_key_has_a_direction() -> None:
    for path, field in leaves(Policy):
        assert marker(field) is not None, path


EDITS = {
    "quota.messages": ("50", "200_000"),
    "quota.megabytes": ("50", "20_000"),
    "identities.drill_every": ('"30d"', '"180d"'),
    "identities.unused_after": ('"7d"', '"90d"'),
    "oversight.default_mode": ('"gated_all"', '"monitored"'),
    "oversight.pending_expiry": ('"1h"', '"80h"'),
    "oversight.release_delay": ('"20s"', '"0s"'),
    "oversight.minimum_time_on_rung": ('"7d"', '"1h"'),
    "identities.longest_life": ('"90d"', '"400d"'),
    "budgets.run.cap": ("99", "101"),
    "budgets.agent.hour": ("0", "11"),
    "budgets.agent.day": ("9", "11"),
    "budgets.agent.new_recipients_day": ("9", "11"),
    "budgets.site.minute": ("49", "51"),
    "budgets.site.hour": ("599", "601"),
    "budgets.site.stream_minute": ("49", "51"),
    "budgets.site.stream_hour": ("599", "601"),
    'budgets.sites."gmail.com".minute': ("49", "51"),
    "warmup.days": ("[50, 100, 200, 400, 800, 1600, 3200, 6400, 12800]", "[50]"),
    "guards.complaints.warn": ("0.0002", "0.0004"),
    "guards.complaints.suspend": ("0.0004", "0.001"),
    "guards.complaints.min_events": ("1", "3"),
    "guards.bounces.warn": ("0.01", "0.03"),
    "guards.bounces.suspend": ("0.04", "0.06"),
    "guards.bounces.min_events": ("4", "6"),
    "anomalies.rejections": ("0.1", "0.3"),
    "anomalies.expiry": ("0.2", "0.3"),
    "anomalies.min_decisions": ("5", "11"),
    "consent.require": ('["cold_outreach", "reply"]', "[]"),
    "consent.prior_consent_regions": ('["BR", "CA", "EU", "UK"]', '["EU", "UK"]'),
    "classes.hold": ('["cold_outreach", "commitment", "reply"]', '["commitment"]'),
    "review.seconds_per_message": ("4", "2"),
    "review.messages_per_minute": ("19", "21"),
    "suppression.soft_after": ("2", "4"),
    "suppression.soft_expiry": ('"60d"', '"7d"'),
    "delivery.schedule_ahead": ('"7d"', '"60d"'),
    "notify.events": (
        '["agent.suspended","agent.warned","desk.started","desk.stopped","email.altered","gateway.lost","webhook.dead"]',
        '["agent.suspended", "agent.warned"]',
    ),
    "notify.pending_older_than": ('"1h"', '"5h"'),
    "notify.expiry_before": ('["2h", "24h", "48h"]', '["2h"]'),
}
ONE_WAY = {
    "budgets.agent.on_exceed": ('"refuse"', "tightens"),
    "allow_list.outside": ('"block"', "tightens"),
    "consent.missing": ('"block"', "tightens"),
    "consent.unknown_region": ('"allow"', "loosens"),
    "runs.require": ('["user"]', "tightens"),
    "runs.missing": ('"refuse"', "tightens"),
    "delivery.uncertain": ('"hold"', "tightens"),
    "suppression.scope": ('"stream"', "loosens"),
    "suppression.unsubscribe": ('"stream"', "tightens"),
    "disclosure.header": ("false", "loosens"),
    "disclosure.footer": ('""', "loosens"),
    "disclosure.footer_except": ('["internal"]', "loosens"),
    "guards.complaints.window": ('"1d"', "loosens"),
    "guards.bounces.window": ('"30d"', "loosens"),
    "anomalies.window": ('"30d"', "loosens"),
    "classes.commitment_phrases": ('["my treat", "on our account"]', "tightens"),
    "oversight.expiry_calendar": ('"mon-fri 08:00-18:00 Europe/Berlin"', "loosens"),
    "review.four_eyes": ('["commitment"]', "tightens"),
    "notify.urls": ('["mailto://desk"]', "loosens"),
    "notify.digest": ('"1m"', "neutral"),
    "delivery.first_retry": ('"10m"', "neutral"),
    "delivery.give_up": ('"72h"', "neutral"),
    "retention.bodies": ('"7d"', "neutral"),
    "webhooks.timeout": ('"5s"', "neutral"),
    "webhooks.give_up": ('"24h"', "neutral"),
}


@pytest.mark.parametrize("key", EDITS)
def test_each_key_tightens_one_way_and_loosens_the_other(key: str) -> None:
    for value, direction in zip(EDITS[key], ("tightens", "loosens"), strict=True):
        new = edit(key, value)
        assert {change.direction for change in changes(Policy(), new)} == {direction}
        assert {change.path.partition("[")[0] for change in changes(Policy(), new)} == {key}
        assert tightened(Policy(), new) == (new if direction == "tightens" else Policy())


@pytest.mark.parametrize("key", ONE_WAY)
def test_choices_tighten_towards_their_stricter_end(key: str) -> None:
    value, direction = ONE_WAY[key]
    new = edit(key, value)
    (change,) = changes(Policy(), new)
    assert (change.path, change.direction) == (key, direction)
    assert tightened(Policy(), new) == (Policy() if direction == "loosens" else new)


def test_every_key_that_can_change_is_tried_above() -> None:
    tried = {*EDITS, *ONE_WAY, "budgets.sites"}
    assert {path for path, _ in leaves(Policy)} - tried == {"budgets.run.on_exceed"}  # it has one value only


def test_change_is_spelled_as_in_the_file() -> None:
    (change,) = changes(Policy(), edit("oversight.pending_expiry", '"7d"'))
    assert (change.old, change.new) == ("72h", "7d")


def test_list_that_gains_and_loses_is_two_changes_of_which_the_gain_passes() -> None:
    new = edit("classes.hold", '["commitment", "internal"]')
    added, removed = changes(Policy(), new)
    assert (added.new, added.direction) == (("internal",), "tightens")
    assert (removed.old, removed.direction) == (("cold_outreach",), "loosens")
    assert tightened(Policy(), new).classes.hold == (
        ContentClass.COLD_OUTREACH,
        ContentClass.COMMITMENT,
        ContentClass.INTERNAL,
    )


def test_notification_addresses_do_not_reach_the_log() -> None:
    (change,) = changes(Policy(), edit("notify.urls", '["slack://secret-token/channel"]'))
    assert change.new == ("slack://...",)


def test_a_new_place_to_tell_waits_for_governance_and_so_does_silencing_one() -> None:
    one, other = edit("notify.urls", '["slack://a/b"]'), edit("notify.urls", '["slack://c/d"]')
    assert [change.direction for change in changes(one, other)] == ["loosens", "loosens"]
    assert tightened(Policy(), one).notify.urls == ()
    assert tightened(one, other).notify.urls == ("slack://a/b",)


def test_a_misspelt_address_to_notify_does_not_reach_the_log_by_its_refusal() -> None:
    for urls in ('["slack//xoxb-secret"]', '"xoxb-secret"', '[{token = "xoxb-secret"}]'):
        with pytest.raises(Invalid) as refused:
            parse(f"[notify]\nurls = {urls}")
        assert "secret" not in str(refused.value.problems) + refused.value.reason


def test_a_policy_is_shown_without_its_credentials() -> None:
    told = json.dumps(shown(edit("notify.urls", '["slack://xoxb-secret/channel"]')))
    assert "slack://..." in told
    assert "secret" not in told


def test_removing_a_strict_site_override_loosens_and_removing_a_wide_one_tightens() -> None:
    base = "[budgets.site]\nminute = 50\n[budgets.sites]\n"
    strict, wide = base + '"gmail.com" = {minute = 5}', base + '"gmail.com" = {minute = 500}'
    (loosens,) = changes(parse(strict), parse(base))
    assert (loosens.old, loosens.new, loosens.direction) == (5, None, "loosens")
    assert tightened(parse(strict), parse(base)) == parse(strict)
    (tightens,) = changes(parse(wide), parse(base))
    assert tightens.direction == "tightens"
    assert tightened(parse(wide), parse(base)) == parse(base)


def test_widening_the_common_pace_waits_while_a_new_site_limit_passes() -> None:
    old = parse("[budgets.site]\nminute = 50\n[budgets.sites]")
    new = parse('[budgets.site]\nminute = 90\n[budgets.sites."gmail.com"]\nminute = 20')
    kept = tightened(old, new)
    assert kept.budgets.of_site("acme.com").minute == 50
    assert kept.budgets.of_site("gmail.com").minute == 20


def test_warm_up_taken_away_loosens_each_day_of_it() -> None:
    found = changes(Policy(), edit("warmup.days", "[]"))
    assert len(found) == 8
    assert {change.direction for change in found} == {"loosens"}


some = st.sampled_from
counts = some([0, 5, 50, 500])
classes = st.lists(some(list(ContentClass)), max_size=3).map(lambda found: [str(one) for one in found])
sites = st.dictionaries(
    some(["gmail.com", "outlook.com", "acme.com"]),
    st.fixed_dictionaries({}, optional={"minute": counts, "hour": counts, "stream_minute": counts}),
)
guard = st.tuples(some([0.0, 0.01, 0.02]), some([0.02, 0.5])).map(lambda lines: {"warn": lines[0], "suspend": lines[1]})
policies = st.fixed_dictionaries(
    {
        "oversight": st.fixed_dictionaries({"default_mode": some([str(mode) for mode in Mode])}),
        "budgets": st.fixed_dictionaries(
            {
                "agent": st.fixed_dictionaries({"hour": counts, "on_exceed": some(["queue", "refuse"])}),
                "site": st.fixed_dictionaries({"minute": counts, "hour": counts, "stream_minute": counts}),
                "sites": sites,
            }
        ),
        "warmup": st.fixed_dictionaries({"days": st.lists(some([5, 50, 500]), max_size=4)}),
        "guards": st.fixed_dictionaries({"bounces": guard}),
        "classes": st.fixed_dictionaries({"hold": classes}),
        "disclosure": st.fixed_dictionaries(
            {"header": st.booleans(), "footer": some(["", "a", "b"]), "footer_except": classes}
        ),
        "retention": st.fixed_dictionaries({"bodies": some([DAY, 30 * DAY])}),
    }
).map(lambda document: from_json(to_json(Policy.model_validate(document, strict=False))))


@given(old=policies, new=policies)
def test_any_edit_falls_apart_into_what_passes_and_what_waits(old: Policy, new: Policy) -> None:
    kept = tightened(old, new)
    assert from_json(to_json(kept)) == kept
    assert "loosens" not in {change.direction for change in changes(old, kept)}
    waiting = changes(kept, new)
    # A figure that waits may already be the one that binds a site: then only its spelling is left to change.
    assert {c.direction for c in waiting if not c.path.startswith("budgets.sites.")} <= {"loosens"}
    assert {c.direction for c in waiting} <= {"loosens", "neutral"}
    assert tightened(kept, new) == kept
    assert tightened(old, old) == old
    for site in ("gmail.com", "outlook.com", "acme.com", "else.com"):
        was, wanted, bound = (policy.budgets.of_site(site) for policy in (old, new, kept))
        assert (bound.minute, bound.hour) == (min(was.minute, wanted.minute), min(was.hour, wanted.hour))


@given(old=policies, new=policies)
def test_no_change_means_nothing_differs(old: Policy, new: Policy) -> None:
    assert bool(changes(old, new)) == (old.model_dump() != new.model_dump()) or old.budgets.sites != new.budgets.sites


@given(policy=policies)
def test_what_tightens_is_known_from_either_side(policy: Policy) -> None:
    flips = {"tightens": "loosens", "loosens": "tightens", "neutral": "neutral"}
    careful = {path for path, field in leaves(Policy) if marker(field) is Tightens.CAREFUL}
    there = {(c.path, c.old, c.new, c.direction) for c in changes(Policy(), policy) if c.path not in careful}
    back = {(c.path, c.new, c.old, flips[c.direction]) for c in changes(policy, Policy()) if c.path not in careful}
    assert there == back


def test_the_policy_can_require_whatever_a_run_may_declare() -> None:
    assert set(get_args(RunMember)) == set(RUN_MEMBERS)
