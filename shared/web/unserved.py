"""The answer to a request for an address that this service does not serve. It repeats no part of the address."""

from __future__ import annotations

import re
from collections.abc import Iterable

from shared.contracts.paths import SERVED_BY
from shared.kernel.nearest import find_nearest
from shared.web.problems import Problem

LONGEST_COMPARED = 100
# Between two slashes: what is likely an id, and the parameter of a route.
_ID = re.compile(r"(?<=/)(?=[^/]*[0-9])[^/]+")
_PARAMETER = re.compile(r"<[^>]*>")


def problem_of_unserved(path: str, served: Iterable[str]) -> Problem:
    """The problem (404), which names the service that serves the address, or the nearest routes of this one.

    `served` are the routes of this service, such as `/v1/referrals/<referral_id>/sent`.
    """
    routes = {_PARAMETER.sub("<>", route): route for route in served}
    other = _find_other_service(path, routes)
    if other:
        detail = f"this path is one of the service {other}: send the same request there"
        return Problem(404, "no-such-route", detail)
    nearest = find_nearest(_ID.sub("<>", path[:LONGEST_COMPARED]), routes)
    said = f"; the nearest: {', '.join(routes[one] for one in nearest)}" if nearest else ""
    detail = f"nothing is served under this path{said}; /openapi.json lists what is"
    return Problem(404, "no-such-route", detail)


def _find_other_service(path: str, routes: Iterable[str]) -> str | None:
    """The name of the service that serves such addresses, if it is another one than that of these routes."""
    service = SERVED_BY.get(path.removeprefix("/v1/").partition("/")[0])
    here = {route.split("/")[2] for route in routes if route.startswith("/v1/")}
    is_here = all(first in here for first, one in SERVED_BY.items() if one == service)
    return None if is_here else service
