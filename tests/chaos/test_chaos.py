"""The short run of the harness: a few hundred events, each crash point and each kind of trouble at least once."""

from __future__ import annotations

import os
import random
import re
import subprocess
import sys

from deploy.local.folders import ROOT
from tests.support import without_foreign_backends

EVENTS = 300
LAST_LINE = (
    r"chaos: accepted=(\d+) kept=\1 lost=0 doubled=0 poison=(\d+) parked=\2 followups=(\d+)/\3"
    r" rungs_lost=0 rungs_doubled=0 mails_repeated=(\d+) deaths_while_mailing=(\d+)"
)


def test_nothing_is_lost_or_doubled_while_every_process_is_killed() -> None:
    seed = 1 if os.environ.get("CI") else random.SystemRandom().randrange(1_000_000)
    seed = int(os.environ.get("CHAOS_SEED", seed))
    print(f"CHAOS_SEED={seed} chooses the same stories, troubles and crash points")
    command = [sys.executable, "-m", "tests.chaos.run", "--seed", str(seed), "--events", str(EVENTS)]
    done = subprocess.run(
        command, cwd=ROOT, env=without_foreign_backends(), capture_output=True, text=True, timeout=400, check=False
    )
    said = done.stdout + done.stderr
    assert done.returncode == 0, said
    last = re.fullmatch(LAST_LINE, done.stdout.splitlines()[-1])
    assert last, said
    accepted, _, follow_ups, repeated, deaths = map(int, last.groups())
    assert accepted >= EVENTS
    assert follow_ups > 0
    assert repeated <= deaths
    assert re.findall(r"^died (.+): 0$", done.stdout, re.MULTILINE) == []
