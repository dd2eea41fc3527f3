"""What the routes look up: the aggregates that an id may name, and what a decision needs to know of other records."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from services.perinatal.domain import condition, person, pregnancy, referral, support
from services.perinatal.domain.doubts import ENDED, LINKED, STARTED, Child
from services.perinatal.domain.doubts import KNOWN as BEGIN_A_PREGNANCY
from shared.contracts.circle import with_standing
from shared.kernel.decisions import Aggregate, Invalid
from shared.kernel.doubts import first_day_of, last_day_of, standing_of
from shared.recording.records import Records
from shared.recording.routes import LookUp
from shared.web.exchange import Request

KNOWN: Mapping[str, Aggregate[Any]] = {
    kind.kind: kind for kind in (person.AGGREGATE, condition.AGGREGATE, pregnancy.AGGREGATE)
}

# A mistyped birthday is corrected. Nobody is linked to somebody who is this much older.
BORN_APART = timedelta(days=2 * 365)

RECEIVER = {"description": "by directory id; a name that the directory does not have in that team meets nothing"}
"""What a sender is told of the field for the person who received something."""


def find_mother(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the mother whom the body names, and of her other pregnancies that the actor may read, under
    each of her ids."""
    mother = request.body["person_id"]
    pregnancies: dict[str, Any] = {}
    for one in sorted(_ids_of(records, mother)):
        pregnancies |= records.find_others(pregnancy.AGGREGATE, BEGIN_A_PREGNANCY, one, request.actor)
    return {"born_on": _born_on(records, mother), "pregnancies": pregnancies}


