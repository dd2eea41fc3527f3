"""The floor of recording: a nameko handler that does nothing and answers 201."""

from __future__ import annotations

import os

if __name__ == "__main__":
    import eventlet

    eventlet.monkey_patch()

from typing import Any

from nameko.runners import ServiceRunner
from nameko.web.handlers import http

ANSWER = 201, {"Content-Type": "application/json"}, '{"person_id": "p", "referral_id": "r"}'


class EmptyService:
    name = "empty"

    @http("GET", "/health/ready")
    def ready(self, request: Any) -> str:
        return "{}"

    @http("POST", "/v1/<path:whatever>")
    def answer(self, request: Any, whatever: str) -> tuple[int, dict[str, str], str]:
        return ANSWER


if __name__ == "__main__":
    services = ServiceRunner({"WEB_SERVER_ADDRESS": os.environ["HTTP_ADDRESS"]})
    services.add_service(EmptyService)
    services.start()
    services.wait()
