"""A hundred nodes on one machine: they find each other from one address, cost little while
nothing happens, and heal when thirty of them die at once."""
import os
import time
import unittest

from harness import FolderCase, run
from nodes import TABLES, Nodes, eventually

NODES = 100
DEAD = 30
MEMORY_KIB = 12 * 1024
IDLE_CORE = 0.20   # of one core, all nodes together
LOW_WATER = 8      # connections: discovery.low_water
TICKS = os.sysconf("SC_CLK_TCK")


@unittest.skipIf(os.environ.get("DEBROS_SANITIZED") == "true",
                 "figures of a sanitized program say nothing")
class Hundred(FolderCase):
    def setUp(self):
        self.cluster = Nodes(os.path.join(self.folder, "cluster"), NODES)
        self.addCleanup(self.stop_all)

    def stop_all(self):
        for n in self.cluster.running():
            self.cluster.processes[n].kill()

    def join_all(self):
        cluster = self.cluster
        done = run("init", "--data-dir", cluster.dir(1))
        self.assertEqual(done.returncode, 0, done.stderr)
        cluster.launch(1)
        cluster.processes[1].wait_ready()
        invites = [run("invite", "--node", cluster.dir(1)).stdout.strip()
                   for _ in range(NODES - 1)]
        for n in range(2, NODES + 1):
            cluster.launch(n, "--invite", invites[n - 2])
        for n in range(2, NODES + 1):
            cluster.processes[n].wait_ready()
        for sql in TABLES:
            cluster.query(1, sql)

    def peers(self, n):
        return [peer for peer in self.cluster.json(n, "peers") if peer["member"]]

    def know_each_other(self, *alive):
        """Every node knows all members, and is connected with enough that live."""
        ids = {self.cluster.status(n)["node_id"] for n in alive}
        for n in alive:
            peers = self.peers(n)
            self.assertEqual(len(peers), NODES - 1, f"node {n}")
            connected = {peer["id"] for peer in peers if peer["connected"]}
            self.assertLessEqual(connected, ids, f"node {n}")
            self.assertGreaterEqual(len(connected), LOW_WATER, f"node {n}")
        return True

    def memory_kib(self, n):
        with open(f"/proc/{self.cluster.processes[n].process.pid}/status",
                  encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def cpu_s(self):
        total = 0
        for process in self.cluster.processes.values():
            with open(f"/proc/{process.process.pid}/stat", encoding="ascii") as file:
                fields = file.read().rsplit(")", 1)[1].split()
            total += int(fields[11]) + int(fields[12])
        return total / TICKS

    def is_cheap(self, *everybody):
        """Half a minute of rest; what others do on the machine may take another one."""
        before, begin = self.cpu_s(), time.monotonic()
        time.sleep(30)
        idle = (self.cpu_s() - before) / (time.monotonic() - begin)
        memory = max(self.memory_kib(n) for n in everybody)
        print(f"idle: {100 * idle:.1f} % of a core, at most {memory} KiB each")
        self.assertLess(memory, MEMORY_KIB)
        self.assertLess(idle, IDLE_CORE)
        return True

    def roles(self):
        roles = {}
        for n in self.cluster.numbers():
            roles.setdefault(self.cluster.status(n)["role"], []).append(n)
        return roles

    def test_a_hundred_nodes(self):
        cluster, everybody = self.cluster, range(1, NODES + 1)
        begin = time.monotonic()
        self.join_all()
        eventually(self.know_each_other, *everybody)
        print(f"{NODES} nodes joined and know each other after "
              f"{time.monotonic() - begin:.1f} s")

        cluster.stop()
        begin = time.monotonic()
        cluster.start()
        eventually(self.know_each_other, *everybody)
        print(f"and {time.monotonic() - begin:.1f} s after all were started again")

        time.sleep(60)  # lookups and their connections are over
        eventually(self.is_cheap, *everybody)

        roles = self.roles()
        dead = roles["leader"] + roles["standby"][:1]
        dead += [n for n in roles["learner"]][:DEAD - len(dead)]
        alive = [n for n in everybody if n not in dead]
        cluster.kill(*dead)
        begin = time.monotonic()
        eventually(cluster.writes, alive[-1])
        eventually(self.know_each_other, *alive)
        print(f"{len(dead)} died: the rest is whole after {time.monotonic() - begin:.1f} s")
        cluster.start(*dead)
        eventually(self.know_each_other, *everybody)


if __name__ == "__main__":
    unittest.main(verbosity=2)
