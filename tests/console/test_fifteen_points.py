"""What people who work at the desk all day asked for: which test plays each point, which pictures show it."""

from __future__ import annotations

import importlib
from dataclasses import dataclass

import pytest

from tests.console.test_screens_pictures import SHOTS


@dataclass(frozen=True, slots=True)
class Point:
    """One of them. `played`: module and test, both below `tests.console`; `shown`: pictures, each at both sizes."""

    what: str
    played: tuple[str, ...]
    shown: tuple[str, ...]


FIFTEEN = (
    Point(
        "one filter grammar, completed and counted while it is typed",
        (
            "test_app_filters.test_a_filter_being_typed_is_completed_and_counted_and_then_stands_in_the_narrow_header",
            "test_app_filters.test_a_value_that_cannot_be_read_is_said_on_the_line_and_changes_nothing",
        ),
        ("filter", "filter-refused"),
    ),
    Point(
        "the queue by template",
        ("test_app_decisions.test_a_template_is_one_line_is_walked_and_approved_by_its_number",),
        ("groups",),
    ),
    Point(
        "claim and presence",
        (
            "test_app_team.test_c_claims_for_the_others_to_see_and_gives_back",
            "test_app_team.test_what_somebody_else_has_claimed_says_so_in_queue_and_message",
            "test_app_team.test_who_opens_a_message_is_seen_by_the_others_until_they_leave_it",
            "test_app_pages.test_mine_shows_ones_own_claims_as_they_come_and_go",
            "test_app_pages.test_what_needs_somebody_is_acknowledged_snoozed_and_shown_again",
        ),
        ("claims", "presence", "mine"),
    ),
    Point(
        "send back and edit",
        (
            "test_app_team.test_mail_goes_back_to_its_agent_with_a_comment",
            "test_app_team.test_an_edit_in_the_editor_waits_for_somebody_else",
        ),
        ("returned", "edited"),
    ),
    Point(
        "notes and the hand-over",
        (
            "test_app_team.test_a_note_is_kept_in_the_log_also_on_what_is_decided",
            "test_app_pages.test_the_hand_over_says_what_waits_who_did_what_and_takes_a_note",
        ),
        ("handover",),
    ),
    Point(
        "what needs you, as a runbook",
        (
            "test_overview.test_needs_come_worst_first_and_say_where_to_look",
            "test_console_values.test_a_need_says_what_to_do_with_its_key_where_there_is_room",
        ),
        ("desk", "stopped"),
    ),
    Point(
        "reasons for refusals and overrides, undone by any reviewer",
        (
            "test_app_decisions.test_approving_over_a_failed_check_takes_a_reason_and_the_count_of_checks",
            "test_app_decisions.test_a_batch_is_rejected_by_its_count_and_can_be_taken_back",
            "test_app_pages.test_anybodys_decision_can_be_undone_until_its_release",
        ),
        ("override", "batch-reject", "undo-others"),
    ),
    Point(
        "history with axes and thresholds",
        ("test_app_pages.test_history_is_of_what_is_under_the_cursor_and_of_what_is_chosen",),
        ("history",),
    ),
    Point(
        "events that fold, whole events",
        (
            "test_read_again.test_a_folded_line_keeps_the_cursor_when_older_events_join_it",
            "test_app_pages.test_a_whole_event_shows_its_data_and_opens_what_it_is_about",
        ),
        ("events-paused", "event"),
    ),
    Point(
        "deep links and saved views",
        ("test_desks.test_a_link_opens_the_screen_the_filter_and_the_message",),
        ("views",),
    ),
    Point(
        "bell, title, copying",
        (
            "test_terminal.test_a_new_critical_problem_rings_under_a_persons_own_key_and_names_only_the_desk",
            "test_personal.test_y_asks_what_to_copy_and_an_own_command_gets_the_id",
        ),
        ("copy",),
    ),
    Point(
        "what only the command line could do",
        (
            "test_app_records.test_a_run_is_confirmed_a_token_revoked_and_a_note_kept_on_the_line_of_their_agent",
            "test_app_records.test_to_lower_takes_a_reason_and_to_widen_the_figure_or_the_entry_is_typed",
            "test_app_records.test_dead_webhooks_and_a_waiting_policy_open_where_they_need_somebody_and_by_the_palette",
            "test_app_records.test_an_identity_is_requested_and_its_record_completed",
        ),
        ("limits", "confirm-run", "revoke", "waiting-policy", "webhooks"),
    ),
    Point(
        "80x24",
        (
            "test_app_shell.test_at_80_by_24_the_deciding_columns_stay",
            "test_app_shell.test_at_80_by_24_a_long_agent_name_moves_the_columns_and_the_position_follows_the_cursor",
            "test_console_values.test_no_footer_is_too_narrow_for_the_keys_that_stop_something",
        ),
        ("queue", "agents", "message"),
    ),
    Point(
        "line by line, and what is one's own",
        (
            "test_plain.test_a_message_is_read_out_approved_and_undone",
            "test_personal.test_sort_columns_and_theme_are_there_again_in_the_next_console",
            "test_personal.test_keys_are_rebound_and_may_be_exchanged",
        ),
        ("columns",),
    ),
    Point(
        "the demonstration",
        (
            "test_terminal.test_the_live_demonstration_is_watched_until_its_rogue_is_suspended",
            "test_demo_guide.test_after_a_guards_suspension_the_first_line_says_what_the_desk_did",
            "test_demo_guide.test_one_kind_of_quote_fails_a_check_and_the_others_none",
        ),
        ("demo",),
    ),
)


@pytest.mark.parametrize("point", FIFTEEN, ids=lambda point: point.what)
def test_each_point_is_played_by_a_test_and_shown_at_both_sizes(point: Point) -> None:
    for name in point.played:
        module, _, test = name.partition(".")
        assert callable(getattr(importlib.import_module(f"tests.console.{module}"), test, None)), f"no test {name}"
    taken = {name for shot in SHOTS for name in shot.names}
    assert point.shown
    assert {f"{name}-{width}" for name in point.shown for width in (120, 80)} <= taken
