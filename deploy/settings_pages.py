"""The table of settings in the page of each service, made from the declarations in `shared/config/config.py`.

`make settings` writes it; a test fails while it is stale.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from shared.config.config import SERVICES, SETTINGS, Config

ROOT = Path(__file__).parents[1]
HEAD = "| setting | default | purpose |\n| --- | --- | --- |\n"


def page_of(service: str) -> Path:
    return ROOT / "services" / service / "README.md"


def with_settings(page: str, service: str) -> str:
    """The page with the table of the service's settings in place of the one that it has."""
    written, tables = re.subn(re.escape(HEAD) + r"(?:\|.*\n)*", lambda _: HEAD + "".join(_rows(service)), page)
    if tables != 1:
        raise ValueError(f"the page of {service} has {tables} tables of settings")
    return written


def _rows(service: str) -> Iterator[str]:
    for name, setting in SETTINGS.items():
        if service in setting.services:
            default = getattr(Config, name, None)
            shown = "needed" if setting.needed_by else "" if default is None else f"`{default}`"
            yield f"| `{name.upper()}` | {shown} | {setting.purpose} |\n"


def main() -> None:
    for service in SERVICES:
        path = page_of(service)
        path.write_text(with_settings(path.read_text(encoding="utf-8"), service), encoding="utf-8")
        print(f"wrote {path.relative_to(ROOT)}")


if __name__ == "__main__":
    main()
