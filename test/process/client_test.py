"""A light client whose member is killed in the middle of its writes goes on with another
one that it was never told of: nothing acknowledged is lost, nothing happens twice."""
import os
import signal
import subprocess
import time
import unittest

import history
from harness import ClusterCase

WRITES = 1000
WRITERS = 8
TIMEOUT = 120


class Client(ClusterCase):
    def start_load(self, node):
        """The client gets one address: that of `node`."""
        key = os.path.join(self.cluster.dir(node), "operator.key")
        load = subprocess.Popen(
            [os.environ["DEBROS_LOAD"], key, "0", str(WRITERS), "1", "20000", "all",
             self.cluster.read(node, "peer.info")],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        self.enterContext(load)
        self.addCleanup(load.kill)
        return load

    def read_until(self, load, lines, acknowledged):
        end = time.monotonic() + TIMEOUT
        done = len(history.acknowledged(history.parse(lines)[0]))
        while done < acknowledged:
            self.assertLess(time.monotonic(), end, f"{done} of {acknowledged} writes")
            line = load.stdout.readline()
            self.assertTrue(line.endswith("\n"), "the load has ended")
            lines.append(line)
            done += line.startswith("W") and line.split()[5] == "0"

    def kill_its_member(self, n):
        """Returns the node to be asked afterwards."""
        cluster, other = self.cluster, n % 3 + 1
        load, lines = self.start_load(n), []
        self.read_until(load, lines, WRITES // 2)
        os.kill(cluster.pid(n), signal.SIGKILL)
        self.read_until(load, lines, WRITES)
        load.stdin.close()
        lines += load.stdout.readlines()  # communicate() forgets what readline() has buffered
        errors = load.stderr.read()
        writes, reads = history.parse(lines)
        rows = [(row["writer"], row["n"]) for row in
                cluster.query(other, "SELECT writer, n FROM load ORDER BY rowid")]
        self.assertEqual(history.check(writes, reads), [], errors)
        self.assertEqual(history.check_rows(writes, rows), [], errors)
        cluster.restart(n)
        cluster.wait_applied(n, cluster.status(other)["applied_index"])
        cluster.query(other, "DELETE FROM load")
        cluster.query(other, "DELETE FROM latest")

    def test_its_member_is_killed(self):
        cluster = self.cluster
        cluster.query(1, "CREATE TABLE load(writer, n)")
        cluster.query(1, "CREATE TABLE latest(writer PRIMARY KEY, n)")
        leader = cluster.leader()
        self.kill_its_member(leader)
        self.kill_its_member(cluster.leader() % 3 + 1)


if __name__ == "__main__":
    unittest.main(verbosity=2)
