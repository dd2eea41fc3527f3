"""Case S, replayed as `make demo` does: who was told what and when. Nothing personal left the services."""

from __future__ import annotations

import email
import email.policy
import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta
from email.message import EmailMessage
from typing import Any
from xml.etree import ElementTree

import bson
import pika
import pytest
import requests
from pymongo import MongoClient
from pymongo.database import Database
from rich.console import Console

from deploy.local import demo
from deploy.local.case import Alarm, Case, Fact, Judgement, judge, load_case
from deploy.local.folders import fresh_name
from deploy.local.missed_steps import day_text, list_missed_steps
from deploy.local.page import page
from deploy.local.replay import Replay
from deploy.local.stack import LocalStack, local_stack
from services.referrals_followup.directory.loader import load_directory
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from shared.kernel.envelope import CONTENT_TYPE
from shared.kernel.time import london_date
from shared.messaging.parked import ParkedMessages
from shared.messaging.topology import EVIDENCE, exchange_of
from tests.e2e.eavesdropper import Eavesdropper, Heard
from tests.e2e.personal import days_with_secrets, leaks, secrets_of
from tests.support import eventually, without_foreign_backends

POISONED_ON = date(2013, 1, 17)
POISON = b'{"specversion": "1.0", "type": "referral.sent.v1", "data": ["not", "an", "event"]}'
VIEWS = {"perinatal": "referral_views", "leaving_care": "plan_item_views", "referrals_followup": "follow_ups"}


class WatchedReplay(Replay):
    """The replay under the worst conditions for privacy and for order.

    On each day on which something personal is recorded, MongoDB logs every operation. An unreadable message arrives
    among the evidence and is discarded the day after.
    """

    def days(self) -> Iterator[tuple[date, list[Fact]]]:
        personal = days_with_secrets(self.case)
        with MongoClient(self.stack.backends.mongodb_uri) as client:
            for day, facts in super().days():
                if day == POISONED_ON:
                    _publish_poison(self.stack)
                if day == POISONED_ON + timedelta(days=1):
                    _discard_poison(self.stack)
                yield day, facts
                watched = day + timedelta(days=1) in personal
                client.perinatal.command({"profile": 0, "slowms": 0 if watched else 100})


def _publish_poison(stack: LocalStack) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(stack.backends.amqp_uri))
    properties = pika.BasicProperties(content_type=CONTENT_TYPE, message_id="poison", delivery_mode=2)
    connection.channel().basic_publish("", EVIDENCE, POISON, properties)
    connection.close()


def _discard_poison(stack: LocalStack) -> None:
    """Discards the message. Otherwise the operator would be told about it again each working day."""
    parked = ParkedMessages(open_database(stack.backends.mongodb_uri, "referrals_followup"))
    (message,) = eventually(parked.parked)
    parked.discard(message.id, "operator-kowalski", "not one of ours", key="discard")


@dataclass(frozen=True, slots=True)
class Replayed:
    """The stack after the replay, and what was seen of it."""

    stack: LocalStack
    case: Case
    replay: Replay
    client: MongoClient[dict[str, Any]]
    alarms: list[Alarm]
    judgement: Judgement
    mail: str
    heard: list[Heard]
    shown: str
    exit_code: int

    def database(self, service: str) -> Database[dict[str, Any]]:
        return self.client[service]

    def get(self, service: str, path: str, by: str) -> requests.Response:
        headers = {"Authorization": f"Bearer {self.replay.token(by)}"}
        return requests.get(self.stack.urls[service] + path, headers=headers, timeout=10)

    def referral_followed_up(self) -> dict[str, Any]:
        """The follow-up of the referral that was noted and never made, as the API tells it to its owner."""
        reference = next(alarm.reference for alarm in self.alarms if alarm.step == "REF-01")
        answer = self.get("referrals_followup", f"/v1/follow-ups/{reference}", "gp-okafor")
        assert answer.status_code == 200
        found: dict[str, Any] = answer.json()
        return found


@dataclass(frozen=True, slots=True)
class Delivered:
    """A mail in the mailbox."""

    to: str
    on: date
    subject: str
    text: str
    raw: str


@pytest.fixture(scope="module")
def replayed() -> Iterator[Replayed]:
    case = load_case()
    screen = io.StringIO()
    console = Console(file=screen, width=demo.WIDTH)
    environment = without_foreign_backends()
    with (
        local_stack(fresh_name("test"), replay_clock=case.begins, environment=environment) as stack,
        MongoClient(stack.backends.mongodb_uri) as client,
    ):
        eavesdropper = Eavesdropper(stack)
        replay = WatchedReplay(stack, case)
        shown = demo.show(replay, console)
        exit_code = demo.verdict(case, shown.judgement, console)
        heard = eavesdropper.everything()
        screened = screen.getvalue()
        yield Replayed(
            stack, case, replay, client, shown.alarms, shown.judgement, shown.mail, heard, screened, exit_code
        )


