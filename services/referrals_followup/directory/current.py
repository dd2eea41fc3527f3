"""The directory as it is now, for every process of this service. It follows what is recorded while the process runs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from services.referrals_followup.directory.stored import Listed, StoredDirectory
from services.referrals_followup.domain.directory import Directory
from services.referrals_followup.domain.directory_entries import (
    RECORDED_IN_ORDER,
    Difference,
    Kinds,
    entries_of,
    find_differences,
    find_incomplete,
    in_order,
    part_of,
)
from shared.kernel.time import london_date
from shared.runtime.clock import Clock
from shared.runtime.observability import get_logger

# An event becomes visible some time after the time of its recording, at most after the deadline of the write.
OVERLAP = timedelta(seconds=30)

log = get_logger()


class CurrentDirectory(Directory):
    """A directory that changes: `refresh` brings it up to date. A change costs what changed, not the whole directory.

    While an import is under way, the directory before it stays in use.
    """

    def __init__(self, stored: StoredDirectory, clock: Clock) -> None:
        self._stored = stored
        self._clock = clock
        self._looked_at = clock.now()
        self._versions: dict[str, int] = {}
        self._kinds: Kinds = {kind: {} for kind in RECORDED_IN_ORDER}
        listed = stored.read()
        left_out = find_incomplete({stream: one.entry for stream, one in listed.items()})
        if left_out:
            log.warning("directory incomplete, import it again", count=len(left_out))
        # What names something that is not listed waits until that is listed too.
        self._waiting = {stream: listed.pop(stream) for stream in left_out}
        self._take(listed)

    def version_of(self, stream: str) -> int:
        """The version of this entry that is in use; 0 for one that is not listed."""
        return self._versions.get(stream, 0)

    def refresh(self) -> bool:
        """Look for what was recorded since the last look: one query by an index. Returns whether there was anything.

        Raises StoreUnavailable.
        """
        looked_at = self._clock.now()
        found = self._stored.find_versions(self._looked_at - OVERLAP)
        newer = [stream for stream, version in found.items() if version > self.version_of(stream)]
        if not newer:
            self._looked_at = looked_at
            return False
        listed = {**self._waiting, **self._stored.read(newer)}
        if not find_incomplete({stream: one.entry for stream, one in listed.items()}, self._versions):
            self._take(listed)
            self._waiting = {}
            self._looked_at = looked_at
        return True

    def _take(self, listed: Mapping[str, Listed]) -> None:
        for stream, (entry, version) in listed.items():
            self._versions[stream] = version
            self._kinds[entry.kind][entry.id] = part_of(entry)
        super().__init__(*in_order(self._kinds))


def import_directory(
    stored: StoredDirectory,
    directory: Directory,
    clock: Clock,
    *,
    dry_run: bool = False,
    listed: Mapping[str, Listed] | None = None,
) -> list[Difference]:
    """Make the stored directory list this one and nothing else. Returns the differences that it recorded.

    Done twice, it records nothing; with `dry_run`, neither. `listed` is what was stored when the directory was made.
    Raises StaleVersion when somebody else changed an entry meanwhile, and StoreUnavailable.
    """
    listed = stored.read() if listed is None else listed
    now = {stream: one.entry for stream, one in listed.items()}
    differences = find_differences(now, entries_of(directory), london_date(clock.now()))
    if not dry_run:
        stored.record(differences, {stream: one.version for stream, one in listed.items()})
    return differences
