"""What alerts promise, each as a sentence: what the people on a channel hear when an account does this or that."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from world import MAIN, OPS, World

from monitor.model import Cause, Level

Worlds = Callable[..., World]
RULE = "[rules.balance_usd]\n"
TWO = MAIN + '[accounts.batch]\napi_key = "key-of-batch-0002"\n' + OPS
MAIL = '[channels.mail]\nurl = "json://localhost/mail"\n'


def test_low_worse_easing_and_fine_again_are_each_told_once(world: World) -> None:
    world.reads(100, 100, 20, 20, 4.068, 4.068, 12, 12, 204, 204)
    assert world.titles() == [
        "[WARNING] main: $20.00 left (at or below $25.00)",
        "[CRITICAL] main: $4.07 left (at or below $5.00)",
        "[WARNING] main: $12.00 left (at or below $25.00), eased from critical",
        "[OK] main: $204.00 left (above $25.00)",
    ]


def test_a_first_start_while_already_low_is_told(world: World) -> None:
    world.reads(4)
    assert world.titles() == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]


def test_a_restart_while_low_is_silent(world: World) -> None:
    world.reads(4)
    world.heard()
    for _ in range(10):
        world.restart(timedelta(seconds=10))
        world.reads(4)
    assert world.titles() == []


def test_a_reload_that_moves_the_threshold_is_judged_at_the_next_reading_and_says_what_it_was(world: World) -> None:
    world.reads(40)
    world.reload(MAIN + OPS + RULE + "warning = 50\n")
    assert world.titles() == []
    world.reads(40)
    (message,) = world.heard()
    assert message.title == "[WARNING] main: $40.00 left (at or below $50.00)"
    assert "The thresholds were changed; before: warning $25.00, critical $5.00." in message.body


def test_a_threshold_that_was_moved_while_nothing_changed_is_not_mentioned_later(world: World) -> None:
    world.reads(100)
    world.reload(MAIN + OPS + RULE + "warning = 50\n")
    world.reads(100, 100, 40)
    (message,) = world.heard()
    assert "changed" not in message.body


def test_the_former_threshold_is_still_said_when_the_change_takes_several_polls_to_confirm(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "confirm = 3\n")
    world.reads(40, 40, 40)
    world.reload(MAIN + OPS + RULE + "confirm = 3\nwarning = 50\n")
    world.reads(40, 40, 40)
    (message,) = world.heard()
    assert "before: warning $25.00, critical $5.00." in message.body


def test_a_reload_that_lowers_the_threshold_ends_the_alert_at_the_next_reading(world: World) -> None:
    world.reads(20)
    world.reload(MAIN + OPS + RULE + "warning = 10\n")
    world.reads(20)
    assert world.titles()[1:] == ["[OK] main: $20.00 left (above $10.00)"]


def test_an_account_that_leaves_while_its_alert_is_open_is_told_as_no_longer_watched(worlds: Worlds) -> None:
    world = worlds(TWO)
    world.reads(4, account="batch")
    world.heard()
    world.reload(MAIN + OPS)
    assert world.titles() == [
        "[INFO] batch: balance_usd is no longer watched (was critical: $4.00 left (at or below $5.00))",
    ]
    assert world.level("batch") is Level.OK


def test_an_account_that_leaves_with_several_alerts_open_is_one_message(worlds: Worlds) -> None:
    world = worlds(TWO + "[rules.available_credits]\n")
    world.reads(4, account="batch", available_credits=10)
    world.heard()
    world.reload(MAIN + OPS)
    (message,) = world.heard()
    assert message.title.endswith("(and 1 more)")
    assert [change.rule for change in message.changes] == ["available_credits", "balance_usd"]


def test_an_account_that_comes_back_starts_afresh(worlds: Worlds) -> None:
    world = worlds(TWO)
    world.reads(4, account="batch")
    world.reload(MAIN + OPS)
    world.heard()
    world.reload(TWO)
    world.reads(4, account="batch")
    assert world.titles() == ["[CRITICAL] batch: $4.00 left (at or below $5.00)"]


def test_an_account_that_leaves_without_an_alert_is_silent(worlds: Worlds) -> None:
    world = worlds(TWO)
    world.reads(100, account="batch")
    world.reload(MAIN + OPS)
    assert world.titles() == []


def test_a_rule_that_is_turned_off_while_its_alert_is_open_is_told_as_no_longer_watched(world: World) -> None:
    world.reads(20)
    world.heard()
    world.reload(MAIN + OPS + RULE + "enabled = false\n")
    assert world.titles() == [
        "[INFO] main: balance_usd is no longer watched (was warning: $20.00 left (at or below $25.00))",
    ]
    world.reads(1)
    assert world.titles() == []


def test_a_rule_that_comes_while_the_account_is_low_is_told_at_the_next_reading(world: World) -> None:
    world.reads(100, available_credits=100)
    world.reload(MAIN + OPS + "[rules.available_credits]\n")
    world.reads(100, available_credits=100)
    assert world.titles() == ["[CRITICAL] main: 100 credits left (at or below 1,000 credits)"]


def test_a_channel_that_comes_is_told_once_of_what_is_open(world: World) -> None:
    world.reads(4)
    world.reload(MAIN + OPS + MAIL)
    assert world.titles("mail") == []  # a reload sends nothing by itself
    world.reads(4, 4)
    (message,) = world.heard("mail")
    assert message.title == "[CRITICAL] main: $4.00 left (at or below $5.00)"
    assert message.changes[0].cause is Cause.OPEN
    assert len(world.heard("ops")) == 1


def test_a_channel_that_goes_has_what_waits_for_it_given_up_loudly(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + MAIL)
    world.reads(4)
    world.heard("ops")
    world.reload(MAIN + OPS)
    (message,) = world.heard("ops")
    assert message.title == (
        "[CRITICAL] monitor: gave up delivering 1 message to mail (it has left the configuration); "
        "the first: [CRITICAL] main: $4.00 left (at or below $5.00)"
    )
    assert world.heard("mail") == []


def test_a_channel_that_goes_has_what_waits_for_it_sent_to_its_fallback(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'fallback = "mail"\n' + MAIL + 'min_level = "off"\n')
    world.reads(4)
    world.reload(MAIN + MAIL + 'min_level = "off"\n')
    (message,) = world.heard("mail")
    assert message.title == "[CRITICAL] main: $4.00 left (at or below $5.00)"
    assert message.body.endswith("Sent to mail because ops does not deliver.")
    world.reads(100)  # a fallback that was told counts as told
    assert world.titles("mail") == ["[OK] main: $100.00 left (above $25.00)"]


def test_two_channels_that_go_at_once_tell_their_common_fallback_once(worlds: Worlds) -> None:
    mail = MAIL + 'min_level = "off"\n'
    sms = '[channels.sms]\nurl = "json://localhost/sms"\nfallback = "mail"\n'
    world = worlds(MAIN + OPS + 'fallback = "mail"\n' + sms + mail)
    world.reads(4)
    world.reload(MAIN + mail)
    assert world.titles("mail") == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]


def test_an_account_that_goes_with_a_channel_is_told_to_its_fallback_with_its_end(worlds: Worlds) -> None:
    mail = MAIL + 'min_level = "off"\n'
    world = worlds(TWO + 'fallback = "mail"\n' + mail)
    world.reads(4, account="batch")
    world.reload(MAIN + mail)
    assert world.titles("mail") == [
        "[CRITICAL] batch: $4.00 left (at or below $5.00)",
        "[INFO] batch: balance_usd is no longer watched (was critical: $4.00 left (at or below $5.00))",
    ]


def test_a_channel_that_comes_back_is_told_again_of_what_is_still_open(world: World) -> None:
    world.reads(4)
    world.heard()
    world.reload(MAIN + MAIL)
    world.reads(4)
    world.reload(MAIN + OPS + MAIL)
    world.reads(4)
    assert world.titles("ops") == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]


def test_a_channel_newly_allowed_to_hear_an_account_is_told_of_what_is_open(worlds: Worlds) -> None:
    world = worlds(TWO + 'accounts = ["batch"]\n')
    world.reads(4)
    assert world.titles() == []
    world.reload(TWO)
    world.reads(4)
    assert world.titles() == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]


def test_a_message_goes_where_the_account_and_the_channel_both_agree(worlds: Worlds) -> None:
    text = TWO.replace('key-of-main-0001"', 'key-of-main-0001"\nchannels = ["mail"]') + MAIL
    world = worlds(text)
    world.reads(4).reads(4, account="batch")
    assert [message.account for message in world.heard("ops")] == ["batch"]
    assert [message.account for message in world.heard("mail")] == ["main", "batch"]


def test_a_channel_no_longer_allowed_to_hear_an_account_still_hears_the_end_of_what_it_was_told(worlds: Worlds) -> None:
    world = worlds(TWO)
    world.reads(4)
    world.reload(TWO + 'accounts = ["batch"]\n')
    world.reads(100)
    assert world.titles()[1:] == ["[OK] main: $100.00 left (above $25.00)"]


def test_a_channel_for_critical_only_hears_every_change_of_what_it_was_told(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'min_level = "critical"\n')
    world.reads(20)
    assert world.titles() == []
    world.reads(4, 20, 100, 20, 100)
    assert world.titles() == [
        "[CRITICAL] main: $4.00 left (at or below $5.00)",
        "[WARNING] main: $20.00 left (at or below $25.00), eased from critical",
        "[OK] main: $100.00 left (above $25.00)",
    ]


@pytest.mark.parametrize(("balance", "count"), [("25", 1), ("25.000", 1), ("25.001", 0), ("24.999", 1)])
def test_a_balance_exactly_at_the_threshold_is_low(world: World, balance: str, count: int) -> None:
    world.reads(balance)
    assert len(world.heard()) == count


def test_a_value_is_never_rounded_onto_the_other_side_of_a_threshold(world: World) -> None:
    world.reads("25.004", "24.996", "5.004", "4.996")
    assert world.titles() == [
        "[WARNING] main: $24.996 left (at or below $25.00)",
        "[CRITICAL] main: $4.996 left (at or below $5.00)",
    ]


def test_a_threshold_is_said_with_all_its_digits(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "warning = 5.004\ncritical = 1\n")
    world.reads("5.004")
    assert world.titles() == ["[WARNING] main: $5.004 left (at or below $5.004)"]


@pytest.mark.parametrize(
    ("threshold", "low", "held", "clear"),
    [("0", "0", "0.01", "0.011"), ("-10", "-10", "-9.5", "-9.499"), ("25", "25", "26.25", "26.251")],
)
def test_an_alert_ends_strictly_above_its_margin_also_at_zero_and_below(
    worlds: Worlds, threshold: str, low: str, held: str, clear: str
) -> None:
    world = worlds(MAIN + OPS + RULE + f'warning = {threshold}\ncritical = "off"\n')
    world.reads(low, held)
    assert [message.severity for message in world.heard()] == [Level.WARNING]
    world.reads(clear)
    assert [message.severity for message in world.heard()] == [Level.OK]


def test_a_margin_can_be_an_amount(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "clear_margin = 10\n")
    world.reads(25, 35)
    assert len(world.heard()) == 1
    world.reads("35.001")
    assert world.titles() == ["[OK] main: $35.00 left (above $25.00)"]


def test_a_value_inside_the_margin_says_where_the_alert_would_end(world: World) -> None:
    world.reads(4, 26)
    assert world.titles()[1:] == ["[WARNING] main: $26.00 left (ends above $26.25), eased from critical"]


def test_confirm_counts_readings_and_skips_the_failures_between(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "confirm = 3\n")
    world.reads(20).fails().reads(20).fails(times=2)
    assert world.level() is Level.OK
    world.reads(20)
    assert world.titles() == ["[WARNING] main: $20.00 left (at or below $25.00)"]
    world.reads(100).fails().reads(100).fails()
    assert world.level() is Level.WARNING
    world.reads(100)
    assert world.titles() == ["[OK] main: $100.00 left (above $25.00)"]


def test_one_good_reading_starts_the_confirmation_anew(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "confirm = 3\n")
    world.reads(20, 20, 100, 20, 20, 100)
    assert world.titles() == []


def test_confirm_at_warning_counts_the_critical_readings_too(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "confirm = 3\n")
    world.reads(20, 4, 20)
    assert world.titles() == ["[WARNING] main: $20.00 left (at or below $25.00)"]


def test_streaks_survive_a_restart(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "confirm = 3\n")
    world.reads(20, 20)
    world.restart()
    world.reads(20)
    assert len(world.heard()) == 1


def test_unreachable_while_low_then_still_low_then_fine(world: World) -> None:
    world.reads(20)
    assert len(world.heard()) == 1
    world.fails(times=4)
    assert world.titles() == ["[WARNING] main: no reading for 15 minutes (boom)"]
    world.reads(20)
    assert world.titles() == ["[OK] main: readings again, after 20 minutes without"]
    world.reads(100)
    assert world.titles() == ["[OK] main: $100.00 left (above $25.00)"]


def test_unreachable_gets_worse_after_two_hours_whatever_the_reasons(world: World) -> None:
    world.reads(100).fails(times=12).fails("unreadable").fails(times=12)
    assert world.titles() == [
        "[WARNING] main: no reading for 15 minutes (boom)",
        "[CRITICAL] main: no reading for 2 hours (boom)",
    ]


def test_unreachable_waits_for_three_intervals_at_least(worlds: Worlds) -> None:
    world = worlds(MAIN + 'interval = "10m"\n' + OPS)
    world.reads(100).fails(times=3)
    assert world.titles() == []
    world.fails()
    assert world.titles() == ["[WARNING] main: no reading for 30 minutes (boom)"]


def test_a_key_that_is_refused_twice_is_told_and_its_return_too(world: World) -> None:
    world.reads(100).fails("refused", reason="HTTP 401: Failed to verify api key")
    assert world.titles() == []
    world.fails("refused", reason="HTTP 401: Failed to verify api key")
    assert world.titles() == ["[CRITICAL] main: the API refuses the key (HTTP 401: Failed to verify api key)"]
    world.reads(100)
    assert world.level() is Level.CRITICAL  # confirm = 2 counts for the end as well
    world.reads(100)
    assert world.titles() == ["[OK] main: the API accepts the key again"]


def test_failures_of_another_kind_neither_end_nor_advance_a_refusal(world: World) -> None:
    world.fails("refused").fails("unreachable").fails("unreadable")
    assert world.titles() == []
    world.fails("refused")
    assert world.titles() == ["[CRITICAL] main: the API refuses the key (boom) (and 1 more)"]


def test_an_answer_that_cannot_be_read_three_times_is_told(world: World) -> None:
    world.fails("unreadable", times=2, reason="the answer is HTML, not JSON")
    assert world.titles() == []
    world.fails("unreadable", reason="the answer is HTML, not JSON")
    assert world.titles() == ["[WARNING] main: the API's answer cannot be used (the answer is HTML, not JSON)"]


def test_a_field_that_a_written_rule_needs_and_that_is_absent_is_told_as_unreadable(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.available_credits]\n")
    world.reads(100, 100, 100)
    (title,) = world.titles()
    lacking = "the answer has no available_credits (for rules.available_credits)"
    assert title == f"[WARNING] main: the API's answer cannot be used ({lacking})"


def test_a_rule_whose_field_is_absent_holds_its_state(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.available_credits]\n[rules.unreadable]\nenabled = false\n")
    world.reads(100, available_credits=500).reads(100).reads(100, available_credits=500)
    assert world.titles() == ["[CRITICAL] main: 500 credits left (at or below 1,000 credits)"]


def test_flag_true_and_balance_critical_at_once_is_one_message(world: World) -> None:
    world.reads(4, low_balance_alert=True, alert_threshold=10)
    assert world.titles() == ["[CRITICAL] main: $4.00 left (at or below $5.00)"]
    world.reads(100, low_balance_alert=False, alert_threshold=10)
    assert world.titles() == ["[OK] main: $100.00 left (above $25.00)"]


def test_the_api_s_own_threshold_is_believed_though_its_flag_says_false(world: World) -> None:
    world.reads(70, low_balance_alert=False, alert_threshold=100)
    assert world.titles() == ["[WARNING] main: $70.00 left (at or below the API's own alert threshold of $100.00)"]


def test_the_api_s_flag_is_a_signal_of_its_own(world: World) -> None:
    world.reads(70, low_balance_alert=True)
    world.reads(70, low_balance_alert=False)
    assert world.titles() == [
        "[WARNING] main: the API's own low balance alert is on",
        "[OK] main: the API's own low balance alert is off",
    ]


def test_the_api_s_flag_speaks_up_once_our_own_rule_no_longer_says_the_same(world: World) -> None:
    world.reads(4, low_balance_alert=True).reads(100, low_balance_alert=True)
    assert world.titles()[1:] == ["[WARNING] main: the API's own low balance alert is on (and 1 more)"]


@pytest.mark.parametrize(("use", "count"), [("flag", 0), ("numbers", 1), ("both", 1)])
def test_use_says_what_to_believe_of_the_api(worlds: Worlds, use: str, count: int) -> None:
    world = worlds(MAIN + OPS + f'[rules.low_balance_alert]\nuse = "{use}"\n')
    world.reads(70, low_balance_alert=False, alert_threshold=100)
    assert len(world.heard()) == count


def test_only_critical_set_never_warns(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + 'warning = "off"\ncritical = 5\n')
    world.reads(100, 20, 6, 5, 5.2, 5.26)
    assert world.titles() == [
        "[CRITICAL] main: $5.00 left (at or below $5.00)",
        "[OK] main: $5.26 left (above $5.00)",
    ]


def test_critical_set_above_the_default_warning_drops_that_default(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + "critical = 50\n")
    world.reads(60, 40)
    assert world.titles() == ["[CRITICAL] main: $40.00 left (at or below $50.00)"]


def test_both_thresholds_off_is_a_rule_no_longer_watched(world: World) -> None:
    world.reads(4)
    world.heard()
    world.reload(MAIN + OPS + RULE + 'warning = "off"\ncritical = "off"\n')
    world.reads(4)
    (title,) = world.titles()
    assert title.startswith("[INFO] main: balance_usd is no longer watched (was critical")


def test_a_reminder_comes_at_its_pause_and_not_more_often(world: World) -> None:
    world.reads(4)
    world.heard()
    world.reads(*[4] * 100)  # five minutes each: 500 minutes
    assert world.titles() == ["[CRITICAL] main: still $4.00 left (at or below $5.00)"] * 2


def test_a_reminder_also_comes_while_polls_fail_and_says_so(world: World) -> None:
    world.reads(4)
    world.heard()
    world.fails(times=50)
    reminders = [message for message in world.heard() if message.changes[0].cause is Cause.REMINDER]
    assert len(reminders) == 1
    assert "Last known balance: $4.00, read 2026-01-13 10:05:00 UTC." in reminders[0].body
    assert "Polls fail now: boom." in reminders[0].body


def test_a_reminder_that_came_due_while_the_daemon_was_away_waits_for_the_first_poll(world: World) -> None:
    world.reads(4)
    world.heard()
    world.restart(timedelta(days=3))
    assert world.titles() == []
    world.reads(4, 4)
    assert len(world.heard()) == 1


def test_reminders_can_be_off_or_differ_by_level(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + RULE + 'remind_every = { warning = "off", critical = "1h" }\n')
    world.reads(20)
    world.reads(*[20] * 600)
    assert len(world.heard()) == 1
    world.reads(4)
    world.reads(*[4] * 12)
    assert len(world.heard()) == 2


def test_a_channel_is_reminded_only_at_or_above_its_level(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'min_level = "critical"\n')
    world.reads(4, 20)
    world.heard()
    world.reads(*[20] * 600)
    assert world.titles() == []


def test_one_account_whose_several_rules_change_at_once_is_one_message(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.available_credits]\n")
    world.reads(4, available_credits=4000)
    (message,) = world.heard()
    assert message.title == "[CRITICAL] main: $4.00 left (at or below $5.00) (and 1 more)"
    assert message.body.splitlines()[:2] == [
        "[CRITICAL] main: $4.00 left (at or below $5.00)",
        "[WARNING] main: 4,000 credits left (at or below 5,000 credits)",
    ]


def test_what_one_rule_says_never_hides_another(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + "[rules.available_credits]\n[rules.available_points]\n")
    world.reads(4, available_credits=9000, available_points=9000)
    world.reads(4, available_credits=9000, available_points=900)
    assert world.titles()[1:] == ["[CRITICAL] main: 900 points left (at or below 1,000 points)"]


def test_a_changed_account_id_is_news_once(world: World) -> None:
    world.reads(100, account_id="52").reads(100).reads(100, account_id="53").reads(100, account_id="53")
    assert world.titles() == ["[INFO] main: account_id changed from 52 to 53"]


def test_news_is_only_for_channels_that_want_it(worlds: Worlds) -> None:
    world = worlds(MAIN + OPS + 'min_level = "warning"\n')
    world.reads(100, account_id="52").reads(100, account_id="53")
    assert world.titles() == []


def test_a_message_says_account_level_value_threshold_and_when_it_was_read_in_the_zone(worlds: Worlds) -> None:
    world = worlds('timezone = "Europe/Berlin"\n' + MAIN + OPS)
    world.reads("4.068", available_credits=3000, available_points=1068)
    (message,) = world.heard()
    assert message.severity is Level.CRITICAL
    assert message.title == "[CRITICAL] main: $4.07 left (at or below $5.00)"
    assert message.body == (
        "Rule balance_usd: critical.\nBalance: $4.07, 3,000 credits, 1,068 points, read 2026-01-13 11:05:00 CET.\n"
        "Gone in the last 24 hours: not enough data yet.\nRunway: not enough data yet (needs a day of readings)."
    )


def test_a_missing_channel_secret_is_told_to_the_others_once_and_so_is_its_return(worlds: Worlds) -> None:
    broken = MAIN + OPS + '[channels.mail]\nurl_file = "/nonexistent/mail_url"\n'
    world = worlds(broken)
    (title,) = world.titles()
    assert title.startswith("[WARNING] monitor: channel mail cannot be used (")
    world.restart()
    assert world.titles() == []
    world.reload(MAIN + OPS + MAIL)
    assert world.titles() == ["[OK] monitor: every channel can be used"]


def test_a_second_channel_secret_that_goes_missing_is_told_too(worlds: Worlds) -> None:
    mail, chat = (f'[channels.{name}]\nurl_file = "/nonexistent/{name}_url"\n' for name in ("mail", "chat"))
    world = worlds(MAIN + OPS + mail)
    world.titles()
    world.reload(MAIN + OPS + mail + chat)
    (title,) = world.titles()
    assert "channel mail cannot be used" in title
    assert "channel chat cannot be used" in title
    world.reload(MAIN + OPS + mail + chat)
    assert world.titles() == []
    world.reload(MAIN + OPS)
    assert world.titles()[-1] == "[OK] monitor: every channel can be used"
