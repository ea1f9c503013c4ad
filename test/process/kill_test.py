"""Nodes that are stopped, killed and started again under load."""
import os
import signal
import time

from nodes import NodesCase, eventually, main

ROUNDS = 10 if os.environ.get("DEBROS_LONG") else 1
PAUSE = 5  # seconds: longer than an election takes


class Kill(NodesCase):
    def pause(self, n):
        """Clients stay with their node: what they ask it while it sleeps it answers when
        it wakes, knowing less than the others."""
        load = self.load(mode="stay", timeout_ms=3000 * PAUSE)
        for _ in range(ROUNDS):
            others = [other for other in self.cluster.numbers() if other != n]
            self.cluster.signal(signal.SIGSTOP, n)
            time.sleep(PAUSE)
            eventually(self.cluster.leads, *others)
            load.more()
            self.cluster.signal(signal.SIGCONT, n)
            load.more()
        self.check(load)

    def test_the_leader_sleeps(self):
        self.pause(eventually(self.cluster.leads))

    def test_a_follower_sleeps(self):
        self.pause(eventually(self.cluster.leads) % self.nodes + 1)

    def test_each_in_turn(self):
        load = self.load()
        for _ in range(ROUNDS):
            for n in self.cluster.numbers():
                self.cluster.kill(n)
                load.more()
                self.cluster.start(n)
                load.more()
        self.check(load)

    def test_all_at_once(self):
        load = self.load()
        for _ in range(ROUNDS):
            self.cluster.kill()
            time.sleep(0.5)
            self.cluster.start()
            load.more()
        self.check(load)

    def test_all_leave_politely_and_return(self):
        load = self.load()
        for _ in range(ROUNDS):
            self.assertEqual(self.cluster.stop(), [0] * self.nodes)
            self.cluster.start()
            load.more()
        self.check(load)


if __name__ == "__main__":
    main()
