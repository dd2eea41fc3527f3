"""Checks docker-compose.yml without Docker: against the Compose Specification's schema, and for loose ends.

The schema is the one that the package check-jsonschema ships. Prints every fault; exits 1 when there is one.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

ROOT = Path(__file__).resolve().parents[1]
_STARTED = {"condition": "service_started"}
SCHEMA = "builtin_schemas/vendor/compose-spec.json"


def faults(compose: Mapping[str, Any], root: Path = ROOT) -> list[str]:
    """The faults of a Compose file, as sentences. Paths in the file are relative to `root`."""
    schema = json.loads((resources.files("check_jsonschema") / SCHEMA).read_text())
    found = [f"{error.json_path}: {error.message}" for error in Draft202012Validator(schema).iter_errors(compose)]
    return found or [*_loose_ends(compose, root)]


def _loose_ends(compose: Mapping[str, Any], root: Path) -> Iterator[str]:
    services = compose["services"]
    for name, service in services.items():
        needs = service.get("depends_on", {})
        for needed, how in (needs if isinstance(needs, dict) else dict.fromkeys(needs, _STARTED)).items():
            if needed not in services:
                yield f"{name} depends on {needed}, which is no service"
            elif how["condition"] == "service_healthy" and "healthcheck" not in services[needed]:
                yield f"{name} waits until {needed} is healthy, but {needed} has no health check"
            elif how["condition"] == "service_completed_successfully" and _runs_on(services[needed]):
                yield f"{name} waits until {needed} is done, but {needed} is restarted for ever"
        if _runs_on(service) and "healthcheck" not in service:
            yield f"{name} runs on without a health check"
        if service.get("ports") and service.get("deploy", {}).get("replicas", 1) > 1:
            yield f"{name} runs several times, but all of them would listen on the same port of the machine"
        for volume in service.get("volumes", ()):
            source = volume.partition(":")[0]
            if source.startswith((".", "/")):
                if not (root / source).exists():
                    yield f"{name} mounts {source}, which does not exist"
            elif source not in compose.get("volumes", {}):
                yield f"{name} mounts the volume {source}, which is not declared"
        if "build" in service and not (root / service["build"]["dockerfile"]).exists():
            yield f"{name} is built from {service['build']['dockerfile']}, which does not exist"


def _runs_on(service: Mapping[str, Any]) -> bool:
    return service.get("restart") in ("always", "unless-stopped")


def main() -> int:
    """Checks the project's own file."""
    found = faults(yaml.safe_load((ROOT / "docker-compose.yml").read_text()))
    for fault in found:
        print(f"docker-compose.yml: {fault}", file=sys.stderr)
    print("docker-compose.yml: " + (f"{len(found)} faults" if found else "follows the Compose Specification"))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
