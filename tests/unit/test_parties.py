"""Who owns and who receives is read from the record itself before it is read from others about the same people."""

from __future__ import annotations

from tests.unit.practice import CAMHS, Practice


def test_the_receiver_of_a_referral_is_where_that_one_went_whatever_was_sent_since():
    practice = Practice()
    first, second = practice.referral(to_team="camhs-essex"), practice.referral(to_team="perinatal-mh-essex")
    first.was("sent", "2013-01-14 10:00")
    first.was("acknowledged", "2013-01-15 10:00", by=CAMHS)
    second.was("sent", "2013-01-16 10:00", service="perinatal_mental_health")
    found = first.the("REF-03")
    assert (found.receiver_role, found.receiver_team) == ("camhs", "camhs-essex")
