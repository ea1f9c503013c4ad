"""A member joins a cluster whose databases are large: it receives a snapshot in chunks
while writes go on, neither node's memory grows with the size, and a receiver that is
killed goes on.

DEBROS_SNAPSHOT_MIB: the size of the databases; 64, and 1,024 in the soak."""
import os
import threading
import time
import unittest

from harness import FolderCase
from memory import SANITIZED
from nodes import Nodes, eventually

MIB = int(os.environ.get("DEBROS_SNAPSHOT_MIB",
                         "1024" if "DEBROS_LONG" in os.environ else "64"))
GROWTH_MIB = 40  # of either node's memory: windows, caches, what libraft keeps of the log
BLOB = 480 * 1024


def peak_mib(pid):
    """The most memory that the process has ever had."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        for line in file:
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    raise AssertionError("no VmHWM")


def rss_mib(pid):
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


class Writer(threading.Thread):
    """One row after the other until it is told to end; the longest pause between two."""

    def __init__(self, nodes):
        super().__init__(daemon=True)
        self.nodes, self.ending = nodes, threading.Event()
        self.rows, self.refused, self.longest = 0, 0, 0.0

    def run(self):
        while not self.ending.is_set():
            begun = time.monotonic()
            done = self.nodes.run(1, "query", "--timeout", "30s",
                                  "INSERT INTO load VALUES (1, ?)", self.rows)
            if done.returncode == 0:
                self.rows += 1
            else:
                self.refused += 1
            self.longest = max(self.longest, time.monotonic() - begun)


class Snapshot(FolderCase):
    def setUp(self):
        super().setUp()
        self.own = os.path.join(self.folder, self._testMethodName)
        os.mkdir(self.own)
        self.nodes = Nodes(self.own, 1).create()
        self.addCleanup(self.nodes.stop)
        self.nodes.query(1, "CREATE TABLE big(a)")
        for _ in range(MIB * 2**20 // BLOB // 4):
            self.fill()

    def fill(self):
        """Two mebibytes. They pass through the log as text: 64 MiB of databases are more
        than the log keeps, so that who joins needs a snapshot."""
        script = "".join(f"INSERT INTO big VALUES (X'{os.urandom(BLOB).hex()}');\n"
                         for _ in range(4))
        done = self.nodes.run(1, "tx", "-", stdin=script)
        self.assertEqual(done.returncode, 0, done.stderr)

    def join(self, n):
        self.nodes.nodes = max(self.nodes.nodes, n)
        invite = self.nodes.run(1, "invite").stdout.strip()
        self.nodes.launch(n, "--invite", invite)

    def count(self, n):
        return self.nodes.cell(n, "SELECT count(*) || ' ' || sum(length(a)) FROM big",
                               "--level", "none")

    def has_replica(self, n):
        """Until then it sends on even what asks for its own copy."""
        status = self.nodes.status(n)
        return status["role"] in ("standby", "follower", "leader") and (
            status["applied_index"] > 0 and
            status["applied_index"] >= self.nodes.status(1)["applied_index"] - 100)

    def test_a_member_joins_while_writes_go_on(self):
        wanted = self.count(1)
        sender = self.nodes.pid(1)
        before = rss_mib(sender)
        writer = Writer(self.nodes)
        writer.start()
        begun = time.monotonic()
        self.join(2)
        eventually(self.has_replica, 2, timeout=60 + MIB)
        took = time.monotonic() - begun
        self.assertEqual(self.count(2), wanted)
        writer.ending.set()
        writer.join()
        eventually(lambda: self.rows_written(2) >= writer.rows)
        said = self.nodes.said(2)
        self.assertIn("received a snapshot of", said)
        self.assertIn("made a snapshot of", self.nodes.said(1))
        receiver = peak_mib(self.nodes.pid(2))
        print(f"{MIB} MiB in {took:.1f} s, {writer.rows} rows written meanwhile, the "
              f"slowest in {writer.longest:.2f} s; memory: sender {before:.0f} MiB and "
              f"then at most {peak_mib(sender):.0f}, receiver at most {receiver:.0f}")
        self.assertGreater(writer.rows, 0)
        if not SANITIZED:
            self.assertLess(receiver, 15 + GROWTH_MIB)
            self.assertLess(rss_mib(sender), before + GROWTH_MIB)
        check = self.nodes.cell(2, "PRAGMA integrity_check", "--level", "none")
        self.assertEqual(check, "ok")

    def rows_written(self, n):
        return self.nodes.cell(n, "SELECT count(*) FROM load WHERE writer = 1",
                               "--level", "none")

    def test_a_receiver_that_is_killed_goes_on(self):
        wanted = self.count(1)
        self.join(2)

        end = time.monotonic() + 60 + MIB
        while self.staged(2) == 0 and time.monotonic() < end:
            time.sleep(0.002)
        self.nodes.kill(2)
        staged = self.staged(2)
        self.assertGreater(staged, 0)
        self.nodes.launch(2)
        eventually(self.has_replica, 2, timeout=60 + MIB)
        self.assertEqual(self.count(2), wanted)
        again = "received a snapshot of" in self.nodes.said(2)
        print(f"killed with {staged / 2**20:.0f} MiB received; "
              + ("went on" if again else "had it all, moved it in at the start"))
        self.assertEqual(self.staged(2), 0)  # it has become the databases

    def staged(self, n):
        """Bytes of a snapshot that are on the disk of node n and no databases yet."""
        folder = os.path.join(self.nodes.dir(n), "db")
        try:
            return sum(os.path.getsize(os.path.join(folder, name))
                       for name in os.listdir(folder) if name.startswith("in-"))
        except FileNotFoundError:  # not yet, or renamed in between
            return 0


if __name__ == "__main__":
    unittest.main(verbosity=2)
