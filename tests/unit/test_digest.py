"""The text of a digest: short, kind, complete, and without a word about the family."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from services.referrals_followup.domain.digest import Chase, group_chases
from services.referrals_followup.domain.digest_text import ChasedItem, ParkedItem, SilentSource, WithheldItem, render
from services.referrals_followup.domain.links import Links

NOW = datetime(2013, 1, 18, 17, 0, tzinfo=UTC)
LINKS = Links("http://follow-ups.example", "http://perinatal.example", "http://leaving-care.example")
NOTED = ChasedItem(
    reference="FT-7K3M-2HXQ-Q",
    step="REF-01",
    title="A referral that was decided on is sent",
    expects="Send the referral, or withdraw it",
    area="Essex",
    due_at=datetime(2013, 1, 16, 17, 0, tzinfo=UTC),
    basis="DES",
    source="From Case S",
    others_told=("gp-safeguarding-rahman",),
    record_url="http://perinatal.example/v1/referrals/r1",
)
PLANNED = replace(NOTED, reference="FT-0000-0000-0", step="CL-01.arrange", others_told=(), record_url=None)


def test_a_digest_says_what_is_expected_since_when_on_what_basis_and_who_else_was_told() -> None:
    subject, body = render([NOTED], "Dr Ngozi Okafor", NOW, LINKS)
    assert subject == "[Followthrough] 1 overdue: REF-01 (Essex)"
    assert body == (
        "Dear Dr Ngozi Okafor,\n"
        "\n"
        "1 step is overdue, as far as has been recorded.\n"
        "\n"
        "1. REF-01: A referral that was decided on is sent [FT-7K3M-2HXQ-Q]\n"
        "   Expected: Send the referral, or withdraw it\n"
        "   Due: Wed 16 Jan 2013, 17:00, 2 days late\n"
        "   Basis: a default of this system, to be confirmed locally. From Case S\n"
        "   Also told: gp-safeguarding-rahman\n"
        "   Follow-up: http://follow-ups.example/v1/follow-ups/FT-7K3M-2HXQ-Q\n"
        "   Record: http://perinatal.example/v1/referrals/r1\n"
        "\n"
        "Record what was done where it happened, and this stops by itself. The standard is a prompt; what to do is "
        "yours to decide.\n"
        "Followthrough\n"
    )


def test_several_are_listed_with_the_longest_overdue_first_and_counted_in_the_subject() -> None:
    coming = replace(PLANNED, due_at=NOW + timedelta(days=3), area="Norfolk")
    subject, body = render([coming, NOTED], "Maja", NOW, LINKS)
    assert subject == "[Followthrough] 1 overdue, 1 coming up: REF-01, CL-01.arrange (Essex, Norfolk)"
    assert body.index("1. REF-01") < body.index("2. CL-01.arrange")
    assert "in 3 days" in body
    assert "Also told: nobody else" in body


def test_the_order_in_which_items_come_does_not_matter() -> None:
    items = [NOTED, PLANNED, replace(NOTED, reference="FT-1111-1111-1", inherited=True)]
    assert render(items, "Maja", NOW, LINKS) == render(items[::-1], "Maja", NOW, LINKS)


def test_a_subject_names_three_steps_at_most() -> None:
    items = [replace(NOTED, step=f"REF-0{number}", reference=f"FT-{number}") for number in range(1, 6)]
    assert render(items, "Maja", NOW, LINKS)[0] == "[Followthrough] 5 overdue: REF-01, REF-02, REF-03 and more (Essex)"


def test_an_urgent_one_says_so_in_the_subject() -> None:
    subject, _ = render([replace(NOTED, urgent=True)], "Maja", NOW, LINKS)
    assert subject == "[Followthrough] urgent, 1 overdue: REF-01 (Essex)"


def test_lateness_is_told_in_days_of_london() -> None:
    late_in_the_evening = datetime(2013, 7, 1, 23, 30, tzinfo=UTC)  # 00:30 on 2 July in London
    item = replace(NOTED, due_at=datetime(2013, 7, 1, 16, 0, tzinfo=UTC))
    assert "Mon 01 Jul 2013, 17:00, 1 day late" in render([item], "Maja", late_in_the_evening, LINKS)[1]
    assert "17:00, late since today" in render([item], "Maja", item.due_at, LINKS)[1]


def test_inherited_ones_are_counted_in_one_line() -> None:
    inherited = [replace(NOTED, inherited=True, reference=f"FT-{number}") for number in range(40)]
    subject, body = render(inherited, "Linda Hale", NOW, LINKS)
    assert subject == "[Followthrough] 40 inherited follow-ups (Essex)"
    assert "40 follow-ups (REF-01) are open from before these standards applied here" in body
    assert "http://follow-ups.example/v1/follow-ups?inherited=true" in body
    assert "FT-" not in body


def test_a_missing_input_is_asked_for() -> None:
    _, body = render([replace(NOTED, gap="expected_delivery_date")], "Maja", NOW, LINKS)
    assert "Missing: expected delivery date; please record it, the due date rests on it" in body


def test_what_the_recipient_may_not_see_leaves_only_whom_to_ask_once() -> None:
    withheld = [WithheldItem(("leaving care: contact the PA",)), WithheldItem(("leaving care: contact the PA",))]
    subject, body = render(withheld, "Maja", NOW, LINKS)
    assert subject == "[Followthrough] something is expected that you may not see"
    assert body.count("leaving care: contact the PA") == 1
    assert render(withheld[:1], "Maja", NOW, LINKS) == (subject, body)
    beside, more = render([NOTED, *withheld], "Maja", NOW, LINKS)
    assert beside == render([NOTED], "Maja", NOW, LINKS)[0]
    assert "Please ask:\n  leaving care: contact the PA" in more


def test_the_operator_is_told_which_source_is_silent_and_since_when() -> None:
    subject, body = render([SilentSource("perinatal", NOW), SilentSource("leaving_care", None)], "Marta", NOW, LINKS)
    assert subject == "[Followthrough] silent: leaving_care, perinatal"
    assert "perinatal has not reported its position since Fri 18 Jan 2013, 17:00." in body
    assert "leaving_care has not reported its position so far." in body


def test_urgent_chases_go_alone_and_the_rest_in_one_digest() -> None:
    a, b, c, d = (Chase(name, urgent=name in "bd") for name in "abcd")
    assert group_chases([a, b, c, d]) == [(b,), (d,), (a, c)]
    assert group_chases([b]) == [(b,)]
    e = Chase("e", urgent=False, about_follow_up=False)
    assert group_chases([a, e, c]) == [(a, c), (e,)]
    assert group_chases([]) == []


def test_what_is_parked_is_counted_in_the_subject_and_listed_up_to_a_limit() -> None:
    messages = [ParkedItem("message", f"message/{number}", "not-json") for number in range(25)]
    subject, body = render([*messages, ParkedItem("thread", "referral/r1", "fold-raised")], "Marta", NOW, LINKS)
    assert subject == "[Followthrough] set aside: 25 messages, 1 thread"
    assert "message/0: not-json" in body
    assert "and 6 more" in body
