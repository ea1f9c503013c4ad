"""SIGKILL of the leader under load: what was acknowledged is there, row by row."""
import os
import signal
import threading
import time
import unittest

from harness import ClusterCase

CLIENTS = 4
LOAD_SECONDS = 4


class Load(threading.Thread):
    """Inserts (client, 0), (client, 1), ... and notes what was acknowledged."""

    def __init__(self, cluster, client, ending):
        super().__init__()
        self.cluster, self.client, self.ending = cluster, client, ending
        self.acknowledged, self.unknown = [], []

    def run(self):
        node, n = self.client % 3 + 1, 0
        while not self.ending.is_set():
            done = self.cluster.run(node, "query", "--timeout", "20s",
                                    "INSERT INTO load VALUES (?, ?)", self.client, n)
            if done.returncode == 0:
                self.acknowledged.append(n)
            else:
                self.unknown.append((n, done.returncode, done.stderr))
                node = node % 3 + 1
            n += 1


class Failover(ClusterCase):
    def test_no_acknowledged_row_is_lost(self):
        cluster = self.cluster
        cluster.query(1, "CREATE TABLE load(client, n, PRIMARY KEY(client, n))")
        ending = threading.Event()
        loads = [Load(cluster, client, ending) for client in range(CLIENTS)]
        for load in loads:
            load.start()
        time.sleep(LOAD_SECONDS / 2)
        killed = cluster.leader()
        before = sum(len(load.acknowledged) for load in loads)
        os.kill(cluster.pid(killed), signal.SIGKILL)
        time.sleep(LOAD_SECONDS)
        ending.set()
        for load in loads:
            load.join()
        after = sum(len(load.acknowledged) for load in loads)
        self.assertGreater(before, 0)
        self.assertGreater(after, before, [load.unknown for load in loads])
        self.check_rows(loads, killed % 3 + 1)
        self.catch_up(loads, killed, killed % 3 + 1)

    def check_rows(self, loads, node, *flags):
        rows = {(row["client"], row["n"]) for row in
                self.cluster.query(node, "SELECT client, n FROM load", *flags)}
        for load in loads:
            for n in load.acknowledged:
                self.assertIn((load.client, n), rows, "acknowledged, and lost")
        sent = {(load.client, n) for load in loads
                for n in load.acknowledged + [unknown[0] for unknown in load.unknown]}
        self.assertLessEqual(rows, sent)

    def catch_up(self, loads, killed, other):
        cluster = self.cluster
        cluster.query(other, "INSERT INTO load VALUES (-1, -1)")
        cluster.query(other, "DELETE FROM load WHERE client = -1")
        goal = cluster.status(other)["applied_index"]
        address = cluster.read(killed, "peer.info")
        cluster.restart(killed)
        self.assertEqual(cluster.read(killed, "peer.info"), address)
        cluster.wait_applied(killed, goal)
        self.check_rows(loads, killed, "--level", "none")
        self.check_rows(loads, killed)


if __name__ == "__main__":
    unittest.main(verbosity=2)
