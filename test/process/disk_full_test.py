"""A node's disk is full, for a while: a small tmpfs in a mount namespace of the test."""
import os
import shutil
import subprocess

import namespaces
from nodes import NodesCase, eventually, main

SIZE_MIB = 64
ROUNDS = 5 if os.environ.get("DEBROS_LONG") else 1


class DiskFull(NodesCase):
    """Each node's folder is a disk of its own."""

    @classmethod
    def setUpClass(cls):
        cls.mounted = {}
        cls.addClassCleanup(cls.unmount)  # the last one: the nodes have ended
        super().setUpClass()

    @classmethod
    def unmount(cls):
        for folder in cls.mounted.values():
            subprocess.run(["umount", "-l", folder], check=True, timeout=60)
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def env(cls, n):
        """Called before a node's first start: its disk is mounted."""
        folder = os.path.join(cls.folder, "cluster", f"node{n}")
        if n not in cls.mounted:
            os.makedirs(folder)
            subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={SIZE_MIB}m", "tmpfs",
                            folder], check=True, timeout=60)
            cls.mounted[n] = folder
        return {}

    def fill(self, n):
        """Not one byte is left on n's disk."""
        path = os.path.join(self.cluster.dir(n), "ballast")
        with open(path, "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(bytes(size))
                except OSError:
                    pass
        self.addCleanup(self.empty, n)

    def empty(self, n):
        path = os.path.join(self.cluster.dir(n), "ballast")
        if os.path.exists(path):
            os.unlink(path)

    def is_refused(self, n):
        """A write through n is not acknowledged. What was preallocated takes some."""
        done = self.cluster.run(n, "query", "--timeout", "3s",
                                "INSERT INTO ballast VALUES (randomblob(200000))")
        return done.returncode == 5

    def says_why(self, *nodes):
        return all("no space left" in self.cluster.said(n) for n in nodes)

    def reads(self, n):
        """What n holds. A linearizable read may have to wait: for a write that is committed
        and has no room in the databases."""
        done = self.cluster.run(n, "query", "SELECT count(*) FROM load", "--level", "none",
                                "--timeout", "20s")
        self.assertEqual(done.returncode, 0, done.stderr)

    def fill_and_empty(self, *full):
        self.cluster.query(1, "CREATE TABLE IF NOT EXISTS ballast(b)")
        load = self.load()
        for _ in range(ROUNDS):
            for n in full:
                self.fill(n)
            eventually(self.is_refused, full[0])
            eventually(self.says_why, full[0])
            self.reads(full[0])
            for n in full:
                self.assertIsNone(self.cluster.processes[n].process.poll(),
                                  self.cluster.said(n))
                self.empty(n)
            load.more()
        self.check(load)

    def test_all_disks(self):
        self.fill_and_empty(*self.cluster.numbers())

    def test_a_follower_s_disk(self):
        """The others have a majority: nobody notices, and the follower catches up."""
        n = eventually(self.cluster.leads) % self.nodes + 1
        self.cluster.query(1, "CREATE TABLE IF NOT EXISTS ballast(b)")
        load = self.load(at=[other for other in self.cluster.numbers() if other != n])
        self.fill(n)
        for _ in range(20):
            done = self.cluster.run(n % self.nodes + 1, "query", "--timeout", "20s",
                                    "INSERT INTO ballast VALUES (randomblob(200000))")
            self.assertEqual(done.returncode, 0, done.stderr)
        load.more()
        self.assertIsNone(self.cluster.processes[n].process.poll(), self.cluster.said(n))
        self.empty(n)
        self.check(load)


if __name__ == "__main__":
    namespaces.enter()
    main()
