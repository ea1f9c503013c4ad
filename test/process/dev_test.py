"""debros dev: up, down, up again with the same data and ports."""
import os
import signal
import time
import unittest

from harness import Cluster, FolderCase, run


def is_alive(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


class Dev(FolderCase):
    def cluster(self, name, **flags):
        cluster = Cluster(os.path.join(self.folder, name), **flags)
        self.addCleanup(cluster.stop)
        return cluster.start()

    def test_restart_keeps_data_and_ports(self):
        cluster = self.cluster("restart")
        cluster.query(1, "CREATE TABLE t(a)")
        cluster.query(2, "INSERT INTO t VALUES (?)", "kept")
        addresses = [cluster.read(n, "peer.info") for n in cluster.numbers()]
        pids = [cluster.pid(n) for n in cluster.numbers()]
        self.assertEqual(len(set(pids)), 3)
        self.assertEqual(sum(line.startswith("ready") for line in cluster.dev.stdout), 1)

        self.assertEqual(cluster.stop(), 0)
        self.assertFalse(any(map(is_alive, pids)))
        for n in cluster.numbers():
            self.assertFalse(os.path.exists(os.path.join(cluster.dir(n), "node.pid")))

        cluster.start()
        self.assertEqual(addresses, [cluster.read(n, "peer.info") for n in cluster.numbers()])
        for n in cluster.numbers():
            self.assertEqual(cluster.cell(n, "SELECT a FROM t"), "kept")

    def test_each_node_answers_and_three_vote(self):
        cluster = self.cluster("five", nodes=5)
        roles = [cluster.status(n)["role"] for n in cluster.numbers()]
        self.assertEqual(roles.count("leader"), 1, roles)
        self.assertGreaterEqual(sum(r in ("leader", "follower") for r in roles), 3, roles)
        for n in cluster.numbers():
            self.assertEqual(cluster.cell(n, "SELECT 1"), 1)

    def test_one_node_is_a_cluster(self):
        cluster = self.cluster("one", nodes=1)
        self.assertEqual(cluster.status(1)["role"], "leader")

    def test_a_dead_node_is_told_and_the_others_go_on(self):
        cluster = self.cluster("dead")
        follower = cluster.leader() % 3 + 1
        pid = cluster.pid(follower)
        os.kill(pid, signal.SIGKILL)
        end = time.monotonic() + 10
        while not any(str(pid) in line for line in cluster.dev.stderr):
            self.assertLess(time.monotonic(), end, cluster.dev.stderr)
            time.sleep(0.05)
        self.assertEqual(cluster.cell(follower % 3 + 1, "SELECT 1"), 1)
        self.assertEqual(cluster.stop(), 0)

    def test_interrupt_stops_all(self):
        cluster = self.cluster("interrupt")
        pids = [cluster.pid(n) for n in cluster.numbers()]
        dev, cluster.dev = cluster.dev, None
        self.assertEqual(dev.stop(signal.SIGINT), 0)
        self.assertFalse(any(map(is_alive, pids)))


class Node(FolderCase):
    def test_init_node_stop(self):
        folder = os.path.join(self.folder, "node")
        done = run("init", "--data-dir", folder)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.fails(run("init", "--data-dir", folder), 6)
        node = self.node(folder)
        with open(os.path.join(folder, "peer.info"), encoding="utf-8") as file:
            address = file.read().strip()
        self.assertIn(address, node.stdout[0])
        self.assertIn("/p2p/", address)
        by_address = run("query", "--node", address, "SELECT 7 AS n", "-o", "csv",
                         DEBROS_IDENTITY=os.path.join(folder, "operator.key"))
        self.assertEqual(by_address.stdout, "n\r\n7\r\n", by_address.stderr)
        self.assertEqual(node.stop(), 0)
        self.assertFalse(os.path.exists(os.path.join(folder, "node.pid")))

    def test_invite_and_join(self):
        first, second = (os.path.join(self.folder, name) for name in ("first", "second"))
        self.assertEqual(run("init", "--data-dir", first).returncode, 0)
        nodes = [self.node(first)]
        try:
            invite = run("invite", "--node", first)
            self.assertEqual(invite.returncode, 0, invite.stderr)
            joined = run("join", invite.stdout.strip(), "--data-dir", second)
            self.assertEqual(joined.returncode, 0, joined.stderr)
            again = run("join", invite.stdout.strip(),
                        "--data-dir", os.path.join(self.folder, "third"))
            self.assertNotEqual(again.returncode, 0, "an invite works once")
            nodes.append(self.node(second))
            key = os.path.join(first, "operator.key")
            done = run("query", "--node", second, "--identity", key, "SELECT 1", "-o", "csv")
            self.assertEqual(done.stdout, "1\r\n1\r\n", done.stderr)
        finally:
            for node in reversed(nodes):
                node.stop()


if __name__ == "__main__":
    unittest.main(verbosity=2)
