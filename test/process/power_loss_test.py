"""A node's disk loses what was not synced. First the disk itself, then clusters on it."""
import os
import random
import signal
import subprocess
import sys
import textwrap
import time
import unittest

from harness import FolderCase, run
from nodes import NodesCase, Nodes, eventually, main
from power_loss import Disk

ROUNDS = 40 if os.environ.get("DEBROS_LONG") else 5


class TheDisk(FolderCase):
    """Python's os functions are the C library's: a script does what a node might."""

    def setUp(self):
        name = self.id().split(".")[-1]
        self.root = os.path.join(self.folder, name)
        os.mkdir(self.root)
        self.disk = Disk(self.root, self.root + "-journal")

    def killed(self, script, **more):
        """Runs the script up to its end, which is SIGKILL. Returns its stdout."""
        lines = "import os, signal\nR, W, C = os.O_RDONLY, os.O_RDWR, os.O_RDWR | os.O_CREAT\n"
        done = subprocess.run(
            [sys.executable, "-c", lines + textwrap.dedent(script) +
             "\nprint(flush=True); os.kill(os.getpid(), signal.SIGKILL)"], cwd=self.root,
            env={**os.environ, **self.disk.variables(**more)}, capture_output=True, text=True,
            timeout=60, check=False)
        self.assertEqual(done.returncode, -signal.SIGKILL, done.stderr)
        return done.stdout.strip()

    def holds(self, **files):
        found = {}
        for name in os.listdir(self.root):
            with open(os.path.join(self.root, name), "rb") as file:
                found[name] = file.read().decode()
        self.assertEqual(found, files)

    def test_only_what_was_synced_stays(self):
        said = self.killed("""
            f, d = os.open("a", C), os.open(".", R)
            os.pwrite(f, b"durable", 0)
            os.fsync(d)
            os.fdatasync(f)
            os.pwrite(f, b"LOST", 3)
            os.pwrite(f, b"longer", 20)
            print(os.pread(f, 99, 0))
            """)
        self.assertEqual(said, str(b"durLOST" + bytes(13) + b"longer"),
                         "the program reads what it wrote")
        self.assertGreater(self.disk.lose_power(), 0)
        self.holds(a="durable")

    def test_a_file_of_an_unsynced_folder(self):
        self.killed("""
            f = os.open("a", C)
            os.write(f, b"x")
            os.fsync(f)
            """)
        self.disk.lose_power()
        self.holds()

    def test_cut_off_and_overwritten(self):
        with open(os.path.join(self.root, "a"), "w", encoding="utf-8") as file:
            file.write("0123456789")
        self.killed("""
            f = os.open("a", W)
            os.ftruncate(f, 4)
            os.pwrite(f, b"xy", 2)
            os.ftruncate(f, 30)
            os.close(f)
            os.close(os.open("a", W | os.O_TRUNC))
            """)
        self.holds(a="")
        self.disk.lose_power()
        self.holds(a="0123456789")

    def test_names(self):
        for name in "abc":
            with open(os.path.join(self.root, name), "w", encoding="utf-8") as file:
                file.write(name)
        self.killed("""
            d = os.open(".", R)
            os.rename("a", "b")
            os.fsync(d)
            os.rename("b", "c")
            os.unlink("c")
            os.mkdir("e")
            os.close(os.open("e/f", C))
            """)
        self.disk.lose_power()
        self.holds(b="a", c="c")

    def test_durable_at_the_kill_only_by_sync(self):
        """A sync of one file says nothing about another; a later write is not in it."""
        self.killed("""
            f, g, d = os.open("f", C), os.open("g", C), os.open(".", R)
            os.fsync(d)
            os.write(f, b"1"); os.write(g, b"2")
            os.fsync(f)
            os.write(f, b"3")
            """)
        self.disk.lose_power()
        self.holds(f="1", g="")

    def test_sectors_are_lost_one_by_one(self):
        seen = set()
        for seed in range(20):
            self.killed("""
                f, d = os.open("a", C), os.open(".", R)
                os.pwrite(f, b"o" * 2048, 0)
                os.fsync(f); os.fsync(d)
                os.pwrite(f, b"n" * 2048, 0)
                """)
            self.disk.lose_power(random.Random(seed))
            with open(os.path.join(self.root, "a"), "rb") as file:
                sectors = [file.read(512) for _ in range(4)]
            self.assertTrue(all(s in (b"o" * 512, b"n" * 512) for s in sectors))
            seen.add(b"".join(s[:1] for s in sectors))
        self.assertGreater(len(seen), 4, seen)

    def test_syncs_that_fail_and_syncs_that_take_time(self):
        said = self.killed("""
            import time
            f = os.open("a", C)
            began = time.monotonic()
            os.fsync(f)
            print(time.monotonic() - began >= 0.2)
            for i in range(2):
                try:
                    os.fdatasync(f)
                except OSError as error:
                    print(error.errno)
            """, fail_sync=2, sync_ms=200)
        self.assertEqual(said.split(), ["True", "5", "5"])


