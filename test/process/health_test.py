"""A node measures itself, says so, and goes on serving what it can."""
import json
import os
import signal
import subprocess
import time
import unittest

from harness import ClusterCase, Cluster, FolderCase, Process, run

CODES = {"healthy": 0, "degraded": 5, "unhealthy": 1}
# What the machine at hand decides: other work on it may stop the loop or slow the disk.
OF_THE_MACHINE = ("loop_lag", "disk_flush", "disk_free")


def health(cluster, n):
    done = cluster.run(n, "health", "-o", "json")
    if done.stdout == "":
        raise AssertionError(f"no answer of node{n}: {done.returncode} {done.stderr}")
    answer = json.loads(done.stdout)
    assert done.returncode == CODES[answer["status"]], done
    return answer


def wait_until(what, condition, timeout=90):
    end = time.monotonic() + timeout
    while True:
        answer = what()
        if condition(answer):
            return answer
        if time.monotonic() > end:
            raise AssertionError(f"never: {json.dumps(answer, indent=1)}")
        time.sleep(0.2)


def is_well(answer):
    return all(check["status"] == "healthy" for name, check in answer["checks"].items()
               if name not in OF_THE_MACHINE)


def has(name, state):
    return lambda answer: answer["checks"][name]["status"] == state


class Health(ClusterCase):
    def wait(self, n, condition, timeout=90):
        return wait_until(lambda: health(self.cluster, n), condition, timeout)

    def followers(self, leader):
        return [n for n in self.cluster.numbers() if n != leader]

    def test_a_calm_cluster(self):
        for n in self.cluster.numbers():
            answer = self.wait(n, is_well)
            self.assertEqual(len(answer["checks"]), 9)
            self.assertEqual(answer["node_id"], self.cluster.status(n)["node_id"])
            self.assertGreater(answer["response_time_ms"], 0)
            self.assertRegex(answer["last_updated"], r"^\d{4}-\d\d-\d\dT[\d:.]+Z$")
            self.assertEqual(answer["checks"]["quorum"]["value"], 3)
            self.assertEqual(answer["checks"]["peers"]["value"], 2)
        status = self.cluster.status(1)
        self.assertEqual((status["members"], status["voters"], status["standbys"]), (3, 3, 0))
        self.assertIn(status["health"], CODES)

    def test_for_people_and_in_lines(self):
        text = self.cluster.run(1, "health").stdout
        self.assertRegex(text, r"^(healthy|degraded): 12D3KooW")
        self.assertRegex(text, r"quorum +healthy +3 voters +>= 3 voters")
        lines = self.cluster.run(1, "health", "-o", "jsonl").stdout.splitlines()
        self.assertEqual(json.loads(lines[4])["check"], "quorum")

    def test_stopped_processes_are_out_of_reach(self):
        for n in self.cluster.numbers():
            self.wait(n, is_well)
        leader = self.cluster.leader()
        one, two = (self.cluster.pid(n) for n in self.followers(leader))
        try:
            os.kill(one, signal.SIGSTOP)
            answer = self.wait(leader, has("quorum", "degraded"), 30)
            self.assertIn("2 of 3 voters can be reached", answer["checks"]["quorum"]["reason"])
            os.kill(two, signal.SIGSTOP)
            answer = self.wait(leader, has("leader_contact", "unhealthy"), 60)
            self.assertEqual(answer["status"], "unhealthy")
            # It serves what it can.
            self.assertEqual(self.cluster.run(leader, "query", "SELECT 1", "--level",
                                              "none").returncode, 0)
        finally:
            os.kill(one, signal.SIGCONT)
            os.kill(two, signal.SIGCONT)
        for n in self.cluster.numbers():
            self.wait(n, is_well)
        stopped = self.followers(leader)[0]
        lag = health(self.cluster, stopped)["checks"]["loop_lag"]
        self.assertEqual(lag["status"], "degraded")
        self.assertGreater(lag["value"], 1000000)
        self.assertIn("stood still", lag["reason"])

    def test_no_node_answers(self):
        self.fails(run("health", "--node", os.path.join(self.folder, "nowhere")), 5)


class Survivor(FolderCase):
    def test_it_is_honest_and_serves_what_it_can(self):
        cluster = Cluster(os.path.join(self.folder, "cluster"), 3).start()
        self.addCleanup(cluster.stop)
        cluster.query(1, "CREATE TABLE t(a)")
        index = cluster.query(1, "INSERT INTO t VALUES (7)")["index"]
        for n in cluster.numbers():
            cluster.wait_applied(n, index)
        for n in (2, 3):
            os.kill(cluster.pid(n), signal.SIGKILL)
        answer = wait_until(lambda: health(cluster, 1), has("leader_contact", "unhealthy"))
        self.assertEqual(answer["status"], "unhealthy")
        self.assertEqual(answer["checks"]["quorum"]["value"], 1)
        self.assertIn("wait until 2 can", answer["checks"]["quorum"]["reason"])
        self.assertEqual(answer["checks"]["peers"]["status"], "degraded")
        self.assertEqual(cluster.query(1, "SELECT a FROM t", "--level", "none"), [{"a": 7}])
        done = cluster.run(1, "query", "INSERT INTO t VALUES (8)", "--timeout", "2s")
        self.assertEqual(done.returncode, 5, done.stderr)
        for n in (2, 3):
            cluster.restart(n)
        for n in cluster.numbers():
            wait_until(lambda n=n: health(cluster, n), is_well)


