"""Builds what the leaving-care service consists of."""

from __future__ import annotations

from functools import partial

from services.leaving_care.api.views import VIEWS
from services.leaving_care.domain import care_leaver
from services.leaving_care.domain.doubts import DOUBTS
from services.leaving_care.domain.hands import RULES
from services.leaving_care.domain.reactions import REACTIONS
from shared.recording.bootstrap import build_recording, rebuild_recording, run_check_of_recording
from shared.recording.doubts import DoubtCheck

SERVICE, PEOPLE = "leaving_care", (care_leaver.AGGREGATE, care_leaver.REGISTERED)

build = partial(
    build_recording,
    service=SERVICE,
    views=VIEWS,
    reactions=REACTIONS,
    people=PEOPLE,
    record_of=care_leaver.stream_of,
    doubts=DoubtCheck(DOUBTS),
    hands=RULES,
)
run_check = partial(run_check_of_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS, people=PEOPLE)
rebuild = partial(rebuild_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS, people=PEOPLE)
