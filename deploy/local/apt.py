"""Installs Debian packages when this process may, and never lets a package start a service of its own.

While a package is installed, `policy-rc.d` forbids services to start. It is removed however the install ends; the next
run removes one that a killed run left behind.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from deploy.local.die_with_parent import die_with_parent

POLICY = Path("/usr/sbin/policy-rc.d")
LOCK = Path("/run/lock/followthrough-apt.lock")
MARK = "# followthrough: no service is started while its package is installed; safe to remove"


def can_install() -> bool:
    """Whether packages can be installed: by root, where there is apt."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install(*packages: str) -> bool:
    """Installs packages and says so on stderr. Returns whether that worked."""
    with _alone(), _no_service_starts():
        print(f"installing {' '.join(packages)} with apt-get (once; takes a minute)", file=sys.stderr, flush=True)
        command = ["install", "--yes", "--no-install-recommends", *packages]
        return _apt_get(command) or (_apt_get(["update"]) and _apt_get(command))


def _apt_get(arguments: list[str]) -> bool:
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    command = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=300", *arguments]
    done = subprocess.run(
        die_with_parent(command),
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        start_new_session=True,
    )
    if done.returncode:
        print("\n".join(done.stderr.splitlines()[-5:]), file=sys.stderr)
    return done.returncode == 0


@contextmanager
def _alone() -> Iterator[None]:
    LOCK.parent.mkdir(parents=True, exist_ok=True)
    with LOCK.open("a") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


@contextmanager
def _no_service_starts() -> Iterator[None]:
    is_ours = not POLICY.exists() or MARK in POLICY.read_text(errors="replace")
    try:
        if is_ours:
            POLICY.write_text(f"#!/bin/sh\n{MARK}\nexit 101\n")
            POLICY.chmod(0o755)
        yield
    finally:
        if is_ours:
            POLICY.unlink(missing_ok=True)
