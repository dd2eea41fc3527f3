"""Builds what the leaving-care service consists of."""

from __future__ import annotations

from functools import partial

from services.leaving_care.api.views import VIEWS
from services.leaving_care.domain.care_leaver import stream_of
from services.leaving_care.domain.doubts import DOUBTS
from services.leaving_care.domain.reactions import REACTIONS
from shared.recording.bootstrap import build_recording, rebuild_recording, run_check_of_recording
from shared.recording.doubts import DoubtCheck

SERVICE = "leaving_care"

build = partial(
    build_recording,
    service=SERVICE,
    views=VIEWS,
    reactions=REACTIONS,
    record_of=stream_of,
    doubts=DoubtCheck(DOUBTS),
)
run_check = partial(run_check_of_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS)
rebuild = partial(rebuild_recording, service=SERVICE, views=VIEWS, reactions=REACTIONS)
