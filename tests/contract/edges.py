"""What each service class says of its routes, and how its edge answers each role: see `edge_process`."""

from __future__ import annotations

import json
import subprocess
import sys
from functools import cache
from typing import Any

from deploy.local.folders import ROOT


@cache
def edge_of(service: str) -> dict[str, Any]:
    """What `edge_process` found of a service."""
    command = [sys.executable, "-W", "ignore", "-m", "tests.contract.edge_process", service]
    printed = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(printed.stdout)
    return found


def routes_of(service: str) -> dict[str, dict[str, Any]]:
    """The routes of a service by method and URL."""
    return {f"{route['method']} {route['url']}": route for route in edge_of(service)["routes"]}
