"""Makes the secrets of the composed stack at its first start, each readable by the one container that needs it.

`python -m deploy.compose.make_secrets <folder>`, as root. A second run changes nothing.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from urllib.parse import quote

import yaml

from deploy.local.folders import write_private
from deploy.local.secret_files import SecretFiles

APP = 10001  # the user of deploy/Dockerfile
MONGODB = RABBITMQ = 999  # the users of the images mongo and rabbitmq


def main(folder: Path) -> None:
    """Writes passwords, keys, the broker's configuration, and the connections that the services read."""
    secrets = SecretFiles(folder)
    mongo_password = quote(secrets.mongo_password, safe="")
    rabbit_password = quote(secrets.rabbit_password, safe="")
    connections = {
        "mongodb_uri": f"mongodb://root:{mongo_password}@mongo:27017/?authSource=admin&replicaSet=followthrough"
        "&retryWrites=true&w=majority&readConcernLevel=majority",
        "amqp_uri": f"amqp://followthrough:{rabbit_password}@rabbitmq:5672/%2F",
    }
    broker = f"default_user = followthrough\ndefault_pass = {secrets.rabbit_password}\n"
    owners = {
        write_private(folder / "connections.yaml", yaml.safe_dump(connections)): APP,
        write_private(folder / "rabbitmq.conf", broker): RABBITMQ,
        secrets.mongo_key_file: MONGODB,
        folder / "mongo.password": MONGODB,
        secrets.jwt_public_key_file: APP,
        secrets.person_id_key_file: APP,
    }
    folder.chmod(0o711)
    for path, owner in owners.items():
        path.chmod(0o400)
        os.chown(path, owner, owner)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