def find_mother_of_record(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the mother in the record. Raises UnknownStream."""
    return {"born_on": _born_on(records, records.find(pregnancy.AGGREGATE, request.path["pregnancy_id"]).person_id)}


def find_other_record(records: Records, request: Request) -> Mapping[str, Any]:
    """The mother in the other record that the body names."""
    other = records.state_of(pregnancy.AGGREGATE, request.body["other_pregnancy_id"], "other_pregnancy_id")
    return {"other_person_id": other.person_id}


def find_partner(records: Records, request: Request) -> Mapping[str, Any]:
    """What is known of the partner whom the body names."""
    partner_id = request.body["partner_id"]
    known = records.state_of(person.AGGREGATE, partner_id, "partner_id")
    return {"nhs_number_known": known.nhs_number_known, "born_on": _born_on(records, partner_id)}


def find_children(records: Records, request: Request) -> Mapping[str, Any]:
    """The birthdays and the first reviews of the children whom the body names, as far as they are known here."""
    children = request.body.get("children", ())
    return {"children": [_child(records, child_id, but=request.path["pregnancy_id"]) for child_id in children]}


def find_birth(records: Records, request: Request) -> Mapping[str, Any]:
    """The birthday of the person of the record: as it was registered, or else the day of the birth."""
    child_id = request.path["person_id"]
    if request.body["review"] == "antenatal":
        return {}
    return {"born_on": _born_on(records, child_id) or find_birth_of(records, child_id)}


def find_birthday(records: Records, request: Request) -> Mapping[str, Any]:
    """The birthday of the person of the record, as far as it is known."""
    person_id = request.path["person_id"]
    return {"born_on": _born_on(records, person_id) or find_birth_of(records, person_id)}


def find_two_people(records: Records, request: Request) -> Mapping[str, Any]:
    """Whether what is recorded says that the two ids of a link are of two people, under any of their ids."""
    one, other = request.path["person_id"], request.body["other_person_id"]
    if not all(records.has(person.AGGREGATE, person_id) for person_id in (one, other)):
        return {}
    pairs = [(a, b) for a in sorted(_ids_of(records, one)) for b in sorted(_ids_of(records, other)) if a != b]
    return {"are_two": any(_are_family(records, *pair) or _are_born_apart(records, *pair) for pair in pairs)}


def find_supports(records: Records, request: Request) -> Mapping[str, Any]:
    """The supports of the person whom the body names, as far as the actor may read them."""
    require_same_person(records, request)
    return {
        "supports": dict(records.find_others(support.AGGREGATE, (STARTED,), request.body["person_id"], request.actor))
    }


def find_assessor(field: str) -> LookUp:
    """Looks up the directory's roles of whoever the body names in `field`; who name themselves have their own."""

    def find(records: Records, request: Request) -> Mapping[str, Any]:
        named = request.body[field]
        if named == request.actor.id:
            return {"assessor_roles": frozenset({request.actor.role})}
        worker = records.directory.worker(named) if records.directory else None
        return {"assessor_roles": worker.roles} if worker else {}

    return find


def find_teams(records: Records, request: Request) -> Mapping[str, Any]:
    """The teams of the owner and of the chair whom the body names, as the directory has them."""
    named = {"team": request.body.get("owner"), "chair_team": request.body.get("chair")}
    require_same_person(records, request)
    workers = {field: records.directory.worker(name) if records.directory else None for field, name in named.items()}
    return {field: worker.posts[0].team for field, worker in workers.items() if worker and worker.posts}


def find_evidence(records: Records, request: Request) -> Mapping[str, Any]:
    """Whether the referral that shows that an action was done was sent. Raises Invalid for an unknown one."""
    if "referral_id" not in request.body:
        return {}
    found = records.state_of(referral.AGGREGATE, request.body["referral_id"], "referral_id")
    return {"was_sent": found.status not in ("intended", "withdrawn")}


def require_same_person(records: Records, request: Request) -> Mapping[str, Any]:
    """Refuse, as invalid, a condition of another person, and a pregnancy in which the person has no part."""
    body, faults = request.body, {}
    if "condition_id" in body:
        named = records.state_of(condition.AGGREGATE, body["condition_id"], "condition_id")
        if named.person_id != body["person_id"]:
            faults["condition_id"] = ["is a condition of another person"]
    if "pregnancy_id" in body:
        expected = records.state_of(pregnancy.AGGREGATE, body["pregnancy_id"], "pregnancy_id")
        if body["person_id"] not in expected.family:
            faults["pregnancy_id"] = ["is a pregnancy of others: the person is not the mother, a partner or a child"]
    if faults:
        raise Invalid("unknown-reference", "the record named is another person's", fields=faults)
    return {}


def _ids_of(records: Records, person_id: str) -> set[str]:
    """The id, and those that a link joins with it directly."""
    links = records.state_of(person.AGGREGATE, person_id, "person_id").links
    naming = {history[0].stream for history in records.find_naming(LINKED, "other_person_id", person_id)}
    others = {stream.partition("/")[2] for stream in naming}
    back = {other for other in others if person_id in records.state_of(person.AGGREGATE, other, "person_id").links}
    return {person_id, *links, *back}


def _are_family(records: Records, one: str, other: str) -> bool:
    """Whether a birth has them as parent and child or as two children, or a pregnancy as the two parents."""
    births = [
        event
        for child in (one, other)
        for history in records.find_naming(ENDED, "children", child)
        for event in standing_of(with_standing(history))
        if event.type == ENDED
    ]
    couples = (
        {str(state.person_id), *state.partners}
        for mother in (one, other)
        for kind in BEGIN_A_PREGNANCY
        for history in records.find_naming(kind, "person_id", mother)
        for state in [pregnancy.AGGREGATE.fold(with_standing(history))]
    )
    families = ({birth.subject, *birth.data["parents"], *birth.data["children"]} for birth in births)
    return any({one, other} <= family for family in (*families, *couples))


def _are_born_apart(records: Records, one: str, other: str) -> bool:
    first, second = (_born_on(records, person_id) or find_birth_of(records, person_id) for person_id in (one, other))
    return first is not None and second is not None and abs(first - second) > BORN_APART


def _child(records: Records, child_id: str, but: str) -> Child:
    """What is known of a child, beside what the record `but` of a pregnancy says of the birth."""
    standing = standing_of(records.history(person.AGGREGATE, child_id))
    reviews = [event for event in standing if event.data.get("review", "antenatal") != "antenatal"]
    born_on = _born_on(records, child_id) or find_birth_of(records, child_id, but)
    return Child(born_on, min(map(last_day_of, reviews), default=None))


def find_birth_of(records: Records, child_id: str, but: str = "") -> date | None:
    """The first day of the birth that names the child, by the records of pregnancies, except the record `but`."""
    births = (
        event
        for history in records.find_naming(ENDED, "children", child_id)
        for event in standing_of(history)
        if event.type == ENDED and child_id in event.data["children"] and event.data["pregnancy_id"] != but
    )
    return min(map(first_day_of, births), default=None)


def _born_on(records: Records, person_id: str) -> date | None:
    """The date of birth that this service holds of a person. Only a band of ages leaves this service."""
    known = records.identity(person.AGGREGATE, person_id, person.REGISTERED)
    return date.fromisoformat(known["date_of_birth"]) if "date_of_birth" in known else None