@pytest.fixture(scope="module")
def mails(replayed: Replayed) -> list[Delivered]:
    return [_parse_mail(path.read_bytes()) for path in (replayed.stack.backends.maildir / "new").iterdir()]


def _references_in(text: str) -> set[str]:
    return set(re.findall(r"FT-[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]", text))


def _parse_mail(raw: bytes) -> Delivered:
    message = email.message_from_bytes(raw, policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    body = message.get_body()
    assert body is not None
    on = london_date(message["Date"].datetime)
    return Delivered(message["To"], on, message["Subject"], body.get_content(), raw.decode())


def _address_of(replayed: Replayed, person: str) -> str:
    return load_directory(replayed.stack.directory_file).people[person].email


# --- what was raised ----------------------------------------------------------------------------------------------


def test_every_expected_alarm_is_raised_and_no_other(replayed: Replayed) -> None:
    assert replayed.judgement.missing == []
    assert list(replayed.judgement.unexpected) == []


def test_every_missed_step_raises_an_alarm_long_before_the_injury(replayed: Replayed) -> None:
    assert replayed.case.harm is not None
    lead = {
        missed_step.row.id: missed_step.lead_days(replayed.case.harm[0])
        for missed_step in list_missed_steps(replayed.case, replayed.judgement, replayed.alarms)
    }
    assert list(lead) == list("ABCDEFGHIJKL")
    assert all(days is not None and days > 60 for days in lead.values()), lead


def test_the_last_line_of_the_demo_and_its_exit_code_say_that_all_is_as_expected(replayed: Replayed) -> None:
    number = len(replayed.case.must)
    assert replayed.shown.splitlines()[-1] == f"Case S: {number}/{number} expected alarms raised, 0 unexpected"
    assert replayed.exit_code == 0


def test_an_alarm_that_is_missing_or_unexpected_fails_the_demo(replayed: Replayed) -> None:
    def verdict(alarms: list[Alarm]) -> int:
        judgement = judge(replayed.case, alarms, replayed.replay.known)
        return demo.verdict(replayed.case, judgement, Console(file=screen))

    noted = next(alarm for alarm in replayed.alarms if (alarm.step, alarm.rung) == ("REF-01", "owner"))
    screen = io.StringIO()
    assert verdict([alarm for alarm in replayed.alarms if alarm is not noted]) == 1
    assert verdict([*replayed.alarms, replace(noted, step="REF-02")]) == 1
    assert "missing: REF-01 owner" in screen.getvalue()
    assert "unexpected: REF-02 owner" in screen.getvalue()
    assert "Nothing was ever sent" in screen.getvalue()


def test_a_mail_about_the_referral_that_was_never_made_reaches_the_gp_who_noted_it(
    replayed: Replayed, mails: list[Delivered]
) -> None:
    first = min((mail for mail in mails if "REF-01" in mail.subject), key=lambda mail: mail.on)
    assert (first.to, first.on) == ("ngozi.okafor@essex.example", date(2013, 1, 16))
    assert replayed.referral_followed_up()["reference"] in first.text
    assert f"/v1/referrals/{replayed.replay.known['referral']}" in first.text


def test_everyone_who_had_to_be_told_of_an_alarm_got_a_mail_about_it_that_day(
    replayed: Replayed, mails: list[Delivered]
) -> None:
    told = {(mail.on, mail.to, reference) for mail in mails for reference in _references_in(mail.text)}
    wanted = {
        (alarm.on, _address_of(replayed, person), alarm.reference) for alarm in replayed.alarms for person in alarm.told
    }
    assert wanted
    assert wanted - told == set()


def test_a_mail_goes_to_nobody_but_those_whom_a_chase_names(replayed: Replayed, mails: list[Delivered]) -> None:
    chases = replayed.database("referrals_followup").events.find({"event.type": "follow_up.chased.v1"})
    named = {person for chase in chases for person in chase["event"]["data"]["recipients"]}
    assert named >= {person for alarm in replayed.alarms for person in alarm.told}
    addresses = {_address_of(replayed, person) for person in named}
    others = [mail for mail in mails if mail.to not in addresses]
    # The poisoned message is the operator's to look at.
    assert [(mail.to, mail.subject) for mail in others] == [
        ("marta.kowalski@operations.example", "[Followthrough] set aside: 1 message")
    ]


# --- what can be asked --------------------------------------------------------------------------------------------


def test_the_follow_up_says_why_it_is_due_and_what_was_done_about_it(replayed: Replayed) -> None:
    follow_up = replayed.referral_followed_up()
    assert follow_up["state"] == "open"
    assert follow_up["due_at"] == "2013-01-16T17:00:00.000Z"
    assert (follow_up["basis"], follow_up["owner"]["person"]) == ("DES", "gp-okafor")
    assert follow_up["why"]["opened_type"] == "referral.intended.v1"
    assert follow_up["why"]["opened_actor"] == "gp-okafor"
    assert "2 working days" in follow_up["why"]["rule"]
    assert follow_up["why"]["rules"]
    history = follow_up["history"]
    assert history[0]["event_id"] == follow_up["why"]["opened_by"]
    first, second, third = (entry for entry in history[1:4])
    assert (first["rungs"], first["recipients"]) == (["owner"], ["gp-okafor"])
    assert (second["rungs"], second["recipients"]) == (["practice-lead"], ["gp-okafor", "gp-safeguarding-rahman"])
    assert (third["rungs"], third["recipients"]) == (["named-gp"], ["gp-safeguarding-rahman", "named-gp-ferreira"])
    assert not follow_up["evidence"]["stale"]


def test_a_plan_items_due_date_says_which_days_it_skipped(replayed: Replayed) -> None:
    reference = next(alarm.reference for alarm in replayed.alarms if alarm.step == "CL-01.arrange")
    answer = replayed.get("referrals_followup", f"/v1/follow-ups/{reference}", "pa-lindqvist").json()
    assert answer["due_at"] == "2013-01-22T17:00:00.000Z"
    assert any("2013-01-19" in skipped or "19 Jan" in skipped for skipped in answer["why"]["skipped"])


def test_the_recording_services_still_show_the_names_to_those_permitted(replayed: Replayed) -> None:
    known = replayed.replay.known
    mother = replayed.get("perinatal", f"/v1/people/{known['mother']}", "gp-okafor").json()
    assert (mother["given_name"], mother["nhs_number"]) == ("Saffron", "999 000 0018")
    leaver = replayed.get("leaving_care", f"/v1/care-leavers/{known['leaver']}", "pa-lindqvist").json()
    assert (leaver["family_name"], leaver["date_of_birth"]) == ("Bramblethorpe", "1994-11-03")
    item = replayed.get("leaving_care", f"/v1/plan-items/{known['item']}", "pa-lindqvist").json()
    assert "flat" in item["history"][0]["private"]["note"]


def test_the_area_that_the_family_moved_to_sees_their_names_too(replayed: Replayed) -> None:
    mother = replayed.get("perinatal", f"/v1/people/{replayed.replay.known['mother']}", "gp-lindholm")
    assert (mother.status_code, mother.json()["given_name"]) == (200, "Saffron")


@pytest.mark.parametrize(
    ("service", "path", "by"),
    [
        ("perinatal", "/v1/people/$mother", "operator-kowalski"),
        ("perinatal", "/v1/people/$stepfather", "gp-lindholm"),
        ("leaving_care", "/v1/care-leavers/$leaver", "gp-okafor"),
    ],
    ids=["a role that reads no person", "another area", "another profession"],
)
def test_the_recording_services_show_the_names_to_nobody_else(
    replayed: Replayed, service: str, path: str, by: str
) -> None:
    kind, _, name = path.rpartition("/$")
    answer = replayed.get(service, f"{kind}/{replayed.replay.known[name]}", by)
    assert answer.status_code == 403
    assert leaks(secrets_of(replayed.case), {"the answer": answer.text}) == []


# --- what nobody may find -----------------------------------------------------------------------------------------


# The first start records the packs and the directory, before anybody listens.
FROM_FILES = re.compile(r"^(rules\.adopted|directory\.)")


def test_nothing_personal_is_on_the_bus(replayed: Replayed) -> None:
    exchanges = {heard.exchange for heard in replayed.heard}
    assert exchanges == {"", *(exchange_of(service) for service in SERVICES)}
    published = {heard.event["id"] for heard in replayed.heard if heard.exchange}
    recorded = {
        document["_id"]
        for service in SERVICES
        for document in replayed.database(service).events.find({"event.type": {"$not": FROM_FILES}}, {"_id": 1})
    }
    assert recorded <= published
    assert leaks(secrets_of(replayed.case), {heard.exchange: heard.text for heard in replayed.heard}) == []


def test_nothing_personal_is_in_a_log(replayed: Replayed) -> None:
    folder = replayed.stack.folder / "logs"
    logs = {str(path.relative_to(folder)): path.read_text(errors="replace") for path in folder.rglob("*.log")}
    assert {f"{name}.log" for name in replayed.stack.names()} <= logs.keys()
    assert '"insert":"events"' in logs["mongod.log"]  # it was made to tell of every operation
    assert leaks(secrets_of(replayed.case), logs) == []


def test_nothing_personal_is_in_a_mail(replayed: Replayed, mails: list[Delivered]) -> None:
    assert mails
    places = {f"the mail of {mail.on} to {mail.to}": f"{mail.raw} {mail.subject} {mail.text}" for mail in mails}
    assert leaks(secrets_of(replayed.case), places) == []


def test_nothing_personal_is_in_the_metrics(replayed: Replayed) -> None:
    answers = {
        name: requests.get(address.replace("/health/ready", "/metrics"), timeout=10)
        for name, address in replayed.stack.health.items()
    }
    assert all(answer.status_code == 200 and "# HELP" in answer.text for answer in answers.values())
    assert leaks(secrets_of(replayed.case), {name: answer.text for name, answer in answers.items()}) == []


def test_personal_values_are_stored_only_in_the_private_parts_of_events(replayed: Replayed) -> None:
    places = {
        f"{service}.{name}": _text_of(replayed.database(service), name, {"private": 0} if name == "events" else {})
        for service in SERVICES
        for name in replayed.database(service).list_collection_names()
    }
    assert {f"{service}.{VIEWS[service]}" for service in SERVICES} <= places.keys()
    assert {"referrals_followup.parked", "referrals_followup.evidence", "perinatal.access_log"} <= places.keys()
    assert leaks(secrets_of(replayed.case), places) == []


def test_the_private_parts_hold_every_personal_value_that_the_tests_of_leaks_look_for(
    replayed: Replayed,
) -> None:
    private = " ".join(
        _text_of(replayed.database(service), "events", {"private": 1}) for service in ("perinatal", "leaving_care")
    )
    secrets = secrets_of(replayed.case)
    found = leaks(secrets, {"private": private})
    assert len(found) == len(secrets)
    assert {secret.field for secret in secrets} == {
        "given_name",
        "family_name",
        "date_of_birth",
        "nhs_number",
        "note",
        "reason",
        "a word of a text",
    }


def _text_of(database: Database[dict[str, Any]], collection: str, projection: dict[str, int]) -> str:
    return "\n".join(json.dumps(document, default=str) for document in database[collection].find({}, projection))


# --- what else went on --------------------------------------------------------------------------------------------


def test_a_message_that_cannot_be_read_is_parked_whole_and_nothing_waits_behind_it(replayed: Replayed) -> None:
    parked = list(replayed.database("referrals_followup").parked.find())
    assert [(message["message_id"], message["body"], message["queue"]) for message in parked] == [
        ("poison", POISON, EVIDENCE)
    ]
    assert parked[0]["reason"].startswith("not an event")
    assert max(alarm.on for alarm in replayed.alarms) > POISONED_ON


# --- the page -----------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def written(replayed: Replayed) -> str:
    verdict = demo.verdict_text(replayed.case, replayed.judgement)
    return page(replayed.case, replayed.judgement, replayed.alarms, verdict, replayed.mail)


def test_the_page_has_every_fact_and_every_alarm(replayed: Replayed, written: str) -> None:
    root = ElementTree.fromstring(written)
    rows = ["".join(row.itertext()) for row in root.iter("tr")]
    for fact in replayed.case.facts:
        assert any(day_text(london_date(fact.at)) in row and fact.happened in row for row in rows), fact.happened
    for alarm in replayed.alarms:
        assert any(day_text(alarm.on) in row and alarm.step in row and alarm.told[0] in row for row in rows), alarm


def test_nothing_personal_is_on_the_page(replayed: Replayed, written: str) -> None:
    assert leaks(secrets_of(replayed.case), {"the page": written}) == []


@pytest.mark.parametrize("service", SERVICES)
def test_dropping_and_rebuilding_every_view_gives_identical_documents(replayed: Replayed, service: str) -> None:
    def views() -> list[bytes]:
        return [bson.encode(document) for document in replayed.database(service)[VIEWS[service]].find().sort("_id")]

    before = eventually(views)
    replayed.stack.run(service, "rebuild")
    assert views() == before
