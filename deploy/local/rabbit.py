"""A private RabbitMQ node, kept apart from every other broker on the machine.

It has its own node name, ports, data, home and port mapper (epmd), all on the loopback. Debian's start script for the
system service is not used: it changes to a user who cannot enter a project folder that only its owner may read.
Queues and messages outlive any kill of the node.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pika
import requests
from pika.exceptions import AMQPError

from deploy.local import apt
from deploy.local.folders import write_private
from deploy.local.mongo import NotInstalled
from deploy.local.processes import Command
from deploy.local.secret_files import SecretFiles

SERVERS = (Path("/usr/lib/rabbitmq/bin/rabbitmq-server"),)
USER = "followthrough"

NOT_FOUND = """\
No RabbitMQ server can be run here. Do one of these, then try again:
  - set AMQP_URI to a broker that you run (and AMQP_MANAGEMENT_URI to its management address, for the tests);
  - on Debian or Ubuntu, as root: apt-get install --no-install-recommends rabbitmq-server
    (the system service it starts is not needed: systemctl disable --now rabbitmq-server).
"""


def find_server() -> str:
    """The path of the server's own start script, installed if this process may. Raises NotInstalled."""
    found = _installed()
    if found is None and apt.can_install() and apt.install("rabbitmq-server"):
        found = _installed()
    if found is None:
        raise NotInstalled(NOT_FOUND)
    return found


def commands(
    folder: Path, instance: str, ports: dict[str, int], secrets: SecretFiles, environment: dict[str, str]
) -> list[Command]:
    """The port mapper and the node. `ports` names those of amqp, management, distribution and epmd."""
    server = find_server()
    home = folder / "rabbit"
    write_private(home / ".erlang.cookie", secrets.erlang_cookie)
    (home / ".erlang.cookie").chmod(0o400)
    write_private(home / "enabled_plugins", "[rabbitmq_management].\n")
    write_private(home / "rabbitmq-env.conf", "")
    write_private(home / "rabbitmq.conf", _configuration(ports, secrets))
    mapper = {
        "PATH": "/usr/lib/erlang/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "LANG": "C.UTF-8",
        "HOME": str(home),
        "ERL_EPMD_PORT": str(ports["epmd"]),
        "ERL_EPMD_ADDRESS": "127.0.0.1",
    }
    node = mapper | {
        "RABBITMQ_NODENAME": f"{instance}@localhost",
        "RABBITMQ_NODE_PORT": str(ports["amqp"]),
        "RABBITMQ_DIST_PORT": str(ports["distribution"]),
        "RABBITMQ_CONF_ENV_FILE": str(home / "rabbitmq-env.conf"),
        "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq.conf"),
        "RABBITMQ_ADVANCED_CONFIG_FILE": str(home / "advanced.config"),
        "RABBITMQ_CONFIG_FILES": str(home / "conf.d"),
        "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
        "RABBITMQ_MNESIA_BASE": str(home / "data"),
        "RABBITMQ_PID_FILE": str(home / "node.pid"),
        "RABBITMQ_LOG_BASE": str(folder / "logs"),
        "RABBITMQ_LOGS": "-",
        "RABBITMQ_GENERATED_CONFIG_DIR": str(home / "generated"),
        "RABBITMQ_FEATURE_FLAGS_FILE": str(home / "feature_flags"),
        # The start script then becomes the node, instead of watching over it; the argument below says "no shell".
        "RABBITMQ_ALLOW_INPUT": "1",
        # No Erlang program may start a port mapper of its own: it would outlive this stack.
        "ERL_AFLAGS": "-start_epmd false",
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
        "ERL_CRASH_DUMP_SECONDS": "0",
    }
    return [
        Command("epmd", [_epmd(), "-port", str(ports["epmd"])], environment | mapper),
        Command("rabbitmq", [server, "-noinput"], environment | node),
    ]


def amqp_uri(port: int, secrets: SecretFiles, vhost: str = "/") -> str:
    """The address of one virtual host of the node."""
    return f"amqp://{USER}:{quote(secrets.rabbit_password, safe='')}@127.0.0.1:{port}/{quote(vhost, safe='')}"


def management_uri(port: int, secrets: SecretFiles) -> str:
    """The address of the node's management interface."""
    return f"http://{USER}:{quote(secrets.rabbit_password, safe='')}@127.0.0.1:{port}"


def is_ready(uri: str, management: str) -> bool:
    """Whether the node takes connections and its management interface answers."""
    try:
        manage(management, "GET", "/api/overview")
        pika.BlockingConnection(pika.URLParameters(f"{uri}?socket_timeout=5&stack_timeout=10")).close()
    except (AMQPError, OSError):
        return False
    return True


def add_vhost(management: str, name: str) -> None:
    """Makes an empty virtual host, open to the user of the management address."""
    user = urlsplit(management).username
    manage(management, "PUT", f"/api/vhosts/{quote(name, safe='')}")
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    manage(management, "PUT", f"/api/permissions/{quote(name, safe='')}/{user}", everything)


def remove_vhost(management: str, name: str) -> None:
    """Removes a virtual host with its queues and connections."""
    manage(management, "DELETE", f"/api/vhosts/{quote(name, safe='')}")


def manage(management: str, method: str, path: str, body: dict[str, Any] | None = None) -> Any:
    """One request to the management interface and its answer. Raises OSError (requests.RequestException)."""
    with requests.Session() as session:
        session.trust_env = False  # no proxy between this process and its own broker
        answer = session.request(method, management + path, json=body, timeout=15)
        answer.raise_for_status()
        return answer.json() if answer.content else None


def _installed() -> str | None:
    return next((str(path) for path in SERVERS if os.access(path, os.X_OK)), None)


def _epmd() -> str:
    places = ("/usr/bin", "/usr/lib/erlang/bin", "/usr/local/bin", "/usr/local/lib/erlang/bin")
    found = shutil.which("epmd", path=os.pathsep.join(places))
    if found is None:
        raise NotInstalled(NOT_FOUND)
    return found


def _configuration(ports: dict[str, int], secrets: SecretFiles) -> str:
    return f"""listeners.tcp.1 = 127.0.0.1:{ports["amqp"]}
management.tcp.ip = 127.0.0.1
management.tcp.port = {ports["management"]}
default_user = {USER}
default_pass = {secrets.rabbit_password}
disk_free_limit.absolute = 50MB
vm_memory_high_watermark.absolute = 1GB
raft.wal_max_size_bytes = 67108864
log.console = true
log.console.level = warning
"""