class FullDisk(FolderCase):
    """A small file system of its own, where the rights suffice."""

    def setUp(self):
        self.disk = os.path.join(self.folder, "disk")
        os.mkdir(self.disk)
        mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", self.disk],
                                 capture_output=True, check=False)
        if mounted.returncode != 0:
            self.skipTest("no right to mount a file system: " + mounted.stderr.decode())
        self.addCleanup(subprocess.run, ["umount", "-l", self.disk], check=False)

    def fill(self):
        with open(os.path.join(self.disk, "filler"), "wb", buffering=0) as file:
            try:
                while True:
                    file.write(bytes(1 << 16))
            except OSError:
                pass

    def test_writes_wait_and_go_on(self):
        folder = os.path.join(self.disk, "node")
        self.assertEqual(run("init", "--data-dir", folder).returncode, 0)
        node = self.node(folder)
        cluster = Cluster(self.disk)
        cluster.dir = lambda n: folder
        cluster.query(1, "CREATE TABLE t(a)")
        free = health(cluster, 1)["checks"]["disk_free"]
        self.assertEqual(free["status"], "degraded")
        self.assertLess(free["value"], 96 << 20)
        self.fill()

        def write():
            run("query", "--node", folder, "--timeout", "300ms",
                "INSERT INTO t VALUES (zeroblob(900000))")
            return health(cluster, 1)

        answer = wait_until(write, has("disk_writes", "unhealthy"))
        self.assertEqual(answer["status"], "unhealthy")
        self.assertEqual(cluster.run(1, "query", "SELECT count(*) FROM t", "--level",
                                     "none").returncode, 0)
        os.unlink(os.path.join(self.disk, "filler"))
        wait_until(lambda: health(cluster, 1), has("disk_writes", "healthy"))
        cluster.query(1, "INSERT INTO t VALUES (1)")
        self.assertEqual(node.stop(), 0)
        self.assertRegex("".join(node.stderr), "there is room (in|for)")


class InUse(FolderCase):
    """Two nodes want one thing: each error says which, and who has it."""

    def test_a_folder(self):
        folder = os.path.join(self.folder, "folder")
        run("init", "--data-dir", folder)
        node = self.node(folder)
        done = run("node", "--data-dir", folder)
        self.fails(done, 5, f"data folder '{folder}' is in use by another node",
                   f"process {node.process.pid}")
        self.assertNotIn("port", done.stderr)

    def test_a_port(self):
        first, second = (os.path.join(self.folder, name) for name in ("first", "second"))
        run("init", "--data-dir", first)
        run("init", "--data-dir", second)
        node = self.node(first)
        address = node.stdout[0].split()[1].split("/p2p/")[0]
        port = address.split("/")[-1]
        done = run("node", "--data-dir", second, "--listen", address)
        self.fails(done, 5, f"port {port} on 127.0.0.1 is in use by another program")
        self.assertNotIn("data folder", done.stderr)


class Logs(FolderCase):
    def start(self, *flags):
        folder = os.path.join(self.folder, self.id().rsplit(".", 1)[-1])
        run("init", "--data-dir", folder)
        process = Process("node", "--data-dir", folder, *flags)
        self.addCleanup(process.kill)
        return folder, process.wait_ready()

    def test_lines_for_programs(self):
        _, node = self.start("--log-format", "json")
        self.assertEqual(node.stop(), 0)
        records = [json.loads(line) for line in node.stderr]
        self.assertTrue(records)
        for record in records:
            self.assertEqual(list(record), ["time", "level", "module", "peer", "message"])
            self.assertEqual(record["level"], "info")
        messages = [record["message"] for record in records]
        self.assertTrue(any(m.startswith("starts: version") for m in messages), messages)
        self.assertTrue(any(m.startswith("listens on /ip4/") for m in messages), messages)
        self.assertTrue(any(m.startswith("leads the cluster") for m in messages), messages)
        self.assertEqual(messages[-1], "has stopped")

    def test_a_file_and_its_rotation(self):
        log = os.path.join(self.folder, "node.log")
        folder, node = self.start("--log-file", log, "--log-level", "debug")
        os.rename(log, log + ".1")
        node.process.send_signal(signal.SIGHUP)
        end = time.monotonic() + 30
        while not os.path.exists(log) and time.monotonic() < end:
            time.sleep(0.05)
        self.assertEqual(run("status", "--node", folder).returncode, 0)
        self.assertEqual(node.stop(), 0)
        with open(log + ".1", encoding="utf-8") as file:
            self.assertIn("starts: version", file.read())
        with open(log, encoding="utf-8") as file:
            self.assertIn("has stopped", file.read())
        self.assertEqual(node.stderr, [])

    def test_a_level(self):
        _, node = self.start("--log-level", "error")
        self.assertEqual(node.stop(), 0)
        self.assertEqual(node.stderr, [])
        self.assertEqual(run("node", "--data-dir", "x", "--log-level", "loud").returncode, 2)
        self.assertEqual(run("node", "--data-dir", "x", "--log-format", "xml").returncode, 2)

    def test_without_a_file_a_hangup_ends_the_node(self):
        _, node = self.start()
        self.assertEqual(node.stop(signal.SIGHUP), 0)

    def test_a_file_that_cannot_be_opened(self):
        folder = os.path.join(self.folder, "unopened")
        run("init", "--data-dir", folder)
        self.fails(run("node", "--data-dir", folder, "--log-file", "/nonexistent/log"), 1,
                   "/nonexistent/log")


if __name__ == "__main__":
    unittest.main(verbosity=2)
