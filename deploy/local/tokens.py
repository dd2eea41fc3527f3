"""Bearer tokens for the local stack, signed with its own key: one for each role that the directory knows."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import yaml

ISSUER = AUDIENCE = "followthrough"
EVERYWHERE = "england"


def mint(
    private_key_pem: str,
    sub: str,
    role: str,
    team: str,
    areas: Iterable[str],
    lifetime: timedelta = timedelta(hours=12),
) -> str:
    """A token for one person. It expires by real time, also in a replay."""
    now = datetime.now(UTC)
    claims = {"iss": ISSUER, "aud": AUDIENCE, "iat": now, "exp": now + lifetime}
    claims |= {"sub": sub, "role": role, "team": team, "areas": list(areas)}
    return jwt.encode(claims, private_key_pem, algorithm="EdDSA")


def token_of_each_role(private_key_pem: str, directory_file: Path) -> dict[str, tuple[str, str]]:
    """For each role in the directory file, the first person with that role and a token for them."""
    directory: Mapping[str, Any] = yaml.safe_load(directory_file.read_text())
    areas = areas_of_each_team(directory)
    tokens: dict[str, tuple[str, str]] = {}
    for person in directory["people"]:
        role, team = person["role"], person["team"]
        if role not in tokens:
            tokens[role] = person["id"], mint(private_key_pem, person["id"], role, team, areas[team])
    return tokens


def areas_of_each_team(directory: Mapping[str, Any]) -> dict[str, list[str]]:
    """The areas in which the members of each team act: the team's area, or every area if the team works everywhere."""
    every = [area["id"] for area in directory["areas"]]
    return {team["id"]: every if team["area"] == EVERYWHERE else [team["area"]] for team in directory["teams"]}


def main(private_key_file: Path, directory_file: Path) -> None:
    """Prints a token for each role: `python -m deploy.local.tokens <private key> <directory file>`."""
    for role, (person, token) in token_of_each_role(private_key_file.read_text(), directory_file).items():
        print(f"{role} ({person}): {token}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
