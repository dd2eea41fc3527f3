"""Logs and metrics that cannot tell anything personal: log lines carry only allowed keys, metrics only fixed labels.

A log line is one JSON object on stderr. Any other key is dropped; `dropped` names it without its value.
"""

from __future__ import annotations

import errno
import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping, MutableMapping
from datetime import date, datetime
from pathlib import Path
from typing import Any

import structlog
from prometheus_client import Counter, Gauge, Histogram
from pymongo.errors import PyMongoError

from shared.kernel.envelope import to_text

# Ids, codes, counts and times. None of them can hold a name, a number of a person or free text.
_ALLOWED = """
event level timestamp service role logger
id type event_id event_type stream version thread standard rung followup_id message_id sweep_id mail_id reference
source actor actor_role team area correlation_id causation_id manifest rules_version calendar_version settings
route method status code address queue exchange binding outcome reason signal
count pending attempt attempts size seconds retry_at until now lag_seconds
exception error errno frames at template
"""
ALLOWED_KEYS = frozenset(_ALLOWED.split())

_LONGEST = 300
# How pymongo tells that a server cannot be reached. Both parts come from the settings and the system.
_AWAY = re.compile(r"([\w.-]+:\d{1,5}): .*?\[Errno (\d{1,3})\]")
_EVENT_NAME = re.compile(r"[A-Za-z][A-Za-z ,._-]{0,79}\Z")


def configure_logging(service: str, role: str, level: str = "info") -> None:
    """Sends every log line of this process and its libraries to stderr as JSON.

    A library's line keeps the logger, the level, the template without its arguments, and the type and place of an
    exception. The rest is dropped, because libraries put message bodies into their texts.
    """
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            _process(service, role),
            _exception_without_text,
            only_allowed,
            structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: structlog.WriteLogger(sys.stderr),
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_LibraryLines()], level=logging.WARNING, force=True)
    # pika logs six errors for a failed connection, for which we log one line.
    logging.getLogger("pika").setLevel(logging.CRITICAL)


def get_logger() -> Any:
    """A logger whose methods take an event name, a constant in plain words, and allowed keys."""
    return structlog.get_logger()


def only_allowed(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Keeps the allowed keys, cuts long values and names the dropped keys. The last step before a line is written."""
    kept = {key: _plain(value) for key, value in line.items() if key in ALLOWED_KEYS}
    if not _EVENT_NAME.match(str(kept.get("event", ""))):
        kept["event"] = "a log line whose event is no constant name"
    dropped = sorted(key for key in line if key not in ALLOWED_KEYS)
    return {**kept, "dropped": dropped} if dropped else kept


def _process(service: str, role: str) -> Any:
    def add(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
        return {**line, "service": service, "role": role}

    return add


class _LibraryLines(logging.Handler):
    """Writes what libraries log, without their texts."""

    def emit(self, record: logging.LogRecord) -> None:
        # A text without arguments may already contain values, so it is no template.
        template = {"template": str(record.msg)} if record.args else {}
        get_logger().log(record.levelno, "library line", logger=record.name, exc_info=record.exc_info, **template)


def _exception_without_text(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> Mapping[str, Any]:
    """Adds the type of the exception, where it was raised, and what failed of a connection: errno and address.

    Its text is left out: it may hold a personal value.
    """
    given = line.pop("exc_info", None)
    if given is True:
        given = sys.exc_info()
    error = given[1] if isinstance(given, tuple) else given
    if not isinstance(error, BaseException):
        return line
    given = {key: value for key, value in line.items() if value is not None}
    return {**_connection_of(error), **given, "exception": _type_name(error), "frames": frames_of(error)}


def _connection_of(error: BaseException) -> dict[str, str]:
    """The name of the errno, such as `ECONNREFUSED`, and `host:port`, as far as the exception or its causes tell."""
    found: dict[str, str] = {}
    for one in _chain(error):
        if isinstance(one, OSError) and one.errno is not None:
            found.setdefault("errno", errno.errorcode.get(one.errno, str(one.errno)))
        elif isinstance(one, PyMongoError) and (match := _AWAY.search(str(one))):
            found.setdefault("address", match[1])
            found.setdefault("errno", errno.errorcode.get(int(match[2]), match[2]))
    return found


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    """The exception, what it was raised from or in the handling of, and what pika collected of its attempts."""
    seen: set[int] = set()
    waiting: list[Any] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and id(one) not in seen:
            seen.add(id(one))
            yield one
            waiting += [
                *getattr(one, "exceptions", ()),
                getattr(one, "exception", None),
                *one.args,
                one.__cause__,
                one.__context__,
            ]


def frames_of(error: BaseException) -> list[str]:
    """The last calls on the way to the exception, each as `file:line function`."""
    frames = traceback.extract_tb(error.__traceback__)[-8:]
    return ["/".join(Path(frame.filename).parts[-3:]) + f":{frame.lineno} {frame.name}" for frame in frames]


def _type_name(error: BaseException) -> str:
    return f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")


def _plain(value: Any) -> Any:
    if value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, str):
        return value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
    if isinstance(value, datetime) and value.tzinfo:
        return to_text(value)
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, BaseException):
        return _type_name(value)
    if isinstance(value, list | tuple | set | frozenset):
        return [_plain(item) for item in value]
    return type(value).__name__


EVENTS_RECORDED = Counter("events_recorded", "Events recorded by this process", ["type"])
HTTP_REQUESTS = Counter("http_requests", "HTTP requests answered, by route template and status", ["route", "status"])
HTTP_REQUEST_SECONDS = Histogram("http_request_seconds", "Time from a request's head to its answer")
MESSAGES = Counter("messages", "Messages handled, by queue and outcome (done, parked, later)", ["queue", "outcome"])
BATCH_SIZE = Histogram(
    "batch_size",
    "Messages handled as one batch, by queue",
    ["queue"],
    buckets=(1, 10, 100, 500, 1_000, 2_000, 5_000, 10_000),
)
BATCH_SECONDS = Histogram("batch_seconds", "Time to handle a batch of messages, by queue", ["queue"])
RELAY_PUBLISHED = Counter("relay_published", "Events published and confirmed by the broker")
RELAY_PENDING = Gauge("relay_pending", "Events recorded and not yet confirmed, as the relay's last scan saw them")
FOLLOWUPS_CHASED = Counter("followups_chased", "Follow-ups chased")
SWEEP_FINISHED = Gauge("sweep_finished_timestamp_seconds", "Real time at which this process last finished a sweep")
MAILS = Counter("mails", "Mails handed to the SMTP server, by outcome", ["outcome"])
CHECK_FINISHED = Gauge("check_finished_timestamp_seconds", "Real time at which the last check was over")
FINDINGS = Gauge("findings", "What the last check found that must not be, by code", ["code"])
PARKED_WAITING = Gauge("parked_waiting", "Messages that could not be handled and wait for a try or a person")
POSITION_LAG_SECONDS = Gauge("position_lag_seconds", "Domain time since a source was last known complete", ["source"])
