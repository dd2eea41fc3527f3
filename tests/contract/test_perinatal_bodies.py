"""Each body of `perinatal` is the contract of its event: what may be published, no more, and named private texts."""

from __future__ import annotations

from collections import Counter

import pytest

from services.perinatal.service import PerinatalService
from shared.contracts import CATALOGUE
from shared.web.endpoint import Endpoint, endpoints_of

# Route -> the event it records, the fields that the service gives, and the texts that stay private.
NONE: frozenset[str] = frozenset()
DETAILS = frozenset({"given_name", "family_name", "date_of_birth", "nhs_number"})
ROUTES: dict[str, tuple[str, frozenset[str], frozenset[str]]] = {
    "people/<>/corrected": (
        "person.corrected.v1",
        frozenset({"details", "nhs_number_known", "number_person_id"}),
        DETAILS,
    ),
    "people/<>/told-apart": ("person.told_apart.v1", NONE, NONE),
    "people/<>/linked": ("person.linked.v1", NONE, NONE),
    "people/<>/unlinked": ("person.unlinked.v1", NONE, NONE),
    "people/<>/protected": ("person.protected.v1", NONE, NONE),
    "people/<>/unprotected": ("person.unprotected.v1", NONE, NONE),
    "people/<>/died": ("person.died.v1", NONE, NONE),
    "people/<>/practitioner": ("practitioner.assigned.v1", NONE, NONE),
    "people/<>/adult-joined": ("household.adult_joined.v1", NONE, NONE),
    "people/<>/bereavement-checked": ("bereavement.checked.v1", NONE, NONE),
    "people/<>/review-offered": ("review.offered.v1", frozenset({"birth_known"}), NONE),
    "people/<>/review-completed": ("review.completed.v1", frozenset({"birth_known"}), NONE),
    "people/<>/review-declined": ("review.declined.v1", frozenset({"birth_known"}), NONE),
    "people/<>/parent-checks": ("parent.checks_recorded.v1", NONE, NONE),
    "people/<>/lead-named": ("accumulation.lead_named.v1", NONE, NONE),
    "people/<>/accumulation-reviewed": ("accumulation.reviewed.v1", NONE, NONE),
    "people/<>/contacts-reviewed": ("contacts.reviewed.v1", NONE, NONE),
    "people/<>/closing-reread": ("closing.reread.v1", NONE, NONE),
    "people/<>/closings-reviewed": ("closings.reviewed.v1", NONE, NONE),
    "pregnancies": ("pregnancy.booked.v1", frozenset({"mother_age_band"}), NONE),
    "pregnancies/notified": ("pregnancy.notified.v1", frozenset({"mother_age_band"}), NONE),
    "pregnancies/<>/booked": ("pregnancy.booked.v1", frozenset({"mother_age_band"}), NONE),
    "pregnancies/<>/edd-corrected": ("pregnancy.edd_corrected.v1", NONE, NONE),
    "pregnancies/<>/concern-noted": ("pregnancy.concern_noted.v1", NONE, NONE),
    "pregnancies/<>/partner-named": (
        "pregnancy.partner_named.v1",
        frozenset({"partner_known", "partner_age_band"}),
        NONE,
    ),
    "pregnancies/<>/joined": ("pregnancy.joined.v1", frozenset({"other_person_id"}), NONE),
    "pregnancies/<>/ended": ("pregnancy.ended.v1", frozenset({"parents"}), NONE),
    "pregnancies/<>/screening-decided": ("prebirth.screening_decided.v1", NONE, frozenset({"reason"})),
    "pregnancies/<>/prebirth-referred": ("prebirth.referred.v1", NONE, NONE),
    "pregnancies/<>/prebirth-accepted": ("prebirth.referral_accepted.v1", NONE, NONE),
    "pregnancies/<>/assessment-started": ("prebirth.assessment_started.v1", NONE, NONE),
    "pregnancies/<>/assessment-completed": ("prebirth.assessment_completed.v1", NONE, NONE),
    "pregnancies/<>/strategy-decided": ("prebirth.strategy_decided.v1", NONE, NONE),
    "pregnancies/<>/conference-held": ("prebirth.conference_held.v1", NONE, NONE),
    "pregnancies/<>/threshold-not-met": ("prebirth.threshold_not_met.v1", NONE, NONE),
    "pregnancies/<>/parent-checks": ("parent.checks_recorded.v1", NONE, NONE),
    "pregnancies/<>/bereavement-checked": ("bereavement.checked.v1", NONE, NONE),
    "pregnancies/<>/review-offered": ("review.offered.v1", frozenset({"birth_known"}), NONE),
    "pregnancies/<>/review-completed": ("review.completed.v1", frozenset({"birth_known"}), NONE),
    "pregnancies/<>/review-declined": ("review.declined.v1", frozenset({"birth_known"}), NONE),
    "screens": ("screen.recorded.v1", NONE, NONE),
    "screens/<>/followed-up": ("screen.followed_up.v1", NONE, NONE),
    "support": ("support.started.v1", NONE, NONE),
    "support/<>/session-held": ("support.session_held.v1", NONE, NONE),
    "support/<>/session-missed": ("support.session_missed.v1", NONE, NONE),
    "support/<>/miss-contacted": ("support.miss_contacted.v1", NONE, NONE),
    "support/<>/misses-reviewed": ("support.misses_reviewed.v1", NONE, NONE),
    "support/<>/reviewed": ("support.reviewed.v1", NONE, frozenset({"reason"})),
    "support/<>/ended": ("support.ended.v1", NONE, NONE),
    "offers": ("offer.made.v1", NONE, NONE),
    "offers/<>/made-again": ("offer.made.v1", NONE, NONE),
    "offers/<>/accepted": ("offer.accepted.v1", NONE, NONE),
    "offers/<>/declined": ("offer.declined.v1", NONE, NONE),
    "offers/<>/deferred": ("offer.deferred.v1", NONE, NONE),
    "offers/<>/fallback-started": ("offer.fallback_started.v1", NONE, NONE),
    "offers/<>/ended": ("offer.ended.v1", frozenset({"view_given"}), frozenset({"persons_view"})),
    "moves": ("household.moved.v1", frozenset({"recorded_in"}), NONE),
    "moves/<>/handover-attempted": ("handover.attempted.v1", frozenset({"recorded_in"}), NONE),
    "moves/<>/handover-given": ("handover.given.v1", frozenset({"recorded_in"}), frozenset({"context"})),
    "moves/<>/handover-acknowledged": (
        "handover.acknowledged.v1",
        frozenset({"reported_by"}),
        frozenset({"receiver_person", "reference"}),
    ),
    "moves/<>/first-contact": ("handover.first_contact_made.v1", NONE, NONE),
    "concerns": ("concern.raised.v1", NONE, NONE),
    "injuries": ("injury.reported.v1", NONE, NONE),
    "alleged-harm": ("harm.alleged.v1", NONE, NONE),
    "concerns/<>/child-seen": ("child.seen.v1", NONE, NONE),
    "concerns/<>/child-not-found": ("child.not_found.v1", NONE, NONE),
    "concerns/<>/harm-decided": ("harm.decided.v1", NONE, NONE),
    "concerns/<>/decided": ("injury.decided.v1", NONE, NONE),
    "consultations": ("consultation.held.v1", NONE, NONE),
    "consultations/<>/account": ("consultation.account_added.v1", NONE, NONE),
    "consultations/<>/outcome-given": ("consultation.outcome_given.v1", NONE, frozenset({"outcome"})),
    "consultations/<>/outcome-acknowledged": ("consultation.outcome_acknowledged.v1", NONE, NONE),
    "consultations/<>/rechecked": ("consultation.rechecked.v1", NONE, NONE),
    "consultations/<>/linked": ("consultation.linked.v1", NONE, NONE),
    "consultations/<>/referred": ("consultation.referred.v1", NONE, NONE),
    "notifications": ("notification.sent.v1", NONE, NONE),
    "notifications/<>/acknowledged": (
        "notification.acknowledged.v1",
        frozenset({"reported_by", "to_role", "condition_id", "pregnancy_id"}),
        frozenset({"receiver_person", "reference"}),
    ),
    "contacts": ("contact.received.v1", NONE, {"referrer"}),
    "contacts/<>/chased": ("contact.chased.v1", NONE, NONE),
    "contacts/<>/decided": ("contact.decided.v1", NONE, NONE),
    "contacts/<>/referrer-told": ("contact.referrer_told.v1", NONE, NONE),
    "cases": ("case.opened.v1", NONE, NONE),
    "cases/<>/closed": ("case.closed.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/closure": ("case.closed.v2", frozenset({"agency", "people"}), NONE),
    "cases/<>/holder-named": ("case.holder_named.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/holder-ended": ("case.holder_ended.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/leaving-announced": ("case.leaving_announced.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/handover-given": ("case.handover_given.v1", frozenset({"agency", "people"}), frozenset({"account"})),
    "cases/<>/taken-on": (
        "case.taken_on.v1",
        frozenset({"agency", "people", "reported_by"}),
        frozenset({"reference"}),
    ),
    "cases/<>/unheld-reviewed": ("case.unheld_reviewed.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/told": ("case.told.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/closing-proposed": ("case.closing_proposed.v1", frozenset({"agency", "people"}), NONE),
    "cases/<>/closing-checked": ("case.closing_checked.v1", frozenset({"agency", "people", "missing"}), NONE),
    "actions": ("action.decided.v1", NONE, frozenset({"what"})),
    "actions/<>/arranged": ("action.arranged.v1", NONE, NONE),
    "actions/<>/done": ("action.done.v1", NONE, frozenset({"reference"})),
    "actions/<>/replaced": ("action.replaced.v1", NONE, NONE),
    "actions/<>/swept": ("action.swept.v1", NONE, NONE),
}
NAMES_THE_PERSON = {"consultations/<>/linked", "consultations/<>/referred"}
KINDS = {
    "people": "person",
    "pregnancies": "pregnancy",
    "injuries": "concern",
    "alleged-harm": "concern",
    "support": "support",
    **{
        f"{kind}s": kind
        for kind in ("screen", "offer", "move", "concern", "consultation", "notification", "contact", "case", "action")
    },
}
# Those have bodies of their own, with tests of their own.
OTHERS = ("people", "people/search", "conditions", "referrals", "commands")


def posts() -> dict[str, Endpoint]:
    found = {}
    for _, endpoint in endpoints_of(PerinatalService):
        path = "/".join("<>" if part.startswith("<") else part for part in endpoint.url.split("/")[2:])
        of_every_record = ("retractions", "claims/confirmed", "claims/rejected", "doubts/confirmed")
        if endpoint.method == "POST" and not path.endswith(of_every_record):
            found[path] = endpoint
    return found


def test_the_service_has_these_routes_and_no_others() -> None:
    others = {path for path in posts() if path in OTHERS or path.startswith(("referrals/", "parked/"))}
    assert set(posts()) - others == set(ROUTES)


def test_no_route_hides_another_of_the_same_name() -> None:
    names = Counter(name for group in PerinatalService.__mro__ for name in vars(group) if not name.startswith("__"))
    assert [name for name, times in names.items() if times > 1] == []


@pytest.mark.parametrize("path", sorted(ROUTES))
def test_a_body_has_the_fields_of_its_contract_but_what_the_service_knows(path: str) -> None:
    event_type, derived, private = ROUTES[path]
    body, begins = posts()[path].body, "<>" not in path
    assert body is not None
    declared = set(CATALOGUE[event_type].schema().fields)
    known = {f"{KINDS[path.partition('/')[0]]}_id"}
    if not begins and path not in NAMES_THE_PERSON:
        known.add("person_id")
    always = {"occurred_at", "note", "confirms", *({"area"} if begins else ())}
    assert set(body().fields) - always == (declared - known - derived) | private
