"""Records the history that `test_upgrade` reads: run it in a checkout of the version whose data are to be kept.

It uses only what versions have in common: `local_stack`, `Replay`, the HTTP APIs and the role `export`. What it writes,
and how to run it, is in `tests/data/upgrade/README.md`.
"""

from __future__ import annotations

import base64
import gzip
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests
from bson.json_util import CANONICAL_JSON_OPTIONS, dumps
from pymongo import MongoClient

from deploy.local.case import Case, Fact, load_case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import LocalStack, local_stack
from shared.kernel.time import at_london

CASE_UNTIL = date(2013, 2, 22)
RECORDED_ON, RECORDED_LATER_ON = date(2013, 2, 25), date(2013, 3, 6)
ENDS = date(2013, 3, 28)
ACTED_ON, ADOPTED_ON = date(2013, 3, 11), date(2013, 3, 18)
EXPORT_KEY = "the key of an export that is public anyway: all of its people are made up"
VIEWS = {
    "perinatal": ("referral_views", "pregnancy_views"),
    "leaving_care": ("care_leaver_views", "plan_item_views"),
    "referrals_followup": ("follow_ups",),
}

Step = tuple[str, str, dict[str, Any]]
"""Who records, in which route, which body. A body's `$name` is an id that an earlier answer gave."""

NUMBER = "9009000109"
LEAVER = {"given_name": "Kit", "family_name": "Exampleton", "date_of_birth": "1995-07-09"}
WREN = {"given_name": "Wren", "family_name": "Exampleton"}
MOVE = {"from_area": "essex", "to_area": "norfolk", "told_by": "family", "handover_needed": True}
SENT = {"stage": "sent", "person_id": "$p1", "service": "camhs", "channel": "letter", "to_team": "camhs-essex"}
NOTED = {
    "stage": "intended",
    "person_id": "$p1",
    "service": "camhs",
    "to_team": "camhs-essex",
    "reason_code": "depression",
}
CLINIC, VISITOR, MIDWIFE, WORKER = "camhs-triage-novak", "hv-pereira", "midwife-ekwueme", "sw-petrov"
DOOR, GP, ADVISER, MANAGER, NORFOLK = "fd-laurent", "gp-okafor", "pa-lindqvist", "lc-manager-varga", "hv-castro"
PROOF = {"receiver_person": CLINIC, "channel": "phone", "reference": "call of Monday"}

