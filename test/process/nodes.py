"""Nodes that a test starts, kills and looks after one by one, and load upon them."""
import os
import signal
import subprocess
import threading
import time
import unittest

import history
from harness import FolderCase, Members, Process, environment, run
from namespaces import Network, address

LOAD = os.environ.get("DEBROS_LOAD", "load")
PATIENCE = 120  # seconds until what must happen is called a failure
TABLES = ("CREATE TABLE IF NOT EXISTS load(writer, n)",
          "CREATE TABLE IF NOT EXISTS latest(writer INTEGER PRIMARY KEY, n)")


def eventually(what, *args, timeout=PATIENCE):
    """Waits until what(*args) is true; an AssertionError counts as false. Returns it."""
    end = time.monotonic() + timeout
    while True:
        try:
            outcome, error = what(*args), None
        except AssertionError as caught:
            outcome, error = None, caught
        if outcome:
            return outcome
        if time.monotonic() > end:
            raise AssertionError(f"not in {timeout} s: {what.__name__}{args}: {error}")
        time.sleep(0.1)


class Nodes(Members):
    """`debros node` in FOLDER/node1 to FOLDER/nodeN, each in its namespace of `network` if
    there is one; `env(n)` gives the variables of node n."""

    def __init__(self, folder, nodes=3, network=None, env=lambda n: {}):
        super().__init__(folder, nodes)
        self.network, self.env = network, env
        self.processes = {}

    def listen(self, n):
        host = address(n) if self.network else "127.0.0.1"
        return f"/ip4/{host}/tcp/0"

    def launch(self, n, *more):
        """Starts node n without waiting for it."""
        inside = self.network.inside(n) if self.network else ()
        self.processes[n] = Process("node", "--data-dir", self.dir(n), "--listen",
                                    self.listen(n), *more, inside=inside, **self.env(n))

    def create(self):
        """A new cluster in which three nodes vote."""
        done = run("init", "--data-dir", self.dir(1), **self.env(1))
        if done.returncode != 0:
            raise AssertionError(f"init: {done.stderr}")
        self.launch(1)
        self.processes[1].wait_ready()
        for n in list(self.numbers())[1:]:
            self.launch(n, "--invite", run("invite", "--node", self.dir(1)).stdout.strip())
            self.processes[n].wait_ready()
        eventually(self.has_voters)
        for sql in TABLES:
            self.query(1, sql)
        return self

    def has_voters(self):
        roles = [self.status(n)["role"] for n in self.numbers()]
        return sum(role in ("leader", "follower") for role in roles) >= min(3, self.nodes)

    def start(self, *numbers):
        """Starts nodes again, all at once: one alone has no quorum."""
        for n in numbers or self.numbers():
            self.launch(n)
        for n in numbers or self.numbers():
            self.processes[n].wait_ready()

    def signal(self, number, *nodes):
        for n in nodes or self.numbers():
            self.processes[n].process.send_signal(number)

    def kill(self, *nodes):
        self.signal(signal.SIGKILL, *nodes)
        for n in nodes or self.numbers():
            self.processes[n].kill()

    def running(self):
        return [n for n in self.processes if self.processes[n].process.poll() is None]

    def stop(self):
        """SIGTERM to all that run. Returns their exit codes."""
        running = self.running()
        self.signal(signal.SIGCONT, *running) if running else None
        return [self.processes[n].stop() for n in reversed(running)]

    def said(self, n):
        return "".join(self.processes[n].stderr)

    def writes(self, n, timeout="20s"):
        """Whether a write through node n is acknowledged."""
        return self.run(n, "query", "--timeout", timeout,
                        "UPDATE latest SET n = n WHERE writer = -1").returncode == 0

    def rows(self, n, writers, level="none"):
        """What these writers inserted, in the order of insertion."""
        rows, last = [], -1
        while last is not None:  # an answer has at most 16 MiB
            part = self.query(n, "SELECT rowid AS id, writer, n FROM load WHERE rowid > ? AND "
                              "writer BETWEEN ? AND ? ORDER BY rowid LIMIT 50000",
                              last, writers[0], writers[-1], "--level", level)
            rows += [(row["writer"], row["n"]) for row in part]
            last = part[-1]["id"] if part else None
        return rows

    def leads(self, *among):
        """The node of `among` that leads and that a majority follows: it answers."""
        for n in among or self.numbers():
            done = self.run(n, "query", "SELECT 1", "--timeout", "5s")
            if done.returncode == 0 and self.status(n)["role"] == "leader":
                return n
        return None

    def settle(self, timeout=PATIENCE):
        """Waits until every node has applied what is committed now."""
        eventually(self.writes, 1, timeout=timeout)
        goal = max(self.status(n)["applied_index"] for n in self.numbers())
        for n in self.numbers():
            self.wait_applied(n, goal, timeout)


