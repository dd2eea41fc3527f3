"""Private parts in an export: AES-256-GCM under a key of that export alone, made from the key file and a salt.

The key file holds any secret of at least 32 bytes. Without it an export tells nothing of what is private; a private
part opens only at the event that it was closed for.
"""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import b64decode, b64encode
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from shared.kernel.fingerprints import canonical

LEAST_KEY_BYTES = 32
_NONCE_BYTES = 12


class WrongKey(Exception):
    """The key file is not the one that the export was written with, or cannot be used at all."""


class Unopenable(Exception):
    """A private part was changed, or belongs to another event."""


class Sealer:
    """Closes and opens the private parts of one export."""

    def __init__(self, secret: bytes, salt: bytes) -> None:
        self.salt = salt
        self._cipher = AESGCM(HKDF(SHA256(), 32, salt, b"followthrough private part").derive(secret))
        # Tells a wrong key at once, and nothing of the key.
        self.key_id = hashlib.sha256(HKDF(SHA256(), 32, salt, b"followthrough key id").derive(secret)).hexdigest()[:16]

    @classmethod
    def fresh(cls, key_file: Path) -> Sealer:
        """For a new export. Raises WrongKey for a file that cannot be read or is too short."""
        return cls(_secret_of(key_file), secrets.token_bytes(16))

    @classmethod
    def of(cls, header: Mapping[str, Any], key_file: Path) -> Sealer:
        """For the export with this header's `private`. Raises WrongKey."""
        try:
            sealer = cls(_secret_of(key_file), bytes.fromhex(header["salt"]))
        except (KeyError, TypeError, ValueError):
            raise WrongKey("the first line of the export does not say how it is encrypted") from None
        if sealer.key_id != header.get("key_id"):
            raise WrongKey(f"{key_file} is not the key that this export was written with")
        return sealer

    @property
    def header(self) -> dict[str, str]:
        return {"cipher": "AES-256-GCM", "salt": self.salt.hex(), "key_id": self.key_id}

    def close(self, event_id: str, private: Mapping[str, Any]) -> str:
        nonce = secrets.token_bytes(_NONCE_BYTES)
        return b64encode(nonce + self._cipher.encrypt(nonce, canonical(private), event_id.encode())).decode()

    def open(self, event_id: str, closed: str) -> dict[str, Any]:
        """Raises Unopenable."""
        try:
            blob = b64decode(closed, validate=True)
            text = self._cipher.decrypt(blob[:_NONCE_BYTES], blob[_NONCE_BYTES:], event_id.encode())
        except (InvalidTag, ValueError) as error:
            raise Unopenable(event_id) from error
        opened: dict[str, Any] = json.loads(text)
        return opened


def _secret_of(key_file: Path) -> bytes:
    try:
        secret = key_file.read_bytes().strip()
    except OSError as error:
        raise WrongKey(f"{key_file} cannot be read: {error.strerror}") from None
    if len(secret) < LEAST_KEY_BYTES:
        raise WrongKey(f"{key_file} holds fewer than {LEAST_KEY_BYTES} bytes")
    return secret
