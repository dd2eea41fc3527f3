"""Neither a log line nor a metric can tell anything personal."""

import ast
import json
import logging
import socket
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
import structlog
from prometheus_client import REGISTRY
from pymongo import MongoClient
from pymongo.errors import PyMongoError

from services.referrals_followup.chasing.channels import Away, Message
from services.referrals_followup.chasing.smtp import SmtpChannel
from services.referrals_followup.domain.directory import Member
from shared.messaging.addresses import place_of
from shared.messaging.publisher import BrokerAway, ConfirmedPublisher
from shared.messaging.read_ahead import connect
from shared.runtime import observability
from shared.runtime.observability import configure_logging, get_logger
from shared.runtime.outages import Outage

ROOT = Path(__file__).parents[2]
SECRET = "Amy Testcase 999 000 0018"


@pytest.fixture
def lines(capsys):
    """Everything logged so far, as objects."""
    before = logging.getLogger().handlers[:]
    configure_logging("perinatal", "serve", "info")

    def read():
        text = capsys.readouterr().err
        assert SECRET not in text
        return [json.loads(line) for line in text.splitlines()]

    yield read
    structlog.reset_defaults()
    structlog.contextvars.clear_contextvars()
    logging.basicConfig(handlers=before, level=logging.WARNING, force=True)


def test_a_log_line_is_one_json_object_with_service_role_level_and_time(lines):
    get_logger().info("event recorded", event_type="referral.sent.v1", version=3)

    [line] = lines()
    assert datetime.fromisoformat(line.pop("timestamp")).tzinfo
    assert line == {
        "event": "event recorded",
        "level": "info",
        "service": "perinatal",
        "role": "serve",
        "event_type": "referral.sent.v1",
        "version": 3,
    }


def test_a_key_that_is_not_on_the_list_is_dropped_and_named(lines):
    get_logger().info("person recorded", name=SECRET, nhs_number=SECRET, person={"name": SECRET}, count=1)

    [line] = lines()
    assert line["dropped"] == ["name", "nhs_number", "person"]
    assert line["count"] == 1


def test_an_event_name_into_which_something_was_written_is_replaced(lines):
    get_logger().info(f"recorded {SECRET}")

    assert lines()[0]["event"] == "a log line whose event is no constant name"


def test_an_exception_is_told_by_type_and_place_without_its_text(lines):
    try:
        raise LookupError(SECRET)
    except LookupError:
        get_logger().exception("handler failed", queue="perinatal.views")

    [line] = lines()
    assert line["exception"] == "LookupError"
    assert "test_observability.py" in line["frames"][-1]
    assert "dropped" not in line


def test_values_are_written_plainly_or_by_their_type_alone(lines):
    get_logger().info(
        "values",
        now=datetime(2013, 1, 14, 9, tzinfo=UTC),
        until=date(2013, 1, 14),
        reason=ValueError(SECRET),
        status={"name": SECRET},
        settings=("a", 1, None),
        code="x" * 1000,
    )

    [line] = lines()
    assert (line["now"], line["until"]) == ("2013-01-14T09:00:00.000Z", "2013-01-14")
    assert (line["reason"], line["status"], line["settings"]) == ("ValueError", "dict", ["a", 1, None])
    assert len(line["code"]) < 400


def test_a_context_joins_every_line(lines):
    structlog.contextvars.bind_contextvars(correlation_id="c-1", who=SECRET)
    get_logger().info("first")
    get_logger().info("second")

    assert [(line["correlation_id"], line["dropped"]) for line in lines()] == [("c-1", ["who"])] * 2


def test_lines_below_the_level_are_not_written(lines):
    configure_logging("perinatal", "serve", "warning")
    get_logger().info("not written")
    get_logger().warning("written")

    assert [line["event"] for line in lines()] == ["written"]


def test_a_librarys_line_keeps_its_template_and_loses_its_arguments(lines):
    logging.getLogger("amqp.channel").error("cannot publish %r", SECRET)
    logging.getLogger("kombu").error("body: " + SECRET)
    logging.getLogger("kombu").info("quiet")  # below WARNING, libraries are not heard

    first, second = lines()
    assert (first["logger"], first["level"], first["template"]) == ("amqp.channel", "error", "cannot publish %r")
    assert (second["event"], second.get("template")) == ("library line", None)


def test_a_librarys_exception_is_told_without_its_text(lines):
    try:
        raise ValueError(SECRET)
    except ValueError:
        logging.getLogger("nameko").exception("worker failed: %s", SECRET)

    assert lines()[0]["exception"] == "ValueError"


def test_no_allowed_key_is_one_that_people_are_described_by():
    personal = {"name", "first_name", "surname", "date_of_birth", "nhs_number", "email", "text", "note", "body", "data"}

    assert not observability.ALLOWED_KEYS & personal


