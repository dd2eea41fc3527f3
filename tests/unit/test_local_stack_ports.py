"""Ports of a local stack: free, and given to one stack only."""

from __future__ import annotations

import socket
from pathlib import Path

from deploy.local.ports import Ports


def test_two_stacks_never_get_the_same_port(tmp_path: Path) -> None:
    with Ports(tmp_path / "one") as one, Ports(tmp_path / "other") as other:
        taken = [ports.take(f"part {number}") for number in range(50) for ports in (one, other)]
    assert len(set(taken)) == len(taken)


def test_a_backend_gets_its_former_port_again_if_it_is_free(tmp_path: Path) -> None:
    with Ports(tmp_path / "ports") as ports:
        port = ports.take("broker")
    with Ports(tmp_path / "ports") as ports:
        assert ports.take("broker") == port


def test_a_former_port_is_not_given_again_while_somebody_listens_on_it(tmp_path: Path) -> None:
    with Ports(tmp_path / "ports") as ports:
        port = ports.take("broker")
    with socket.socket() as somebody, Ports(tmp_path / "ports") as ports:
        somebody.bind(("127.0.0.1", port))
        somebody.listen()
        assert ports.take("broker") != port
