"""Runs the program `debros` as a user would: processes, files and exit codes only."""
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

DEBROS = os.environ.get("DEBROS", "debros")
START_TIMEOUT = 120


def environment(**more):
    """This process's environment without what would change a command's meaning."""
    kept = {k: v for k, v in os.environ.items()
            if not k.startswith("DEBROS_") and k not in
            ("LOG_LEVEL", "ENVIRONMENT", "BOOTSTRAP_PEERS", "BOOTSTRAP_PORT")}
    return {**kept, **more}


def run(*args, stdin=None, timeout=120, inside=(), **env):
    """Runs debros to its end; stdout and stderr are text, without changed newlines."""
    done = subprocess.run([*inside, DEBROS, *map(str, args)], input=stdin and stdin.encode(),
                          stdin=None if stdin else subprocess.DEVNULL,
                          capture_output=True, timeout=timeout, env=environment(**env),
                          check=False)
    done.stdout = done.stdout.decode()
    done.stderr = done.stderr.decode()
    return done


class Process:
    """A debros that goes on running: its output is gathered by threads."""

    def __init__(self, *args, inside=(), **env):
        """`inside` are the words of a command that runs debros, such as nsenter's."""
        self.process = subprocess.Popen([*inside, DEBROS, *map(str, args)],
                                        env=environment(**env), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        text=True)
        self.stdout, self.stderr = [], []
        self.threads = [threading.Thread(target=self._gather, args=pair, daemon=True)
                        for pair in ((self.process.stdout, self.stdout),
                                     (self.process.stderr, self.stderr))]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def _gather(stream, lines):
        for line in stream:
            lines.append(line)

    def wait_ready(self):
        end = time.monotonic() + START_TIMEOUT
        while not any(line.startswith("ready") for line in self.stdout):
            if self.process.poll() is not None or time.monotonic() > end:
                code = self.process.poll()
                self.kill()
                raise AssertionError(f"not ready (exit code {code}): "
                                     + "".join(self.stderr[-20:]))
            time.sleep(0.02)
        return self

    def stop(self, number=signal.SIGTERM, timeout=30):
        """Sends the signal and returns the exit code."""
        self.process.send_signal(number)
        try:
            code = self.process.wait(timeout)
        finally:
            self.kill()
        return code

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        for thread in self.threads:
            thread.join()
        self.process.stdout.close()
        self.process.stderr.close()


class Members:
    """Nodes in FOLDER/node1, FOLDER/node2, ...: what can be asked of them."""

    def __init__(self, folder, nodes):
        self.folder, self.nodes = folder, nodes

    def dir(self, n):
        return os.path.join(self.folder, f"node{n}")

    def read(self, n, name):
        with open(os.path.join(self.dir(n), name), encoding="utf-8") as file:
            return file.read().strip()

    def pid(self, n):
        return int(self.read(n, "node.pid"))

    def numbers(self):
        return range(1, self.nodes + 1)

    def run(self, n, command, *args, **more):
        return run(command, "--node", self.dir(n), *args, **more)

    def json(self, n, command, *args, **more):
        done = self.run(n, command, "-o", "json", *args, **more)
        if done.returncode != 0:
            raise AssertionError(f"{command} {args}: exit {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def query(self, n, sql, *params, **more):
        return self.json(n, "query", sql, *params, **more)

    def cell(self, n, sql, *params):
        return list(self.query(n, sql, *params)[0].values())[0]

    def status(self, n):
        return self.json(n, "status")

    def leader(self):
        for n in self.numbers():
            if self.status(n)["role"] == "leader":
                return n
        raise AssertionError("no node says that it leads")

    def wait_applied(self, n, index, timeout=60):
        end = time.monotonic() + timeout
        while True:
            done = self.run(n, "status", "-o", "json")
            applied = json.loads(done.stdout)["applied_index"] if done.returncode == 0 else -1
            if applied >= index:
                return
            if time.monotonic() > end:
                raise AssertionError(f"node{n} applied {applied} of {index}")
            time.sleep(0.05)


class Cluster(Members):
    """`debros dev` in a folder."""

    def __init__(self, folder, nodes=3, **flags):
        super().__init__(folder, nodes)
        self.flags = flags
        self.dev = None
        self.extra = []  # nodes that a test started again

    def start(self):
        args = ["dev", "--nodes", self.nodes, "--data-dir", self.folder]
        for name, value in self.flags.items():
            args += ["--" + name.replace("_", "-"), value]
        self.dev = Process(*args).wait_ready()
        return self

    def stop(self):
        for process in self.extra:
            process.stop()
        self.extra = []
        dev, self.dev = self.dev, None
        return dev.stop() if dev else None

    def restart(self, n):
        process = Process("node", "--data-dir", self.dir(n)).wait_ready()
        self.extra.append(process)


class FolderCase(unittest.TestCase):
    """A test with a folder of its own, kept when DEBROS_KEEP is set."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="debros-test-")
        if not os.environ.get("DEBROS_KEEP"):
            cls.addClassCleanup(shutil.rmtree, cls.folder, ignore_errors=True)

    def node(self, folder):
        """A node that runs until the test ends, if not stopped before."""
        process = Process("node", "--data-dir", folder)
        self.addCleanup(process.kill)
        return process.wait_ready()

    def fails(self, done, code, *words):
        """The command ended with `code`, and its stderr says `words`."""
        self.assertEqual(done.returncode, code, done.stderr)
        self.assertEqual(done.stdout, "")
        self.assertTrue(any(line.startswith("debros: ") for line in
                            done.stderr.splitlines()), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)


class ClusterCase(FolderCase):
    """Tests that share one cluster."""
    nodes = 3

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cluster = Cluster(os.path.join(cls.folder, "cluster"), cls.nodes)
        cls.addClassCleanup(cls.cluster.stop)
        cls.cluster.start()
