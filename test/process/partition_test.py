"""Real nodes, each in a network namespace of its own, whose links are cut and healed."""
import os
import time

import namespaces
from nodes import NodesCase, eventually, main

LONG = os.environ.get("DEBROS_LONG")  # scripts/soak sets it
FLAPS = 20 if LONG else 4


class Partition(NodesCase):
    network = True

    def setUp(self):
        super().setUp()
        self.addCleanup(self.net.heal)

    def ask(self, n, *args):
        """Asks from n's own namespace: from elsewhere a client finds its way around n."""
        return self.cluster.run(n, "query", *args, inside=self.net.inside(n))

    def refuses(self, n):
        """Node n answers in time that it cannot serve, and reads what it holds."""
        for sql in ("UPDATE latest SET n = n", "SELECT count(*) FROM load"):
            began = time.monotonic()
            self.fails(self.ask(n, sql, "--timeout", "2s"), 5)
            self.assertLess(time.monotonic() - began, 20)
        held = self.ask(n, "SELECT count(*) AS n FROM load", "--level", "none", "-o", "csv")
        self.assertEqual(held.returncode, 0, held.stderr)
        self.assertGreater(int(held.stdout.split()[1]), 0)

    def isolate(self, some):
        load = self.load()
        others = self.net.without(some)
        self.net.partition(some, others)
        self.assertTrue(eventually(self.cluster.leads, *others))
        load.more()
        for n in some:
            eventually(lambda n=n: self.ask(n, "SELECT 1", "--timeout", "2s").returncode == 5)
            self.refuses(n)
        load.more()
        self.net.heal()
        load.more()
        self.check(load)

    def test_the_leader_alone(self):
        self.isolate([eventually(self.cluster.leads)])

    def test_a_follower_alone(self):
        self.isolate([eventually(self.cluster.leads) % self.nodes + 1])

    def test_nobody_hears_the_leader(self):
        leader = eventually(self.cluster.leads)
        load = self.load()
        self.net.cut_one_way([leader], self.net.without([leader]))
        eventually(self.cluster.leads, *self.net.without([leader]))
        load.more()
        self.net.heal()
        self.check(load)

    def test_the_leader_hears_nobody(self):
        leader = eventually(self.cluster.leads)
        load = self.load()
        self.net.cut_one_way(self.net.without([leader]), [leader])
        eventually(self.cluster.leads, *self.net.without([leader]))
        load.more()
        self.net.heal()
        self.check(load)

    def test_a_link_that_flaps(self):
        load = self.load()
        for _ in range(FLAPS):
            leader = eventually(self.cluster.leads)
            self.net.partition([leader], [leader % self.nodes + 1])
            time.sleep(1.5)
            self.net.heal()
            time.sleep(0.5)
        load.more()
        self.check(load)


class FiveNodes(NodesCase):
    network = True
    nodes = 5

    def test_the_voters_are_cut_off(self):
        """Nobody has a majority until the links are back."""
        self.addCleanup(self.net.heal)
        load = self.load()
        voters = [n for n in self.cluster.numbers()
                  if self.cluster.status(n)["role"] in ("leader", "follower")]
        for n in voters:
            self.net.partition([n], self.net.without([n]))
        for n in self.cluster.numbers():
            eventually(lambda n=n: self.cluster.run(
                n, "query", "SELECT 1", "--timeout", "2s").returncode == 5)
        self.net.heal()
        load.more()
        self.check(load)


if LONG:
    class PartitionOfFive(Partition):
        nodes = 5


if __name__ == "__main__":
    namespaces.enter()
    main()
