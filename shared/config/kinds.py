"""The kinds of settings: what a value may be. No message of this module repeats a value: it may hold a password.

The metadata of each kind has `bad` values, which a test tries with every setting of that kind.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from marshmallow import ValidationError, fields, validate
from pymongo.errors import PyMongoError
from pymongo.uri_parser import parse_uri

from shared.config.broker_addresses import addresses_of

_LEAST_KEY_BYTES = 16
_HOST = re.compile(r"[A-Za-z0-9.:_-]+")


def mongodb_hosts(uri: str) -> list[tuple[str, int | None]]:
    """Every host and port of the URI; a name to be looked up first (`mongodb+srv`) as it stands. Raises ValueError."""
    if uri.startswith("mongodb+srv://"):
        return [(_host_and_port(uri, "mongodb+srv")[0], None)]
    try:
        return list(parse_uri(uri)["nodelist"])
    except (PyMongoError, OSError) as error:
        raise ValueError from error


def _host_and_port(uri: str, *schemes: str) -> tuple[str, int | None]:
    """Raises ValueError when the scheme is another one, when there is no host, or when the port is none."""
    parts = urlsplit(uri)
    if parts.scheme not in schemes or not parts.hostname:
        raise ValueError
    return parts.hostname, parts.port


def amqp_hosts(uri: str) -> list[tuple[str, int | None]]:
    """Every host and port that the setting names. Raises ValueError."""
    return [_amqp_host(address) for address in addresses_of(uri)]


def _amqp_host(address: str) -> tuple[str, int]:
    host, port = _host_and_port(address, "amqp", "amqps")
    if not _HOST.fullmatch(host):
        raise ValueError
    return host, port or (5671 if address.startswith("amqps") else 5672)


def _port_of(address: str) -> int | None:
    """The port of a host:port. Raises ValueError."""
    _, port = _host_and_port(f"tcp://{address}", "tcp")
    return None if {"/", "@"} & set(address) else port


def text(read: Callable[[str], object], error: str, *, bad: Sequence[str]) -> fields.String:
    """A text that `read` makes something of. For other texts it returns nothing or raises ValueError."""

    def check(value: str) -> None:
        with suppress(ValueError):
            if read(value):
                return
        raise ValidationError(error)

    return fields.String(validate=check, metadata={"bad": bad})


class OneOf(fields.String):
    """One of these words, in small or capital letters."""

    def __init__(self, *words: str) -> None:
        super().__init__(validate=validate.OneOf(words), metadata={"bad": ["none-of-these"]})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value.lower() if isinstance(value, str) else value, attr, data, **kwargs)


class Whole(fields.Integer):
    """A whole number, as YAML's own or in digits, as the environment has it."""

    def __init__(self, least: int, most: int) -> None:
        bad = [str(least - 1), str(most + 1), "-1", "1.5e6", "25.5", "many", "²", "99999999999"]
        super().__init__(strict=True, validate=validate.Range(least, most), metadata={"bad": bad})

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class File(fields.Field[Path]):
    """A file that exists and can be read; `why_unfit` says what is wrong with its content."""

    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Path:
        if not isinstance(value, str):
            raise ValidationError("is no path")
        path = Path(value)
        try:
            why = self.why_unfit(path.read_bytes())
        except OSError as error:
            raise ValidationError(f"names a file that cannot be read: {error.strerror}") from None
        if why:
            raise ValidationError(why)
        return path

    def why_unfit(self, content: bytes) -> str | None:
        return None


class PublicKeyFile(File):
    def why_unfit(self, content: bytes) -> str | None:
        try:
            key = load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        return None if isinstance(key, Ed25519PublicKey) else "names a file that holds no Ed25519 public key in PEM"


class SecretFile(File):
    def why_unfit(self, content: bytes) -> str | None:
        short = len(content.strip()) < _LEAST_KEY_BYTES
        return f"names a file that holds fewer than {_LEAST_KEY_BYTES} bytes" if short else None


class Folder(fields.Field[Path]):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Path:
        if not isinstance(value, str) or not Path(value).is_dir():
            raise ValidationError("names no folder")
        return Path(value)


MONGODB_URI = text(
    mongodb_hosts,
    "is no usable mongodb:// URI",
    bad=["amqp://u:hunter-two@h", "mongodb://", "mongodb://a:hunter-two@b@c", "mongodb://h:0x1/hunter-two"],
)
AMQP_URI = text(
    amqp_hosts,
    "is no amqp:// URI with a host, nor several apart by commas or spaces",
    bad=[
        *("http://h", "amqp://", "amqp://u:hunter-two@h:port/", "localhost:5672", "amqp://u:hunter-two@a,b"),
        *("amqp://u:hunter-two@a,http://b", "amqp://a,,", "amqp://u:hunter-two@a amqp://"),
    ],
)
HOST_AND_PORT = text(
    _port_of,
    "is no host:port, such as 127.0.0.1:8000",
    bad=["8000", "127.0.0.1", ":8000", "127.0.0.1:0", "127.0.0.1:70000", "h:80/x", "http://h:80", "u@h:80"],
)
WEB_ADDRESS = text(
    lambda url: _host_and_port(url, "http", "https"),
    "is no http:// or https:// address with a host",
    bad=["ftp://h", "h", "http://", "//h", "perinatal"],
)
DATABASE = text(re.compile("[A-Za-z0-9_-]{1,60}").fullmatch, "is no database name", bad=["no spaces", "a/b", "x" * 61])
HOST = text(_HOST.fullmatch, "is no host name", bad=["a host"])
EMAIL = fields.Email(metadata={"bad": ["nobody"]})
SHORT_TEXT = fields.String(validate=validate.Length(1, 200), metadata={"bad": ["x" * 201]})
