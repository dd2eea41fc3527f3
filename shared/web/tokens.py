"""Authentication by bearer tokens (JWT, EdDSA), checked against one public key, issuer and audience, in real time.

Guarantee: an `Actor` comes only from a token that this key signed, that has not expired, and that names a known role.
"""

from __future__ import annotations

import re
import time
from functools import lru_cache
from typing import Any, NamedTuple

import jwt
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from shared.contracts.access import ROLES
from shared.contracts.fields import SLUG
from shared.kernel.decisions import Actor
from shared.web.problems import Problem

CLOCK_SKEW_SECONDS = 5
REMEMBERED_TOKENS = 4096
LONGEST_CLAIM = 64
_SLUG = re.compile(SLUG)
_REQUIRED = ["exp", "iss", "aud", "sub"]


class _Verified(NamedTuple):
    actor: Actor
    expires_at: float


class Tokens:
    """Turns an `Authorization` header into an actor. Checks a signature once per token, and the expiry each time."""

    def __init__(self, public_key_pem: bytes, *, issuer: str, audience: str) -> None:
        key = load_pem_public_key(public_key_pem)
        if not isinstance(key, Ed25519PublicKey):
            raise ValueError("the token key must be an Ed25519 public key in PEM form")
        self._key = key
        self._issuer = issuer
        self._audience = audience
        self._verified = lru_cache(REMEMBERED_TOKENS)(self._verify)

    def actor_of(self, authorization: str | None) -> Actor:
        """The actor of a `Bearer …` header. Raises a Problem (401) that says what to send."""
        scheme, _, token = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not token.strip():
            raise _unauthorised("no-token", "send a bearer token in the Authorization header", None)
        try:
            verified = self._verified(token.strip())
        except jwt.PyJWTError as error:
            raise _unauthorised("token-invalid", "the token is not one of this system's; get a new one") from error
        if verified.expires_at + CLOCK_SKEW_SECONDS <= time.time():
            raise _unauthorised("token-expired", "the token has expired; get a new one")
        return verified.actor

    def _verify(self, token: str) -> _Verified:
        claims = jwt.decode(
            token,
            self._key,
            algorithms=["EdDSA"],
            issuer=self._issuer,
            audience=self._audience,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": _REQUIRED, "verify_exp": False},
        )
        expires_at = claims["exp"]
        if not isinstance(expires_at, int | float):
            raise jwt.InvalidTokenError("exp")
        return _Verified(_actor(claims), float(expires_at))


def _actor(claims: dict[str, Any]) -> Actor:
    subject, role, team, areas = (claims.get(name) for name in ("sub", "role", "team", "areas"))
    if not isinstance(areas, list) or not all(_is_slug(value) for value in (subject, role, team, *areas)):
        raise jwt.InvalidTokenError("claims")
    if role not in ROLES:
        raise jwt.InvalidTokenError("role")
    return Actor(id=str(subject), role=str(role), team=str(team), areas=tuple(areas))


def _is_slug(value: Any) -> bool:
    # All four values are in every event, so they must not be able to contain a name or an address.
    return isinstance(value, str) and len(value) <= LONGEST_CLAIM and _SLUG.fullmatch(value) is not None


def _unauthorised(code: str, detail: str, error: str | None = "invalid_token") -> Problem:
    challenge = 'Bearer realm="followthrough"'
    if error:
        challenge += f', error="{error}", error_description="{detail}"'
    return Problem(401, code, detail, headers=(("WWW-Authenticate", challenge),))
