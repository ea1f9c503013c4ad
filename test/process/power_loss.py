"""The other half of power_loss.c: what the disk holds after the power was cut.

A Disk is the folder of one node on such a disk. Every file below it that is written while
`variables()` are in the node's environment can lose what was not synced.
"""
import os
import shutil
import struct
from typing import NamedTuple

SHIM = os.environ.get("DEBROS_POWER_LOSS", "power_loss.so")
HEAD = struct.Struct("=4I6Q")
SECTOR = 512
WRITE, RESIZE, SYNC, CREATE, REMOVE, RENAME, MKDIR, SYNC_DIR = range(1, 9)


class Change(NamedTuple):
    kind: int
    sequence: int
    ino: int
    other_ino: int
    offset: int
    length: int
    size: int
    first: str
    second: str
    data: bytes


def read_journal(path):
    """Its changes; one that was cut off by the kill was not made."""
    with open(path, "rb") as file:
        raw = file.read()
    at = 0
    while at + HEAD.size <= len(raw):
        kind, n_first, n_second, n_data, *numbers = HEAD.unpack_from(raw, at)
        at += HEAD.size
        end = at + n_first + n_second + n_data
        if end > len(raw):
            return
        second = at + n_first
        yield Change(kind, *numbers, raw[at:second].decode(),
                     raw[second:second + n_second].decode(), raw[second + n_second:end])
        at = end


def parent(change):
    return os.path.dirname(change.second or change.first)


def lost_changes(changes):
    """What is not durable: changes of files, changes of folders; each oldest first."""
    files, folders, synced, synced_dirs = [], [], {}, {}
    for change in changes:
        if change.kind == SYNC:
            synced[change.ino] = max(change.sequence, synced.get(change.ino, 0))
        elif change.kind == SYNC_DIR:
            synced_dirs[change.first] = max(change.sequence,
                                            synced_dirs.get(change.first, 0))
        elif change.kind in (WRITE, RESIZE):
            files.append(change)
        else:
            folders.append(change)
    return ([c for c in files if c.sequence >= synced.get(c.ino, 0)],
            [c for c in folders if c.sequence >= synced_dirs.get(parent(c), 0)])


class Disk:
    def __init__(self, folder, journal):
        self.folder, self.journal = os.path.realpath(folder), os.path.realpath(journal)
        os.makedirs(self.journal, exist_ok=True)

    def variables(self, fail_sync=None, sync_ms=None):
        more = {"POWER_LOSS_FAIL_SYNC": fail_sync, "POWER_LOSS_SYNC_MS": sync_ms}
        return {"LD_PRELOAD": SHIM, "POWER_LOSS_ROOT": self.folder,
                "POWER_LOSS_JOURNAL": self.journal,
                # The sanitizers' runtime need not be the first library.
                "ASAN_OPTIONS": os.environ.get("ASAN_OPTIONS", "") +
                ":verify_asan_link_order=0",
                **{name: str(value) for name, value in more.items() if value is not None}}

    def _link(self, ino):
        return os.path.join(self.journal, str(ino))

    def _undo_sectors(self, fd, change, keeps):
        """Takes back each sector of the write that `keeps()` does not keep."""
        end = change.offset + len(change.data)
        at = change.offset
        while at < end:
            upto = min(end, at - at % SECTOR + SECTOR)
            if not keeps():
                os.pwrite(fd, change.data[at - change.offset:upto - change.offset], at)
            at = upto

    def _undo_file(self, change, keeps):
        fd = os.open(self._link(change.ino), os.O_RDWR)
        try:
            if change.kind == WRITE:
                self._undo_sectors(fd, change, keeps)
                if os.fstat(fd).st_size > change.size and not keeps():
                    os.ftruncate(fd, change.size)
            elif not keeps():
                os.ftruncate(fd, change.size)
                os.pwrite(fd, change.data, change.offset)
        finally:
            os.close(fd)

    def _undo_folder(self, change):
        if change.kind == CREATE and os.path.lexists(change.first):
            os.unlink(change.first)
        elif change.kind == MKDIR and os.path.lexists(change.first):
            shutil.rmtree(change.first)
        elif change.kind == REMOVE and not os.path.lexists(change.first):
            os.link(self._link(change.ino), change.first)
        elif change.kind == RENAME and os.path.lexists(change.second) \
                and os.stat(change.second).st_ino == change.ino:
            os.rename(change.second, change.first)
            if change.other_ino:
                os.link(self._link(change.other_ino), change.second)

    def lose_power(self, rng=None):
        """Call after SIGKILL. Without `rng` everything that was not synced is lost; with
        it, sectors at random and the latest changes of folders. Returns how many changes
        were at stake."""
        files, folders = lost_changes(read_journal(os.path.join(self.journal, "journal")))
        for change in reversed(files):
            self._undo_file(change, (lambda: rng.random() < 0.5) if rng else lambda: False)
        for change in reversed(folders[rng.randrange(len(folders) + 1) if rng else 0:]):
            self._undo_folder(change)
        self.forget()
        return len(files) + len(folders)

    def forget(self):
        """All that was written is on the disk: as after a clean end."""
        shutil.rmtree(self.journal)
        os.makedirs(self.journal)
