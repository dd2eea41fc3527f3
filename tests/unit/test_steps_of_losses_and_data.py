"""What holds for every step of losses (BEREAVE) and of missing data (DATA), in a table worked out by hand."""

from __future__ import annotations

from tests.unit.family_steps import FIVE, HV_BOSS, HV_DUTY, ONE, OPENINGS, PREGNANCY_ENDED, Row, StepTests, it
from tests.unit.practice import CHILD, MIDWIFE, OTHER, PARTNER, PERSON

THREE_WEEKS_AFTER_BIRTH = dict.fromkeys(OPENINGS, "2014-07-07 17:00")
MIDWIVES, NAMED_MIDWIFE = "midwife-ekwueme", "midwife-ekwueme named-midwife-oyelaran"
CHECKS_LADDER = (
    ("2014-01-22 17:00", "owner", MIDWIVES),
    ("2014-01-29 17:00", "named-midwife", NAMED_MIDWIFE),
    ("2014-02-12 17:00", "named-midwife", NAMED_MIDWIFE),
)


STEPS: dict[str, Row] = {
    "BEREAVE-01.loss": Row(
        "pregnancy",
        (it("pregnancy.ended.v1", outcome="stillbirth", parents=[PERSON]),),
        ONE,
        (it("bereavement.checked.v1"),),
        (
            ("2014-01-16 17:00", "owner", MIDWIVES),
            ("2014-01-20 17:00", "manager", f"{MIDWIVES} midwife-lead-brandt"),
            ("2014-02-03 17:00", "manager", f"{MIDWIVES} midwife-lead-brandt"),
        ),
        by=MIDWIFE,
    ),
    "BEREAVE-01.death": Row(
        "person",
        (it("person.died.v1"),),
        ONE,
        (it("bereavement.checked.v1"),),
        (
            ("2014-01-16 17:00", "owner", "hv-pereira"),
            ("2014-01-20 17:00", "manager", f"hv-pereira {HV_BOSS}"),
            ("2014-02-03 17:00", "manager", f"hv-pereira {HV_BOSS}"),
        ),
        person=CHILD,
    ),
    "DATA-01.partner": Row(
        "pregnancy",
        (it("pregnancy.partner_named.v1", partner_id=PARTNER, partner_known=False),),
        FIVE,
        (
            it("parent.checks_recorded.v1", parents=[PARTNER]),
            it("parent.checks_recorded.v1", parents=[PERSON, PARTNER]),
            it("person.linked.v1", person_id=PARTNER, other_person_id=CHILD),
        ),
        CHECKS_LADDER,
        ended=PREGNANCY_ENDED,
        near=(
            *(it("parent.checks_recorded.v1", parents=checked) for checked in ([], [PERSON], [PERSON, OTHER])),
            it("person.linked.v1", person_id=PERSON, other_person_id=CHILD),
        ),
        by=MIDWIFE,
    ),
    "DATA-01.age": Row(
        "pregnancy",
        (it("pregnancy.booked.v1", edd="2014-06-16"),),
        FIVE,
        (
            it("prebirth.screening_decided.v1"),
            it("pregnancy.concern_noted.v1"),
            it("pregnancy.booked.v1", mother_age_band="from_20"),
            it("person.corrected.v1", details=["date_of_birth"]),
        ),
        CHECKS_LADDER,
        ended=PREGNANCY_ENDED,
        near=(it("person.corrected.v1", details=["family_name", "nhs_number"]),),
        by=MIDWIFE,
    ),
    "DATA-01.birthday": Row(
        "person",
        (it("review.completed.v1", review="two_year", birth_known=False),),
        FIVE,
        (it("person.corrected.v1", details=["date_of_birth"]),),
        (
            ("2014-01-22 17:00", "owner", HV_DUTY),
            ("2014-01-29 17:00", "manager", f"{HV_DUTY} {HV_BOSS}"),
            ("2014-02-12 17:00", "manager", f"{HV_DUTY} {HV_BOSS}"),
        ),
        near=(it("person.corrected.v1", details=["family_name"]),),
        person=CHILD,
    ),
    "DATA-01.duplicate": Row(
        "person",
        (
            it(
                "person.registered.v1",
                nhs_number_known=False,
                possible_duplicates=[{"person_id": OTHER, "why": "same_birthday_and_similar_name"}],
            ),
        ),
        FIVE,
        (
            it("person.linked.v1", other_person_id=OTHER),
            it("person.told_apart.v1", others=[OTHER]),
            it("care_leaver.told_apart.v1", others=[OTHER]),
        ),
        (
            ("2014-01-22 17:00", "owner", "hv-pereira"),
            ("2014-01-29 17:00", "manager", f"hv-pereira {HV_BOSS}"),
            ("2014-02-12 17:00", "manager", f"hv-pereira {HV_BOSS}"),
        ),
    ),
    "DATA-01.birth": Row(
        "pregnancy",
        (it("pregnancy.booked.v1", edd="2014-06-16", mother_age_band="from_20"),),
        THREE_WEEKS_AFTER_BIRTH,
        PREGNANCY_ENDED[:1],
        (
            ("2014-07-07 17:00", "owner", MIDWIVES),
            ("2014-07-14 17:00", "named-midwife", NAMED_MIDWIFE),
            ("2014-07-28 17:00", "named-midwife", NAMED_MIDWIFE),
        ),
        ended=PREGNANCY_ENDED[1:],  # a loss
        by=MIDWIFE,
        said={"edd": "2014-06-16"},
    ),
}


class TestStepsOfLossesAndData(StepTests):
    steps = STEPS
    prefixes = ("BEREAVE-", "DATA-01")
