"""The page `/docs`: the OpenAPI document of a service. Redoc shows it, from files that are in this package.

Guarantee: the page loads nothing from another host. Its Content-Security-Policy makes the browser enforce that.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from html import escape
from pathlib import Path

from shared.web.exchange import Reply

FOLDER = Path(__file__).with_name("docs_assets")
ASSETS: Mapping[str, str] = {
    "redoc-2.5.4.js": "text/javascript; charset=utf-8",
    "page.css": "text/css; charset=utf-8",
}
CACHE = "public, max-age=86400"
# The policy allows two style elements of the bundle by their hash. The bundle fills the first one, which is empty, with
# rules later. The second one styles its scroll bars. The search of the bundle runs in a worker that is made from a
# blob.
POLICY = (
    "default-src 'none'; script-src 'self'; "
    "style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' "
    "'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; "
    "img-src 'self' data:; connect-src 'self'; worker-src blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
# The addresses are relative, so that the page also works behind a proxy that adds a path in front.
_PAGE = """<!doctype html>
<html lang="en-GB">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title} API</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/page.css">
</head>
<body>
<redoc spec-url="openapi.json" show-extensions="x-roles" required-props-first="true" sort-tags-alphabetically="true"
  theme='{{"typography": {{"fontFamily": "system-ui, sans-serif", "headings": {{"fontFamily": "system-ui, sans-serif"}},
  "code": {{"fontFamily": "ui-monospace, monospace"}}}}}}'></redoc>
<noscript>This page needs JavaScript. The same document is at <a href="openapi.json">openapi.json</a>.</noscript>
<script src="docs/redoc-2.5.4.js"></script>
</body>
</html>
"""


def page(service: str) -> Reply:
    """The page of the service of this name."""
    return _reply("text/html; charset=utf-8", _PAGE.format(title=escape(service)).encode())


@cache
def asset(name: str) -> Reply:
    """One of the files that the page loads."""
    return _reply(ASSETS[name], (FOLDER / name).read_bytes())


def _reply(content_type: str, body: bytes) -> Reply:
    headers = [
        ("Content-Type", content_type),
        ("Cache-Control", CACHE),
        ("Content-Security-Policy", POLICY),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
    ]
    return Reply(200, headers, body)
