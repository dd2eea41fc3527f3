"""What each setting may be. No message of this module repeats a value: it may hold a password."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key
from marshmallow import RAISE, Schema, ValidationError, fields, validate
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


def _is_mongodb_uri(uri: str) -> None:
    try:
        mongodb_hosts(uri)
    except ValueError:
        raise ValidationError("is no usable mongodb:// URI") from None


def _is_amqp_uri(uri: str) -> None:
    try:
        amqp_hosts(uri)
    except ValueError:
        raise ValidationError("is no amqp:// URI with a host, nor several apart by commas or spaces") from None


def _is_web_url(url: str) -> None:
    try:
        _host_and_port(url, "http", "https")
    except ValueError:
        raise ValidationError("is no http:// or https:// address with a host") from None


def _is_address(text: str) -> None:
    try:
        _, port = _host_and_port(f"tcp://{text}", "tcp")
    except ValueError:
        port = None
    if not port or "/" in text or "@" in text:
        raise ValidationError("is no host:port, such as 127.0.0.1:8000")


class _Whole(fields.Integer):
    """A whole number, as YAML's own or in digits, as the environment has it."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(strict=True, validate=validate.Range(least, most))

    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> int:
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value)
        return super()._deserialize(value, attr, data, **kwargs)


class _File(fields.Field[Path]):
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


class _PublicKeyFile(_File):
    def why_unfit(self, content: bytes) -> str | None:
        try:
            key = load_pem_public_key(content)
        except (ValueError, UnsupportedAlgorithm):
            key = None
        return None if isinstance(key, Ed25519PublicKey) else "names a file that holds no Ed25519 public key in PEM"


class _SecretFile(_File):
    def why_unfit(self, content: bytes) -> str | None:
        short = len(content.strip()) < _LEAST_KEY_BYTES
        return f"names a file that holds fewer than {_LEAST_KEY_BYTES} bytes" if short else None


class _Folder(fields.Field[Path]):
    def _deserialize(self, value: Any, *args: Any, **kwargs: Any) -> Path:
        if not isinstance(value, str) or not Path(value).is_dir():
            raise ValidationError("names no folder")
        return Path(value)


class _Level(fields.String):
    def _deserialize(self, value: Any, attr: Any, data: Any, **kwargs: Any) -> str:
        return super()._deserialize(value.lower() if isinstance(value, str) else value, attr, data, **kwargs)


class Settings(Schema):
    """Every setting by its name in a YAML file; in the environment the name is in upper case."""

    class Meta:
        unknown = RAISE

    mongodb_uri = fields.String(validate=_is_mongodb_uri)
    mongodb_database = fields.String(validate=validate.Regexp(r"[A-Za-z0-9_-]{1,60}\Z", error="is no database name"))
    amqp_uri = fields.String(validate=_is_amqp_uri)
    http_address = fields.String(validate=_is_address)
    public_url = fields.String(validate=_is_web_url)
    jwt_public_key_file = _PublicKeyFile()
    jwt_issuer = fields.String(validate=validate.Length(1, 200))
    jwt_audience = fields.String(validate=validate.Length(1, 200))
    person_id_key_file = _SecretFile()
    replay_clock_file = _File()
    local_stack_dir = _Folder()
    log_level = _Level(validate=validate.OneOf(["debug", "info", "warning", "error"]))
    body_limit_bytes = _Whole(1024, 16 * 1024 * 1024)
    bank_holidays_until = _Whole(2012, 2100)
    directory_file = _File()
    standards_dir = _Folder()
    smtp_host = fields.String(validate=validate.Regexp(rf"{_HOST.pattern}\Z", error="is no host name"))
    smtp_port = _Whole(1, 65535)
    mail_from = fields.Email()
    perinatal_url = fields.String(validate=_is_web_url)
    leaving_care_url = fields.String(validate=_is_web_url)
    sweep_interval_seconds = _Whole(1, 3600)