# One story is recorded at one time of the day. `name=` before a route remembers the id that the answer gives.
PERINATAL: list[list[Step]] = [
    [
        (VISITOR, "p1=people", {**WREN, "date_of_birth": "1996-03-02", "nhs_number": "999 000 0085"}),
        (VISITOR, "p2=people", {**WREN, "given_name": "Robin", "date_of_birth": "1994-11-03"}),
        (VISITOR, "p3=people", WREN),
        (VISITOR, "p4=people", {**WREN, "given_name": "Jay"}),
        (VISITOR, "people/$p1/linked", {"other_person_id": "$p4", "reason": "merge", "confirmed_by": VISITOR}),
        (VISITOR, "people/$p3/linked", {"other_person_id": "$p4", "reason": "confirmed", "confirmed_by": VISITOR}),
        (VISITOR, "people/$p3/unlinked", {"other_person_id": "$p4", "reason_code": "x", "confirmed_by": VISITOR}),
        (VISITOR, "people/$p3/practitioner", {"role": "health_visitor", "practitioner": VISITOR, "team": "hv-harwich"}),
        (VISITOR, "people/$p3/adult-joined", {"adult_id": "$p2", "children": ["$p3"]}),
        (VISITOR, "people/$p3/review-offered", {"review": "new_birth"}),
        (VISITOR, "people/$p3/review-declined", {"review": "six_week"}),
        (VISITOR, "people/$p3/lead-named", {"lead": VISITOR, "team": "hv-harwich"}),
        (VISITOR, "people/$p3/accumulation-reviewed", {"decision": "monitor", "lead": VISITOR}),
    ],
    [
        (WORKER, "g1=pregnancies/notified", {"person_id": "$p1", "concerns": ["homeless"]}),
        (MIDWIFE, "pregnancies/$g1/booked", {"concerns": ["mental_ill_health"], "edd": "2013-09-15"}),
        (MIDWIFE, "pregnancies/$g1/edd-corrected", {"edd": "2013-09-18", "edd_source": "scan"}),
        (MIDWIFE, "pregnancies/$g1/concern-noted", {"concern": "late_booking"}),
        (MIDWIFE, "pregnancies/$g1/partner-named", {"partner_id": "$p2", "relation": "father"}),
        (
            MIDWIFE,
            "pregnancies/$g1/screening-decided",
            {"outcome": "assess", "reason_code": "history", "decided_by": MIDWIFE, "reason": "Afraid of the birth"},
        ),
        (MIDWIFE, "pregnancies/$g1/prebirth-referred", {"to_team": "childrens-social-care-essex"}),
        (WORKER, "pregnancies/$g1/prebirth-accepted", {}),
        (WORKER, "pregnancies/$g1/assessment-started", {}),
        (WORKER, "pregnancies/$g1/strategy-decided", {"outcome": "conference"}),
        (MIDWIFE, "pregnancies/$g1/parent-checks", {"parents": ["$p1", "$p2"], "told": ["health_visitor"]}),
        (VISITOR, "pregnancies/$g1/review-offered", {}),
        (MIDWIFE, "g2=pregnancies", {"person_id": "$p2", "concerns": [], "edd": "2013-08-01", "edd_source": "scan"}),
        (MIDWIFE, "pregnancies/$g2/ended", {"outcome": "miscarriage"}),
        (MIDWIFE, "g3=pregnancies", {"person_id": "$p4", "concerns": ["late_booking"]}),
        (MIDWIFE, "p5=people", {**LEAVER, "nhs_number": NUMBER}),
        (MIDWIFE, "g4=pregnancies", {"person_id": "$p5", "concerns": [], "edd": "2013-08-20", "edd_source": "scan"}),
    ],
    [
        (VISITOR, "s1=screens", {"person_id": "$p1", "tool": "epds", "score": 14, "self_harm": True}),
        (VISITOR, "s2=screens", {"person_id": "$p2", "tool": "epds", "score": 12, "self_harm": False}),
        (VISITOR, "screens/$s2/followed-up", {"outcome": "refer", "assessed_by": VISITOR}),
        (VISITOR, "u1=support", {"person_id": "$p1", "kind": "listening_visits"}),
        (VISITOR, "support/$u1/session-held", {}),
        (VISITOR, "support/$u1/session-missed", {"how": "no_access"}),
        (VISITOR, "support/$u1/miss-contacted", {"why_code": "no-transport"}),
        (VISITOR, "support/$u1/misses-reviewed", {"decision_code": "offer-again", "referrer_told": True}),
        (
            VISITOR,
            "support/$u1/reviewed",
            {"stage": "mid", "decision": "step_up", "reason_code": "worse", "reason": "Cried and could not say why"},
        ),
        (VISITOR, "support/$u1/ended", {"reason_code": "completed"}),
        (VISITOR, "o1=offers", {"person_id": "$p1", "what": "counselling"}),
        (VISITOR, "offers/$o1/declined", {}),
        (VISITOR, "offers/$o1/made-again", {}),
        (VISITOR, "offers/$o1/deferred", {"re_offer_by": "2013-03-20"}),
        (VISITOR, "offers/$o1/fallback-started", {"what": "listening_visits"}),
        (VISITOR, "o2=offers", {"person_id": "$p2", "what": "counselling"}),
        (VISITOR, "offers/$o2/accepted", {}),
        (VISITOR, "offers/$o2/ended", {"reason_code": "moved", "manager": "hv-manager-ito", "persons_view": "Glad"}),
    ],
    [
        (VISITOR, "m1=moves", {**MOVE, "person_id": "$p3", "people": ["$p3"]}),
        (VISITOR, "moves/$m1/handover-attempted", {"outcome": "not_reached", "channel": "phone"}),
        (VISITOR, "moves/$m1/handover-given", {"contexts": ["mental_health"], "channel": "phone", "context": "Ask me"}),
        (NORFOLK, "moves/$m1/handover-acknowledged", {}),
        (NORFOLK, "moves/$m1/first-contact", {}),
        (VISITOR, "m2=moves", {**MOVE, "person_id": "$p4", "people": ["$p4"]}),
    ],
    [
        (VISITOR, "c1=concerns", {"person_id": "$p3", "kind": "parenting", "seen": True}),
        (VISITOR, "concerns/$c1/child-seen", {"clinician": False}),
        (
            VISITOR,
            "c2=injuries",
            {
                "person_id": "$p3",
                "kind": "bruise",
                "site": "ear",
                "mobility": "walking",
                "seen": False,
                "clustered": False,
                "presented": True,
                "note": "Says the cot did it",
            },
        ),
        (WORKER, "concerns/$c2/decided", {"decision": "refer", "decided_by": WORKER}),
        (
            VISITOR,
            "k1=consultations",
            {
                "named": False,
                "side": "caller",
                "mentions": ["bruise"],
                "advice": "record_and_watch",
                "to_team": "front-door-essex",
            },
        ),
        (DOOR, "consultations/$k1/account", {"side": "consultant", "mentions": ["parenting"]}),
        (DOOR, "consultations/$k1/outcome-given", {"channel": "letter", "outcome": "Watch, and ring again"}),
        (VISITOR, "consultations/$k1/outcome-acknowledged", {}),
        (DOOR, "consultations/$k1/rechecked", {"outcome": "concern_continues"}),
        (VISITOR, "consultations/$k1/linked", {"person_id": "$p3"}),
        (VISITOR, "consultations/$k1/referred", {"person_id": "$p3"}),
        (DOOR, "t1=contacts", {"person_id": "$p3", "from_team": "hv-harwich", "channel": "phone"}),
        (DOOR, "contacts/$t1/decided", {"decision": "assessment"}),
        (DOOR, "contacts/$t1/referrer-told", {"channel": "email"}),
        (
            WORKER,
            "a1=cases",
            {
                "person_id": "$p3",
                "agency": "childrens_social_care",
                "people": ["$p1", "$p3"],
                "kind": "child_in_need",
            },
        ),
        (WORKER, "cases/$a1/closed", {"reason_code": "needs-met"}),
    ],
    [
        (
            GP,
            "d1=conditions",
            {"person_id": "$p1", "code": "depression", "severity": "moderate", "note": "Sleeps badly"},
        ),
        (
            GP,
            "n1=notifications",
            {
                "person_id": "$p1",
                "to_role": "midwife",
                "about": "condition",
                "channel": "email",
                "condition_id": "$d1",
            },
        ),
        (MIDWIFE, "notifications/$n1/acknowledged", {}),
        (GP, "r1=referrals", SENT),
        (CLINIC, "referrals/$r1/acknowledged", {}),
        (CLINIC, "referrals/$r1/more-info-requested", {}),
        (GP, "referrals/$r1/more-info-given", {}),
        (CLINIC, "referrals/$r1/accepted", {}),
        (CLINIC, "referrals/$r1/offered", {}),
        (CLINIC, "referrals/$r1/appointment-booked", {"appointment_on": "2013-03-05"}),
        (CLINIC, "referrals/$r1/appointment-cancelled", {"by": "service"}),
        (CLINIC, "referrals/$r1/not-attended", {"how": "did_not_attend"}),
        (CLINIC, "referrals/$r1/miss-contacted", {"why_code": "forgot"}),
        (CLINIC, "referrals/$r1/misses-reviewed", {"decision_code": "no-concern", "referrer_told": True}),
        (CLINIC, "referrals/$r1/attended", {}),
        (CLINIC, "referrals/$r1/assessed", {"outcome": "treat"}),
        (CLINIC, "referrals/$r1/treatment-started", {}),
        (CLINIC, "referrals/$r1/treatment-ended", {"reason_code": "completed"}),
        (CLINIC, "referrals/$r1/outcome-returned", {"outcome_code": "improved"}),
        (GP, "referrals/$r1/outcome-acknowledged", {}),
        (CLINIC, "referrals/$r1/closed", {"reason_code": "done"}),
        (GP, "r2=referrals", NOTED),
        (GP, "referrals/$r2/sent", {"channel": "e_referral", "reference": "E-REF 0001"}),
        (GP, "referrals/$r2/acknowledged", PROOF),
        (CLINIC, "referrals/$r2/rejected", {"reason_code": "below_threshold"}),
        (GP, "referrals/$r2/alternative-recorded", {"alternative_code": "listening-visits"}),
        (GP, "r3=referrals", NOTED),
        (GP, "referrals/$r3/withdrawn", {"reason_code": "declined", "decided_by": GP}),
        (GP, "r4=referrals", {**SENT, "urgency": "urgent"}),
        (GP, "r5=referrals", {**NOTED, "person_id": "$p2"}),
        (GP, "r6=referrals", {**NOTED, "person_id": "$p4", "note": "Noted for the wrong one"}),
        (GP, "referrals/$r6/retractions", {"event_id": "$r6:event", "reason_code": "wrong-person"}),
    ],
]
LEAVING_CARE: list[list[Step]] = [
    [
        (
            ADVISER,
            "l1=care-leavers",
            {
                "given_name": "Rowan",
                "family_name": "Exampleton",
                "date_of_birth": "1994-05-20",
                "nhs_number": "999 000 0107",
                "looked_after": [{"from_on": "2004-05-01", "to_on": "2012-05-01"}],
            },
        ),
        (
            ADVISER,
            "l2=care-leavers",
            {**WREN, "date_of_birth": "1996-03-02", "nhs_number": "999 000 0085", "category": "relevant"},
        ),
        (ADVISER, "l3=care-leavers", {**LEAVER, "nhs_number": NUMBER, "category": "former_relevant"}),
        (MANAGER, "care-leavers/$l1/adviser", {"adviser": ADVISER, "team": "leaving-care-essex"}),
        (MANAGER, "care-leavers/$l1/adviser-ended", {"adviser": ADVISER, "reason_code": "left"}),
        (MANAGER, "care-leavers/$l2/adviser", {"adviser": "pa-moreau", "team": "leaving-care-essex"}),
        (ADVISER, "care-leavers/$l1/contact-made", {"how": "in_person", "note": "He was well."}),
        (ADVISER, "care-leavers/$l1/contact-failed", {"how": "phone"}),
        (ADVISER, "care-leavers/$l1/contact-lost", {}),
        (ADVISER, "care-leavers/$l1/pathway-assessed", {"occurred_at": "2013-01"}),
        (ADVISER, "care-leavers/$l1/pathway-planned", {}),
        (ADVISER, "care-leavers/$l2/pathway-reviewed", {"reason": "parent", "pregnancy_id": "$g1"}),
        (
            ADVISER,
            "care-leavers/$l1/accommodation",
            {"kind": "authority", "provided_by_authority": True, "area": "norfolk"},
        ),
        (ADVISER, "care-leavers/$l1/moved", {"to_area": "norfolk", "out_of_area": True}),
        (ADVISER, "care-leavers/$l1/authority-confirmed", {"authority": "essex"}),
        (ADVISER, "care-leavers/$l2/parenthood-acknowledged", {"pregnancy_id": "$g1"}),
        (ADVISER, "care-leavers/$l2/support-offered", {"support_code": "young-parents-group"}),
        (ADVISER, "care-leavers/$l1/entitlement-decided", {"decision": "continues", "decided_by": MANAGER}),
        (ADVISER, "care-leavers/$l2/category", {"category": "former_relevant"}),
    ],
    [
        *(
            (
                ADVISER,
                f"i{number}=plan-items",
                {
                    "care_leaver_id": f"${leaver}",
                    "kind": "counselling",
                    "condition": "when_ready",
                    "fallback": "mental_health_worker",
                },
            )
            for number, leaver in ((1, "l1"), (2, "l1"), (3, "l2"), (4, "l3"))
        ),
        (
            ADVISER,
            "plan-items/$i1/arranged",
            {
                "owner": ADVISER,
                "trigger_code": "he_asks",
                "fallback": "mental_health_worker",
                "review_by": "2013-03-12",
            },
        ),
        (ADVISER, "plan-items/$i1/offered", {}),
        (ADVISER, "plan-items/$i1/declined", {}),
        (ADVISER, "plan-items/$i1/reviewed", {"next_review_by": "2013-03-25"}),
        (ADVISER, "plan-items/$i1/fallback-started", {}),
        (ADVISER, "plan-items/$i2/offered", {}),
        (ADVISER, "plan-items/$i2/taken-up", {}),
        (ADVISER, "plan-items/$i2/completed", {}),
        (ADVISER, "plan-items/$i3/offered", {}),
        (ADVISER, "plan-items/$i3/deferred", {"re_offer_by": "2013-03-14"}),
        (ADVISER, "plan-items/$i4/ended", {"reason_code": "moved", "manager": MANAGER, "young_person_view": "Fine"}),
    ],
]
LATER: list[list[Step]] = [
    [
        (WORKER, "pregnancies/$g1/assessment-completed", {"shared_with": ["midwife", "health_visitor"]}),
        (WORKER, "pregnancies/$g1/conference-held", {}),
        (WORKER, "pregnancies/$g1/threshold-not-met", {"reason_code": "support-accepted"}),
        (MIDWIFE, "pregnancies/$g2/bereavement-checked", {"told": ["gp_practice"]}),
        (VISITOR, "pregnancies/$g1/review-completed", {"review": "antenatal"}),
        (MIDWIFE, "pregnancies/$g4/ended", {"outcome": "miscarriage"}),
        (CLINIC, "referrals/$r4/acknowledged", {}),
        (
            CLINIC,
            "referrals/$r4/redirected",
            {"to_service": "perinatal_mental_health", "to_team": "perinatal-mh-essex"},
        ),
        (WORKER, "people/$p4/died", {"family": ["$p1"]}),
    ]
]
ACTS: list[Step] = [
    ("lead-achterberg", "$f0/acknowledged", {"note": "I have seen it."}),
    ("lead-achterberg", "$f1/noted", {"note": "The letter is on my desk."}),
    ("lead-achterberg", "$f2/assigned", {"person": "gp-adeyemi"}),
    ("lead-achterberg", "$f3/accepted", {}),
    ("lead-achterberg", "$f4/ended", {"reason_code": "recorded_elsewhere", "note": "Done by telephone."}),
    ("lead-achterberg", "$f5/refused", {"reason_code": "not_ours"}),
]


