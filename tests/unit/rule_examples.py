"""One example of each predicate and of each form of a due rule, as a pack would state it for a pregnancy."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OPENER = "pregnancy.booked.v1"
PREDICATE_EXAMPLES: Mapping[str, Any] = {
    "field_equals": ["edd_source", "scan"],
    "field_in": ["edd_source", ["scan"]],
    "field_present": "edd",
    "field_has_any": ["concerns", ["domestic_abuse"]],
    "field_at_least": ["edd", 3],
    "role_in": ["health_lead"],
    "recorded_by_own": ["health_lead"],
    "caused_by_own": ["health_lead"],
    "lacks_standing": True,
    "names_nobody": True,
    "doubtful": True,
    "moved_with_the_person": True,
    "thread_is": "pregnancy_id",
    "thread_has": {"event": "prebirth.referred.v1", "when": [{"person_had": "screen.recorded.v1"}]},
    "thread_had": "prebirth.referred.v1",
    "person_has": {"event": "case.closed.v1", "when": [{"thread_has": "pregnancy.concern_noted.v1"}]},
    "person_had": "screen.recorded.v1",
    "people_had": "concern.raised.v1",
    "siblings_had": "injury.decided.v1",
    "household_had_within": {"of": "case.closed.v1", "days": 365},
    "person_had_since": "consultation.held.v1",
    "by_none_who": {"of": "case.closed.v1", "days": 365},
    "thread_last": {"of": ["prebirth.referred.v1", "prebirth.strategy_decided.v1"], "is": "prebirth.referred.v1"},
    "person_last": {"of": ["case.opened.v1", "case.closed.v1"], "is": ["case.closed.v1"]},
    "left_open": {"event": "prebirth.referred.v1", "until": ["prebirth.conference_held.v1"], "same": "pregnancy_id"},
    "weeks_pregnant_from": 20,
    "pregnant": True,
    "second_pregnancy": True,
    "about_partner": True,
    "parent_of_child_under_months": 12,
    "gave_birth_within_months": 12,
    "child_under_months": 12,
    "leaves_unheld": True,
    "changes_holder": True,
    "told_one_of_each": [["parents", "child"], ["health_visitor"]],
    "people_had_since": {
        "of": [{"event": "concern.raised.v1", "via": "people"}],
        "since": ["prebirth.conference_held.v1", {"event": "accumulation.reviewed.v1", "via": "people"}],
    },
    "not": {"person_has": "care_leaver.registered.v1"},
    "all_of": [{"person_has": "review.offered.v1"}],
    "any_of": [{"thread_has": "prebirth.conference_held.v1"}, {"person_has": "review.completed.v1"}],
}
DUE_EXAMPLES: Mapping[str, Mapping[str, Any]] = {
    "earliest": {"earliest": [{"days": 1}, {"days": 2, "after": "edd"}]},
    "latest": {"latest": [{"days": 1}, {"days": 2, "after": {"event": "prebirth.referred.v1", "nth": 1}}]},
    "choose": {
        "choose": [
            {"when": [{"person_had": "screen.recorded.v1"}], "then": {"days": 1}},
            {"then": {"days": 2, "after": "edd"}},
        ]
    },
    "opening": {"working_days": 2},
    "edd": {"before": {"weeks": 10}, "after": "edd"},
    "nth": {"days": 2, "after": {"event": "prebirth.referred.v1", "nth": 2, "since": "opening"}},
    "field": {"days": 2, "after": {"event": "offer.deferred.v1", "field": "re_offer_by"}},
}
DUE_FAULTS: Mapping[str, Mapping[str, Any]] = {
    "earliest": {"earliest": []},
    "latest": {"latest": [7]},
    "choose": {"choose": []},
    "opening": {"working_days": "two"},
    "edd": {"fortnights": 1, "after": "edd"},
    "nth": {"days": 2, "after": {"event": "prebirth.referred.v1", "nth": 0}},
    "field": {"days": 2, "after": {"field": "edd_source"}},
}


def step(**changed: Any) -> dict[str, Any]:
    """A sound step about a pregnancy, with these parts changed."""
    return {
        "title": "A pregnancy is looked at",
        "expects": "Look at it",
        "thread": "pregnancy",
        "opens_on": OPENER,
        "due": {"days": 2},
        "met_by": ["prebirth.assessment_completed.v1"],
        "owner": {"role": "actor", "team": "actor", "person": "actor"},
        "ladder": [{"name": "owner", "to": ["owner"], "repeat": {"working_days": 5}}],
        "basis": "DES",
        "source": "made up",
        "confidence": "F",
        "applies_from": "2012-01-01",
        **changed,
    }


def step_with(predicate: str, argument: Any) -> dict[str, Any]:
    """A step that opens where the predicate holds."""
    return step(opens_on=[{"event": OPENER, "when": [{predicate: argument}]}])
