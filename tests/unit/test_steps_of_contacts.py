"""What holds for every step about contacts that add up (CSC-02) and about alleged harm (HARM), worked out by hand."""

from __future__ import annotations

from uuid import UUID

import pytest

from shared.contracts.words import HARM_DECISIONS, MEDICALS
from shared.kernel.decisions import Actor
from tests.unit.family_steps import FIVE, ONE, SAME_DAY, TWO, RouteBody, Row, StepTests, it
from tests.unit.practice import CHILD, FRONT_DOOR, NURSERY, SOCIAL_WORKER, Practice, as_text

LAURENT, KAYA, MARLOWE, LEAD = "fd-laurent", "fd-manager-kaya", "head-of-service-marlowe", "lead-achterberg"
PETROV, DIAZ = "sw-petrov", "sw-manager-diaz"
JANSEN, ROSSI = "ey-jansen", "ey-manager-rossi"
BOSS = Actor("fd-manager-kaya", "manager", "front-door-essex", ("essex",))
CONTACT = it("contact.received.v1")
# Every contact that there can be in these tests.
ALL = [str(UUID(int=1_000 + number)) for number in range(50)]
READ = it("contacts.reviewed.v1", contacts=ALL, by=BOSS)
REREAD, BOTH_READ = it("closing.reread.v1", by=BOSS), it("closings.reviewed.v1", by=BOSS)


def closed(agency: str) -> RouteBody:
    return it("case.closed.v1", agency=agency, people=[CHILD])


def contacts(first: str, second: str, third: str, again: str) -> tuple[tuple[str, str, str], ...]:
    return (
        (f"{first} 17:00", "owner", f"{LAURENT} {KAYA}"),
        (f"{second} 17:00", "head-of-service", f"{KAYA} {MARLOWE}"),
        (f"{third} 17:00", "safeguarding-lead", f"{MARLOWE} {LEAD}"),
        (f"{again} 17:00", "safeguarding-lead", f"{MARLOWE} {LEAD}"),
    )


def harm(*rungs: tuple[str, str, str]) -> tuple[tuple[str, str, str], ...]:
    return rungs


AT_ONCE = harm(
    ("2014-01-15 23:59", "owner", f"{JANSEN} {ROSSI}"),
    ("2014-01-16 03:59", "senior", f"{JANSEN} {ROSSI} {LEAD}"),
    ("2014-01-17 03:59", "senior", f"{JANSEN} {ROSSI} {LEAD}"),
)
STEPS: dict[str, Row] = {
    "CSC-02.contacts": Row(
        "person",
        (CONTACT,) * 2,
        TWO,
        (READ,),
        contacts("2014-01-17", "2014-01-21", "2014-01-24", "2014-02-07"),
        near=(REREAD, BOTH_READ, it("accumulation.reviewed.v1"), it("contacts.reviewed.v1", contacts=ALL[:1], by=BOSS)),
        by=FRONT_DOOR,
        person=CHILD,
        on="contact",
    ),
    "CSC-02.again": Row(
        "person",
        (it("case.closed.v1", agency="childrens_social_care", people=[CHILD], by=SOCIAL_WORKER), CONTACT),
        ONE,
        (REREAD,),
        contacts("2014-01-16", "2014-01-20", "2014-01-23", "2014-02-06"),
        near=(it("closing.reread.v1", by=SOCIAL_WORKER), READ, BOTH_READ),
        by=FRONT_DOOR,
        person=CHILD,
        on="contact",
    ),
    "CSC-02.closings": Row(
        "person",
        (closed("early_help"), closed("childrens_social_care")),
        FIVE,
        (BOTH_READ,),
        (
            ("2014-01-22 17:00", "owner", f"{PETROV} {DIAZ}"),
            ("2014-01-24 17:00", "head-of-service", f"{DIAZ} {MARLOWE}"),
            ("2014-01-29 17:00", "safeguarding-lead", f"{MARLOWE} {LEAD}"),
            ("2014-02-12 17:00", "safeguarding-lead", f"{MARLOWE} {LEAD}"),
        ),
        near=(it("closings.reviewed.v1", by=SOCIAL_WORKER), REREAD, READ),
        by=SOCIAL_WORKER,
        person=CHILD,
        on="case",
    ),
    "HARM-01.seen": Row(
        "concern",
        (it("harm.alleged.v1"),),
        SAME_DAY,
        (it("child.seen.v1", spoken_to=True), it("child.seen.v1", spoken_to=True, alone=True, clinician=True)),
        AT_ONCE,
        near=(it("child.seen.v1", clinician=True), it("child.seen.v1", spoken_to=False), it("child.not_found.v1")),
        by=NURSERY,
        person=CHILD,
    ),
    "HARM-01.decide": Row(
        "concern",
        (it("harm.alleged.v1"),),
        ONE,
        tuple(it("harm.decided.v1", decision=word, medical=one) for word in HARM_DECISIONS for one in MEDICALS),
        harm(
            ("2014-01-16 17:00", "owner", f"{PETROV} {DIAZ}"),
            ("2014-01-16 21:00", "senior", f"{PETROV} {DIAZ} {LEAD}"),
            ("2014-01-17 21:00", "senior", f"{PETROV} {DIAZ} {LEAD}"),
        ),
        near=(it("child.seen.v1", spoken_to=True), it("injury.decided.v1")),
        by=NURSERY,
        person=CHILD,
    ),
    "HARM-01.found": Row(
        "concern",
        (it("child.not_found.v1"),),
        SAME_DAY,
        (it("child.seen.v1"),),
        AT_ONCE,
        near=(it("child.not_found.v1"), it("harm.decided.v1")),
        by=NURSERY,
        person=CHILD,
    ),
}


class TestStepsOfContactsAndHarm(StepTests):
    steps = STEPS
    prefixes = ("CSC-02", "HARM-")
    open_after_a_death = frozenset(STEPS)


@pytest.mark.parametrize(
    ("born", "said", "due"),
    [
        ("2012-06-01", {}, "2014-01-15 23:59"),  # under five
        ("2006-06-01", {"when": "today"}, "2014-01-15 23:59"),
        ("2006-06-01", {"when": "week"}, "2014-01-15 23:59"),
        ("2006-06-01", {"when": "older", "access_continues": True}, "2014-01-15 23:59"),
        ("2006-06-01", {"when": "older"}, "2014-01-16 17:00"),
        ("2006-06-01", {"when": "unknown"}, "2014-01-16 17:00"),
        (None, {"when": "older"}, "2014-01-15 23:59"),  # nobody knows how old the child is
    ],
)
def test_a_young_child_a_recent_harm_or_access_that_continues_is_due_the_same_day(born, said, due):
    practice = Practice()
    if born:
        practice.birth(CHILD, born)
    record = practice.record_of("concern", by=NURSERY, person_id=CHILD)
    record.was("harm.alleged.v1", "2014-01-15 10:00", **{"when": "older", "access_continues": False, **said})
    assert as_text(record.the("HARM-01.seen").due_at) == due