def main(folder: Path) -> None:
    """Records the history and writes its exports, views and commands to the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    case = _case()
    with tempfile.TemporaryDirectory() as temporary:
        packs = Path(temporary) / "standards"
        shutil.copytree(Path("services/referrals_followup/standards"), packs)
        with local_stack(
            fresh_name("record"), replay_clock=case.begins, settings={"STANDARDS_DIR": str(packs)}
        ) as stack:
            replay = Replay(stack, case)
            commands: list[dict[str, Any]] = []
            replay._http.hooks["response"].append(partial(_keep, commands))
            for day, _ in replay.days():
                if day == ACTED_ON - timedelta(days=1):
                    replay.known.update(_open_follow_ups(replay))
                if day == ADOPTED_ON - timedelta(days=1):
                    _adopt_another(stack, packs)
                    _erase(stack, f"person/{replay.known['p4']}")
            _write(stack, commands, folder, Path(temporary))


def _case() -> Case:
    begun = load_case().until(CASE_UNTIL)
    facts = [*begun.facts]
    for number, (service, story) in enumerate(
        [("perinatal", story) for story in PERINATAL] + [("leaving_care", story) for story in LEAVING_CARE]
    ):
        facts += _facts(service, story, at_london(RECORDED_ON, time(9 + number)))
    facts += _facts("perinatal", LATER[0], at_london(RECORDED_LATER_ON, time(10)))
    acts = [(by, f"follow-ups/{path}", body) for by, path, body in ACTS]
    facts += _facts("referrals_followup", acts, at_london(ACTED_ON, time(10)))
    return replace(begun, ends=ENDS, facts=tuple(sorted(facts, key=lambda fact: fact.at)))


def _facts(service: str, story: list[Step], at: datetime) -> Iterator[Fact]:
    for by, target, body in story:
        name, _, route = target.rpartition("=")
        kind = {"injuries": "concern", "people": "person", "pregnancies": "pregnancy", "support": "support"}.get(
            route.split("/")[0], route.split("/")[0].removesuffix("s")
        )
        remember = {name: f"{kind.replace('-', '_')}_id", f"{name}_event": "event_id"} if name else {}
        body = json.loads(json.dumps(body).replace(":event", "_event"))
        yield Fact(at, target, by, service, f"/v1/{route}", body, remember)


def _keep(commands: list[dict[str, Any]], answer: requests.Response, **_: Any) -> None:
    """Keeps a command with its answer, so that it can be sent again."""
    request = answer.request
    if request.method != "POST" or answer.status_code != 201:
        return
    claims = str(request.headers["Authorization"]).split(".")[1]
    commands.append(
        {
            "by": json.loads(base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4)))["sub"],
            "address": urlsplit(str(request.url)).netloc,
            "path": request.path_url,
            "key": request.headers["Idempotency-Key"],
            "body": json.loads(request.body or b"null"),
            "etag": answer.headers["ETag"],
            "answer": answer.json(),
        }
    )


def _open_follow_ups(replay: Replay) -> dict[str, str]:
    """The ids of open follow-ups of different steps, as `f0`, `f1` and so on."""
    query: Mapping[str, Any] = {"state": "open", "limit": 200, "area": "essex"}
    token = replay.token("lead-achterberg")
    items = replay._http.get(
        f"{replay.stack.urls['referrals_followup']}/v1/follow-ups",
        params=query,
        headers={"Authorization": f"Bearer {token}"},
    ).json()["items"]
    by_step = {item["step"]: item["id"] for item in sorted(items, key=lambda item: str(item["step"]), reverse=True)}
    return {f"f{number}": found for number, found in enumerate(by_step.values())}


def _adopt_another(stack: LocalStack, packs: Path) -> None:
    """Adopts a pack in which one number of days differs."""
    pack = packs / "essex.yaml"
    text = pack.read_text()
    changed = text.replace("due: {working_days: 3}", "due: {working_days: 4}").replace(
        'version: "', 'version: "another-'
    )
    assert changed != text
    pack.write_text(changed)
    stack.run("referrals_followup", "adopt")


def _erase(stack: LocalStack, stream: str) -> None:
    stack.run("perinatal", "erase", "--stream", stream, "--by", "records-officer", "--reason", "court_order")


def _write(stack: LocalStack, commands: list[dict[str, Any]], folder: Path, temporary: Path) -> None:
    (folder / "export.key").write_text(EXPORT_KEY)
    shutil.copy(stack.environments["perinatal"]["PERSON_ID_KEY_FILE"], folder / "person-id.key")
    services = {urlsplit(url).netloc: service for service, url in stack.urls.items()}
    for command in commands:
        command["service"] = services[command.pop("address")]
    _write_packed(folder / "commands.json.gz", "".join(json.dumps(command) + "\n" for command in commands).encode())
    assert stack.clock_file is not None
    (folder / "clock").write_text(stack.clock_file.read_text())
    with MongoClient[dict[str, Any]](stack.environments["perinatal"]["MONGODB_URI"]) as client:
        for service, names in VIEWS.items():
            file = temporary / f"{service}.ndjson"
            stack.run(service, "export", str(file), "--private", "--key-file", str(folder.absolute() / "export.key"))
            _write_packed(folder / f"{service}.ndjson.gz", file.read_bytes())
            for name in names:
                views = client[service][name].find(sort=[("_id", 1)])
                lines = (dumps(view, json_options=CANONICAL_JSON_OPTIONS) + "\n" for view in views)
                _write_packed(folder / f"{service}.{name}.ndjson.gz", "".join(lines).encode())


def _write_packed(path: Path, content: bytes) -> None:
    path.write_bytes(gzip.compress(content, 9, mtime=0))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