class Load:
    """load.c, `writers` of them for each node that it talks to first."""
    first = 0  # no writer is used twice: what one of them sent may come late

    def __init__(self, nodes, writers=3, pace_ms=10, timeout_ms=4000, mode="move", at=None):
        self.lines, self.words, self.programs, self.threads = [], [], [], []
        numbers = list(nodes.numbers())
        addresses = [nodes.read(n, "peer.info").splitlines()[0] for n in numbers]
        self.writers = range(Load.first, Load.first + writers * len(at or numbers))
        Load.first = self.writers.stop
        for i, n in enumerate(at or numbers):
            turned = addresses[n - 1:] + addresses[:n - 1]
            program = subprocess.Popen(
                [LOAD, os.path.join(nodes.dir(n), "operator.key"),
                 str(self.writers[i * writers]), str(writers), str(pace_ms), str(timeout_ms), mode, *turned],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                text=True, env=environment())
            self.programs.append(program)
            for stream, lines in ((program.stdout, self.lines), (program.stderr, self.words)):
                self.threads.append(threading.Thread(target=self._gather,
                                                     args=(stream, lines), daemon=True))
                self.threads[-1].start()

    @staticmethod
    def _gather(stream, lines):
        for line in stream:
            lines.append(line)

    def count(self):
        """Acknowledged writes up to now."""
        return len(history.acknowledged(history.parse(list(self.lines))[0]))

    def more(self, n=20, timeout=PATIENCE):
        """Waits until n further writes are acknowledged."""
        goal = self.count() + n

        def acknowledged():
            assert all(program.poll() is None for program in self.programs), self.words[-5:]
            return self.count() >= goal
        eventually(acknowledged, timeout=timeout)

    def finish(self):
        """Ends the load. Returns writes and reads."""
        for program in self.programs:
            program.stdin.close()
        codes = [program.wait(PATIENCE) for program in self.programs]
        for thread in self.threads:
            thread.join()
        if any(codes):
            raise AssertionError(f"load ended with {codes}: {self.words[-5:]}")
        writes, reads = history.parse(self.lines)
        for read in reads:
            for writer in set(read.seen) - set(self.writers):
                del read.seen[writer]
        return writes, reads

    def kill(self):
        for program in self.programs:
            program.kill()
            program.wait()
        for thread in self.threads:
            thread.join()
        for program in self.programs:
            for stream in (program.stdin, program.stdout, program.stderr):
                stream.close()


class NodesCase(FolderCase):
    """Tests that share `nodes` processes, with `network = True` in namespaces."""
    nodes = 3
    network = False
    env = staticmethod(lambda n: {})
    kind = Nodes

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        net = None
        if cls.network:
            net = Network(cls.nodes)
            cls.addClassCleanup(net.close)
        cls.net = net
        cls.cluster = cls.kind(os.path.join(cls.folder, "cluster"), cls.nodes, net, cls.env)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.create()

    def setUp(self):
        self.cluster.settle()

    def load(self, **more):
        load = Load(self.cluster, **more)
        self.addCleanup(load.kill)
        load.more()
        return load

    def none(self, problems):
        if problems:
            self.fail(f"{len(problems)} problems:\n" + "\n".join(problems[:5]))

    def same_rows(self, writers):
        """A write of unknown outcome may still be on its way to one of the nodes."""
        held = [self.cluster.rows(n, writers) for n in self.cluster.numbers()]
        self.assertTrue(all(rows == held[0] for rows in held), list(map(len, held)))
        return held[0]

    def check(self, load):
        """The load's history is sound, and every node holds exactly what it says."""
        writes, reads = load.finish()
        problems = history.check(writes, reads)
        self.none(problems)
        self.assertGreater(len([read for read in reads if read.status == 0]), 0)
        self.cluster.settle()
        rows = eventually(self.same_rows, load.writers)
        self.none(history.check_rows(writes, rows))
        return writes, reads


def main():
    unittest.main(verbosity=2, failfast=bool(os.environ.get("DEBROS_KEEP")))