def test_every_event_name_in_the_code_is_a_constant_and_every_key_is_allowed():
    methods = {"debug", "info", "warning", "error", "critical", "exception"}
    faults = []
    for path in [*ROOT.glob("shared/**/*.py"), *ROOT.glob("services/**/*.py")]:
        for node in ast.walk(ast.parse(path.read_text())):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr in methods):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id in {"log", "logger", "_log"}):
                continue
            constant = node.args and isinstance(node.args[0], ast.Constant)
            strange = {keyword.arg for keyword in node.keywords} - observability.ALLOWED_KEYS - {"exc_info"}
            if not constant or not observability._EVENT_NAME.match(node.args[0].value) or strange:
                faults.append(f"{path.relative_to(ROOT)}:{node.lineno} {sorted(map(str, strange))}")

    assert not faults


@pytest.mark.parametrize(
    ("name", "labels"),
    [
        ("events_recorded_total", {"type": "referral.sent.v1"}),
        ("http_requests_total", {"route": "/v1/referrals", "status": "201"}),
        ("http_request_seconds_count", {}),
        ("messages_total", {"queue": "perinatal.views", "outcome": "done"}),
        ("relay_published_total", {}),
        ("relay_pending", {}),
        ("followups_chased_total", {}),
        ("mails_total", {"outcome": "accepted"}),
        ("position_lag_seconds", {"source": "perinatal"}),
    ],
)
def test_every_metric_has_the_name_and_labels_that_dashboards_read(name, labels):
    by_labels = (
        observability.EVENTS_RECORDED,
        observability.HTTP_REQUESTS,
        observability.MESSAGES,
        observability.MAILS,
        observability.POSITION_LAG_SECONDS,
    )
    for metric in by_labels:
        if set(metric._labelnames) == set(labels):
            metric.labels(**labels)

    assert REGISTRY.get_sample_value(name, labels) is not None


def test_a_connection_that_fails_is_logged_with_its_errno_and_its_address(lines):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    try:
        socket.create_connection(("127.0.0.1", port), timeout=5)
    except OSError as error:
        get_logger().warning("consumer interrupted", address=f"127.0.0.1:{port}", exc_info=error)
    with MongoClient(f"mongodb://127.0.0.1:{port}", serverSelectionTimeoutMS=50) as client:
        try:
            client.admin.command("ping")
        except PyMongoError as error:
            get_logger().warning("refresh failed", exc_info=error)

    of_the_system, of_the_store = lines()
    for line in (of_the_system, of_the_store):
        assert (line["errno"], line["address"]) == ("ECONNREFUSED", f"127.0.0.1:{port}")
        assert "dropped" not in line


def test_a_broker_that_is_away_is_logged_with_its_errno(lines):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    publisher = ConfirmedPublisher(f"amqp://guest:{SECRET.replace(' ', '')}@127.0.0.1:{port}/%2F", "perinatal.events")
    try:
        publisher.open()
    except BrokerAway as error:
        get_logger().warning("relay interrupted", address=publisher.place, exc_info=error)

    [line] = lines()
    assert (line["errno"], line["address"]) == ("ECONNREFUSED", f"127.0.0.1:{port}")


def test_an_outage_is_told_with_its_address_and_its_end_is_told_once(lines):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    outage = Outage("broker", f"127.0.0.1:{port}")
    outage.end()
    for _ in range(2):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5)
        except OSError as error:
            outage.note(error)
    outage.end()
    outage.end()

    *lost, back = lines()
    assert [(line["event"], line["errno"]) for line in lost] == [("connection lost", "ECONNREFUSED")] * 2
    assert back["event"] == "connection is back"
    assert {(line["source"], line["address"]) for line in (*lost, back)} == {("broker", f"127.0.0.1:{port}")}


def test_a_mail_server_that_is_away_is_logged_with_its_errno_and_its_address(lines):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    member = Member("hv-sato", "Sato", "hv-sato@localhost", "health_visitor", "hv-harwich")
    message = Message("d1", member, "Two things", "Please look.", datetime(2026, 11, 30, tzinfo=UTC))
    assert isinstance(SmtpChannel("127.0.0.1", port, "followthrough@localhost").send(message), Away)

    [line] = lines()
    assert (line["errno"], line["address"]) == ("ECONNREFUSED", f"127.0.0.1:{port}")
    assert line["source"] == "mail server"


def test_the_consumers_broker_that_is_away_is_logged_with_its_errno(lines):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    address = f"amqp://guest:guest@127.0.0.1:{port}/%2F"
    try:
        connect(address, heartbeat=10, within=5)
    except OSError as error:
        get_logger().warning("consumer interrupted", address=place_of(address), exc_info=error)

    [line] = lines()
    assert (line["errno"], line["address"]) == ("ECONNREFUSED", f"127.0.0.1:{port}")
