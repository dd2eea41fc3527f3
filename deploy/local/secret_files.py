"""The secrets of one stack, made at its first start, mode 600, never committed: passwords, keys and cookies."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from deploy.local.folders import write_private


class SecretFiles:
    """The secrets in one folder, each in a file. A missing secret is made."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.mongo_key_file = self._once("mongo.key", lambda: secrets.token_hex(256))
        self.mongo_password = self._once("mongo.password", secrets.token_urlsafe).read_text()
        self.rabbit_password = self._once("rabbit.password", secrets.token_urlsafe).read_text()
        self.erlang_cookie = self._once("erlang.cookie", lambda: secrets.token_hex(20)).read_text()
        self.person_id_key_file = self._once("person-id.key", lambda: secrets.token_hex(32))
        self.jwt_private_key_file = self._once("jwt.private.pem", _private_key)
        self.jwt_public_key_file = self._once("jwt.public.pem", self._public_key)

    def _once(self, name: str, make: Callable[[], str]) -> Path:
        path = self._folder / name
        return path if path.exists() else write_private(path, make())

    def _public_key(self) -> str:
        key = load_pem_private_key(self.jwt_private_key_file.read_bytes(), password=None)
        return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def _private_key() -> str:
    return Ed25519PrivateKey.generate().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
