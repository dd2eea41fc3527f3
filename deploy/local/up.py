"""`make up`: the system on real time until Ctrl-C, its addresses, and a request to paste for each role.

Data, logs and secrets stay in `.run/up`, so the next start goes on where this one ended. `.run/up/env.sh` has the
addresses and tokens as variables for a second shell.
"""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from shlex import quote
from typing import Any

import requests

from deploy.local.folders import ROOT, write_private
from deploy.local.stack import LocalStack, local_stack
from deploy.local.tokens import token_of_each_role


def main() -> int:
    """Runs until it is interrupted."""
    print("Starting MongoDB, RabbitMQ, the mail sink and the services; data are kept in .run/up …", flush=True)
    with local_stack("up", keep=True) as stack:
        with suppress(KeyboardInterrupt):
            variables = write_shell_variables(stack).relative_to(ROOT)
            for line in (*_addresses(stack), *requests_to_paste(stack), *_last_words(variables)):
                print(line, flush=True)
            signal.pause()
        print("Stopping …", flush=True)
    return 0


def _addresses(stack: LocalStack) -> Iterator[str]:
    yield ""
    for service, url in stack.urls.items():
        yield f"{service:24} {url}   described at {url}/docs"
    for name, address in stack.health.items():
        yield f"{name:24} {address}"
    yield f"{'MongoDB':24} {stack.backends.mongodb_uri}"
    yield f"{'RabbitMQ':24} {stack.backends.amqp_uri}"
    if stack.backends.management_uri:
        yield f"{'RabbitMQ management':24} {stack.backends.management_uri}"
    host, port = stack.backends.smtp
    yield f"{'mail':24} smtp://{host}:{port}, delivered to {stack.backends.maildir}/new"
    yield f"{'logs':24} {stack.folder / 'logs'}"
    yield ""


def _last_words(variables: Path) -> Iterator[str]:
    yield f"The same addresses and tokens as variables of a second shell:  . {variables}"
    yield "Ctrl-C stops everything."


def write_shell_variables(stack: LocalStack) -> Path:
    """Writes `env.sh`: the address of each service (`PERINATAL`), `MAILDIR`, and a token of each role (`MIDWIFE`)."""
    tokens = token_of_each_role(stack.backends.secrets.jwt_private_key_file.read_text(), stack.directory_file)
    values = {
        **stack.urls,
        "maildir": str(stack.backends.maildir),
        **{role: token for role, (_, token) in tokens.items()},
    }
    lines = [f"{name.upper()}={quote(value)}" for name, value in values.items()]
    lines.append('export no_proxy="127.0.0.1${no_proxy:+,$no_proxy}"')
    return write_private(stack.folder / "env.sh", "\n".join(lines) + "\n")


def requests_to_paste(stack: LocalStack) -> Iterator[str]:
    """For each role in the directory, one `curl` that the stack answers with 200."""
    key = stack.backends.secrets.jwt_private_key_file.read_text()
    yield "One request for each role; its token is good for 12 hours."
    yield ""
    reads = [read for url in reversed(list(stack.urls.values())) for read in _reads(url)]
    for role, (person, token) in token_of_each_role(key, stack.directory_file).items():
        url = next((url for url, roles in reads if role in roles), f"{stack.urls['referrals_followup']}/health/ready")
        yield f"# {role}: {person}"
        yield f"curl -sS -H 'Authorization: Bearer {token}' '{url}'"
        yield ""


def _reads(service_url: str) -> list[tuple[str, list[str]]]:
    """Each list of a service that needs no further input, with the roles that may read it."""
    with requests.Session() as session:
        session.trust_env = False
        paths: dict[str, dict[str, Any]] = session.get(f"{service_url}/openapi.json", timeout=10).json()["paths"]
    return [
        (service_url + path, methods["get"]["x-roles"])
        for path, methods in paths.items()
        if "{" not in path and methods.get("get", {}).get("x-roles")
    ]
