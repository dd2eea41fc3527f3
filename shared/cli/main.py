"""The command line of a service: `python -m services.<name> serve [http|bus] | relay | topology | rebuild`, and more.

Every role first checks its whole configuration and the files that the configuration names. If anything is wrong, the
process prints every fault and exits 2. Nothing here imports eventlet: only `serve` loads the service class.
"""

from __future__ import annotations

import argparse
import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from shared.cli import archive
from shared.cli import check as check_command
from shared.cli import import_file as import_command
from shared.cli import parked as parked_command
from shared.config.config import Config, config_or_exit
from shared.config.yamlfile import FaultyFile
from shared.kernel.envelope import from_text
from shared.runtime.observability import configure_logging

# The collector looks for cycles when the objects made outnumber those freed by this many. A batch makes tens of
# thousands, which reference counts free. Python's default of 700 took an eighth of the processor time.
COLLECT_AFTER = 50_000


@dataclass(frozen=True, slots=True)
class Role:
    """A role that only this service has. `run` returns the exit status, and raises FaultyFile when a file that it reads
    has faults.
    """

    name: str
    help: str
    run: Callable[[Config, argparse.Namespace], int]
    add_arguments: Callable[[argparse.ArgumentParser], object] = lambda parser: None


def run(
    service: str,
    argv: Sequence[str],
    *,
    load_class: Callable[[], type],
    rebuild: Callable[[Config], int],
    run_check: check_command.RunCheck,
    own: Sequence[Role] = (),
    check: Callable[[Config], object] = lambda config: None,
    about: archive.About = archive.by_subject,
    imports: bool = False,
) -> int:
    """Run the role that `argv` names; returns the exit status of the process.

    `run_check` checks the stored data and returns findings; with True it checks everything instead of samples.
    `check` reads the files that serving needs. These two and the service's `own` roles may raise FaultyFile. For an
    erasure, `about` gives the events about a person. `imports` adds the role that records a file of commands.
    """
    try:
        return _run(service, argv, load_class, rebuild, run_check, own, check, about, imports)
    except FaultyFile as error:
        print(f"{service} cannot start:\n{error}", file=sys.stderr)
        return 2


def _run(
    service: str,
    argv: Sequence[str],
    load_class: Callable[[], type],
    rebuild: Callable[[Config], int],
    run_check: check_command.RunCheck,
    own: Sequence[Role],
    check: Callable[[Config], object],
    about: archive.About,
    imports: bool,
) -> int:
    arguments = _parser(service, own, imports).parse_args(argv)
    if arguments.role in archive.ROLES:
        return archive.run(service, arguments, about)
    half = getattr(arguments, "half", None)
    role = f"serve {half}" if half else arguments.role
    config = config_or_exit(service, role)
    configure_logging(service, role, config.log_level)
    collect_rarely()
    if arguments.role == "serve":
        check(config)

        from shared.cli.serve import run_service

        return run_service(load_class(), config, http=half != "bus", bus=half != "http")
    if arguments.role == "relay":
        from shared.relay.relay import run_relay

        run_relay(config, service, arguments.republish_since)
    elif arguments.role == "topology":
        from shared.messaging.topology import declare

        declare(config.amqp_uri, service)
    elif arguments.role == "parked":
        return parked_command.run(config, arguments)
    elif arguments.role == "check":
        return check_command.run(config, arguments, run_check)
    elif arguments.role == "import":
        return import_command.run(config, arguments, load_class)
    elif arguments.role == "rebuild":
        print(f"{rebuild(config)} views rebuilt")
    else:
        return next(entry for entry in own if entry.name == arguments.role).run(config, arguments)
    return 0


def collect_rarely() -> None:
    """Makes the collector look for cycles seldom, and never among the objects that exist now: they live as long as the
    process."""
    gc.freeze()
    gc.set_threshold(COLLECT_AFTER, 20, 50)


def _parser(service: str, own: Sequence[Role], imports: bool) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog=f"python -m services.{service}")
    roles = parser.add_subparsers(dest="role", required=True)
    serve = roles.add_parser("serve", help="answer HTTP and consume the queues, or one of the two")
    serve.add_argument("half", nargs="?", choices=("http", "bus"))
    relay = roles.add_parser("relay", help="publish the recorded events")
    relay.add_argument(
        "--republish-since", type=_instant, metavar="RFC3339", help="publish again from this instant, and end"
    )
    roles.add_parser("topology", help="declare exchanges and queues")
    roles.add_parser("rebuild", help="fold every view again from the events, in place")
    archive.add_roles(roles)
    parked_command.add_arguments(
        roles.add_parser("parked", help="messages that could not be handled: list, show, replay, discard")
    )
    check_command.add_arguments(roles.add_parser("check", help="check the stored data and list the findings"))
    if imports:
        import_command.add_arguments(
            roles.add_parser("import", help="record a file of commands, one JSON object a line")
        )
    for role in own:
        role.add_arguments(roles.add_parser(role.name, help=role.help))
    return parser


def _instant(text: str) -> datetime:
    try:
        return from_text(text)
    except ValueError:
        raise argparse.ArgumentTypeError("an RFC 3339 instant with an offset, such as 2013-01-14T00:00:00Z") from None