class OnDisks(NodesCase):
    """Each node on a disk of its own that can lose its power."""

    @classmethod
    def setUpClass(cls):
        cls.more = {}  # variables of single nodes
        cls.disks = {}
        super().setUpClass()

    @classmethod
    def env(cls, n):
        if n not in cls.disks:
            base = os.path.join(cls.folder, "cluster")
            os.makedirs(base, exist_ok=True)
            cls.disks[n] = Disk(f"{base}/node{n}", f"{base}/journal{n}")
        return cls.disks[n].variables(**cls.more.get(n, {}))

    def tearDown(self):
        self.more.clear()

    def cut_power(self, rng, *nodes):
        self.cluster.kill(*nodes)
        return sum(self.disks[n].lose_power(rng) for n in nodes)


class PowerLoss(OnDisks):
    def test_all_lose_power_at_random_moments(self):
        load = self.load()
        at_stake = 0
        for seed in range(ROUNDS):
            rng = random.Random(seed)
            load.more(5)
            time.sleep(rng.uniform(0, 0.5))
            # Every other time nothing that was not synced stays.
            at_stake += self.cut_power(rng if seed % 2 else None, *self.cluster.numbers())
            self.cluster.start()
        load.more()
        self.check(load)
        self.assertGreater(at_stake, 0, "there was nothing to lose")

    def test_one_after_the_other(self):
        load = self.load()
        for seed in range(ROUNDS):
            n = seed % self.nodes + 1
            load.more(5)
            self.cut_power(random.Random(seed), n)
            load.more(5)
            self.cluster.start(n)
        load.more()
        self.check(load)

    def test_a_slow_disk_holds_nobody_up_for_ever(self):
        n = eventually(self.cluster.leads)
        self.cluster.kill(n)
        self.disks[n].lose_power()
        self.more[n] = {"sync_ms": 300}
        self.cluster.start(n)
        load = self.load(timeout_ms=20000)
        load.more()
        self.cut_power(None, n)
        self.more.clear()
        self.cluster.start(n)
        load.more()
        self.check(load)


class DiskFailure(OnDisks):
    def test_a_failed_flush_ends_the_node(self):
        """It says why, the others go on, and it comes back without loss."""
        load = self.load()
        for n in (eventually(self.cluster.leads),
                  eventually(self.cluster.leads) % self.nodes + 1):
            self.cut_power(None, n)
            self.more[n] = {"fail_sync": 40}
            self.cluster.launch(n)
            process = self.cluster.processes[n].process
            eventually(lambda process=process: process.poll() is not None)
            self.assertEqual(process.returncode, 1, self.cluster.said(n))
            process.wait()
            self.cluster.processes[n].kill()
            self.assertRegex(self.cluster.said(n), r"debros: .*(log|disk|storage)")
            load.more()
            self.disks[n].lose_power()
            self.more.clear()
            self.cluster.start(n)
            load.more()
        self.check(load)


class Beginning(FolderCase):
    def test_a_cluster_that_was_made_is_there(self):
        """`init` has succeeded: the folder is good, whatever comes."""
        folder = os.path.join(self.folder, "cluster")
        os.mkdir(folder)
        disk = Disk(folder + "/node1", folder + "/journal1")
        done = run("init", "--data-dir", folder + "/node1", **disk.variables())
        self.assertEqual(done.returncode, 0, done.stderr)
        disk.lose_power()
        nodes = Nodes(folder, 1, env=lambda n: disk.variables())
        self.addCleanup(nodes.stop)
        nodes.start()
        nodes.query(1, "CREATE TABLE t(a)")
        nodes.kill(1)
        disk.lose_power()
        nodes.start()
        nodes.query(1, "INSERT INTO t VALUES (1)")


if __name__ == "__main__":
    main()
