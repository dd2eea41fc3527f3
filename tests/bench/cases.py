"""`python -m tests.bench.cases`: how many events a year Case S and Case T lead to, each replayed on a stack of its own.

It counts what people record and what the services record because of it: chases, digests, and what one service learns
from the other. Positions are not counted.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table

from deploy.local.case import CASE_S, CASE_T, Case
from deploy.local.folders import fresh_name
from deploy.local.replay import Replay
from deploy.local.stack import local_stack
from shared.config.config import SERVICES
from shared.events.mongo import open_database
from tests.bench.england import load_known_case, years_of


@dataclass(frozen=True)
class Counted:
    """One case: the years it spans, the facts that people record, and every event by service and type."""

    name: str
    years: float
    facts: int
    events: Counter[tuple[str, str]]


def replayed(case: Case) -> Counted:
    """The case replayed to its end. Raises NotReady when a process does not start or a fact is refused."""
    with local_stack(fresh_name("cases"), replay_clock=case.begins) as stack:
        for _ in Replay(stack, case).days():
            pass
        events = Counter(
            {
                (service, row["_id"]): row["count"]
                for service in SERVICES
                for row in open_database(stack.backends.mongodb_uri, service).events.aggregate(
                    [{"$group": {"_id": "$event.type", "count": {"$sum": 1}}}]
                )
            }
        )
    return Counted(case.name, years_of(case), len(case.recorded), events)


def main() -> int:
    """Raises what starting the backends raises."""
    console = Console()
    table = Table("case", "years", "recorded by people", "a year", "recorded by the services", "a year")
    for folder in (CASE_S, CASE_T):
        counted = replayed(load_known_case(folder))
        of_services = counted.events.total() - counted.facts
        table.add_row(
            counted.name,
            f"{counted.years:.2f}",
            f"{counted.facts}",
            f"{counted.facts / counted.years:.1f}",
            f"{of_services}",
            f"{of_services / counted.years:.1f}",
        )
        console.print(f"{counted.name}, every event by service and type:")
        for (service, event_type), count in counted.events.most_common():
            console.print(f"  {service} {event_type} {count}", highlight=False)
    console.print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
