"""Frames of the broker are read whole, however their bytes arrive."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from itertools import pairwise
from struct import pack

import pytest
from amqp.exceptions import UnexpectedFrame
from hypothesis import given
from hypothesis import strategies as st

from shared.messaging.read_ahead import TcpTransport

FRAMES = st.lists(st.tuples(st.integers(1, 8), st.integers(0, 3), st.binary(max_size=40)), min_size=1, max_size=6)


def written(kind: int, channel: int, payload: bytes) -> bytes:
    return pack(">BHI", kind, channel, len(payload)) + payload + b"\xce"


def connected() -> Iterator[tuple[TcpTransport, socket.socket]]:
    ours, broker = socket.socketpair()
    with ours, broker:
        ours.settimeout(0.001)
        transport = TcpTransport("broker")
        transport.sock, transport.connected = ours, True
        yield transport, broker


@pytest.fixture
def pair() -> Iterator[tuple[TcpTransport, socket.socket]]:
    yield from connected()


@given(FRAMES, st.lists(st.integers(0, 300), max_size=10))
def test_frames_are_read_as_they_were_written_wherever_the_bytes_are_cut(
    frames: list[tuple[int, int, bytes]], cuts: list[int]
) -> None:
    data = b"".join(written(*frame) for frame in frames)
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    read = []
    for transport, broker in connected():
        for begin, end in pairwise(edges):
            broker.sendall(data[begin:end])
            while True:
                try:
                    read.append(transport.read_frame())
                except TimeoutError:
                    break
    assert read == frames


def test_a_frame_that_does_not_end_where_it_should_is_an_error(pair: tuple[TcpTransport, socket.socket]) -> None:
    transport, broker = pair
    broker.sendall(written(1, 0, b"abc")[:-1] + b"x")
    with pytest.raises(UnexpectedFrame):
        transport.read_frame()


def test_when_the_broker_closes_the_connection_it_counts_as_lost(pair: tuple[TcpTransport, socket.socket]) -> None:
    transport, broker = pair
    broker.close()
    with pytest.raises(OSError, match="closed"):
        transport.read_frame()
    assert not transport.connected
