"""Builds what the perinatal service consists of."""

from __future__ import annotations

from functools import partial

from services.perinatal.api.views import VIEWS
from services.perinatal.api.whereabouts import lives_in
from services.perinatal.domain import person
from services.perinatal.domain.doubts import DOUBTS, LOOKED_UP_BY
from services.perinatal.domain.hands import RULES
from services.perinatal.domain.reactions import REACTIONS
from shared.recording.bootstrap import build_recording, rebuild_recording, run_check_of_recording
from shared.recording.doubts import DoubtCheck

SERVICE, PEOPLE = "perinatal", (person.AGGREGATE, person.REGISTERED)

build = partial(
    build_recording,
    service=SERVICE,
    views=VIEWS,
    reactions=REACTIONS,
    people=PEOPLE,
    lives_in=lives_in,
    doubts=DoubtCheck(DOUBTS, LOOKED_UP_BY),
    begun_by={"case.opened.v1": "people", "support.started.v1": "person_id"},
    hands=RULES,
)
run_check = partial(run_check_of_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS, people=PEOPLE)
rebuild = partial(rebuild_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS, people=PEOPLE)
