"""Nodes that find each other by multicast DNS alone, each in a network namespace of its own
on one bridge; their addresses change while they are down, or while they run."""
import os
import subprocess
import sys
import threading
import time

import namespaces
from harness import run
from namespaces import ip
from nodes import Nodes, NodesCase, eventually, main

PORT = 5353
GROUP = "224.0.0.251"
QUIET = 12  # seconds: with the option there would be four questions and more
ON, OFF = {"DEBROS_DISCOVERY_MDNS": "true"}, {"DEBROS_DISCOVERY_MDNS": "false"}
LISTENER = f"""
import socket, struct, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
s.bind(("", {PORT}))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
             struct.pack("4s4s", socket.inet_aton("{GROUP}"), socket.inet_aton(sys.argv[1])))
print("listens", flush=True)
while True:
    data, source = s.recvfrom(9000)
    print(source[0], source[1], data.hex(), flush=True)
"""


class Listener:
    """Hears the packets of the bridge, in the test's own namespace."""

    def __init__(self):
        self.lines = []
        self.process = subprocess.Popen(
            [sys.executable, "-c", LISTENER, namespaces.address(254)], text=True,
            stdout=subprocess.PIPE)
        if self.process.stdout.readline() != "listens\n":
            raise AssertionError("the listener did not begin")
        self.thread = threading.Thread(target=self._gather, daemon=True)
        self.thread.start()

    def _gather(self):
        for line in self.process.stdout:
            self.lines.append(line.split())

    def close(self):
        self.process.kill()
        self.process.wait()
        self.thread.join()
        self.process.stdout.close()


class Wanderers(Nodes):
    """They listen on all interfaces, on any port: nothing of a place stays."""

    def __init__(self, folder, nodes, network, env):
        super().__init__(folder, nodes, network, env)
        self.places = {n: namespaces.address(n) for n in range(1, nodes + 1)}

    def listen(self, n):
        return "/ip4/0.0.0.0/tcp/0"

    def move(self, n):
        """Another address on the same network."""
        inside, old = self.network.inside(n), self.places[n]
        host = int(old.rsplit(".", 1)[1])
        self.places[n] = namespaces.address(host + 20)
        ip("addr", "del", old + "/24", "dev", "eth0", inside=inside)
        ip("addr", "add", self.places[n] + "/24", "dev", "eth0", inside=inside)

    def launch_with(self, env, *numbers):
        self.env = lambda n: env
        self.start(*numbers)

    def sees(self, n, other):
        """Node n is connected to a member at the place where `other` is now."""
        return any(peer["connected"] and f"/{self.places[other]}/" in str(peer)
                   for peer in self.json(n, "peers"))


class Mdns(NodesCase):
    network = True
    nodes = 2
    kind = Wanderers
    env = staticmethod(lambda n: ON)

    def listener(self):
        listener = Listener()
        self.addCleanup(listener.close)
        return listener

    def test_members_that_moved_while_they_were_down(self):
        self.assertEqual(set(self.cluster.stop()), {0})
        for n in self.cluster.numbers():
            self.cluster.move(n)
        listener = self.listener()
        # Without the option they are lost, and silent.
        self.cluster.launch_with(OFF)
        time.sleep(QUIET)
        self.assertEqual(listener.lines, [])
        for n in self.cluster.numbers():
            self.assertFalse(any(peer["connected"] for peer in self.members(n)))
        self.cluster.stop()
        self.cluster.launch_with(ON)
        eventually(self.cluster.writes, 1)
        eventually(self.cluster.writes, 2)
        self.assertTrue(eventually(self.cluster.sees, 1, 2))
        self.check_packets(listener)

    def members(self, n):
        return [peer for peer in self.cluster.json(n, "peers") if peer["member"]]

    def check_packets(self, listener):
        """Both asked and told, from the port, and of no loopback address."""
        heard = {n: [] for n in self.cluster.numbers()}
        for source, port, packet in listener.lines:
            self.assertEqual(int(port), PORT)
            self.assertNotIn(b"/ip4/127.", bytes.fromhex(packet))
            for n, place in self.cluster.places.items():
                if place == source:
                    heard[n].append(bytes.fromhex(packet))
        for n, packets in heard.items():
            self.assertTrue(any(packet[2] == 0 for packet in packets), heard)
            self.assertTrue(any(f"/ip4/{self.cluster.places[n]}/tcp/".encode() in packet
                                for packet in packets), heard)

    def test_a_member_that_moves_while_it_runs(self):
        self.cluster.move(2)
        eventually(self.cluster.sees, 1, 2)
        eventually(self.cluster.writes, 1)
        self.assertIn(f"listens on /ip4/{self.cluster.places[2]}/", self.cluster.said(2))
        self.cluster.stop()  # the program's peer.info tells where it began
        self.cluster.start()

    def test_a_command_and_a_newcomer_find_a_member_that_moved(self):
        old = self.cluster.read(1, "peer.info").splitlines()[0]
        invite = self.cluster.run(1, "invite").stdout.strip()
        self.cluster.stop()
        for n in self.cluster.numbers():
            self.cluster.move(n)
        self.cluster.launch_with(ON)
        key = os.path.join(self.cluster.dir(1), "operator.key")
        ask = ("query", "--node", old, "--identity", key, "--timeout", "30s", "SELECT 1")
        done = run(*ask, **ON)
        self.assertEqual(done.returncode, 0, done.stderr)
        folder = os.path.join(self.folder, "newcomer")
        join = ("join", invite, "--data-dir", folder, "--timeout", "30s")
        done = run(*join, **ON)
        self.assertEqual(done.returncode, 0, done.stderr)
        # Only that way.
        done = run(*ask[:-2], "3s", "SELECT 1", **OFF)
        self.assertEqual(done.returncode, 5, done.stderr)

    def test_a_port_that_is_taken(self):
        """Somebody has it for itself: one warning, and all else works."""
        self.assertEqual(self.cluster.processes[1].stop(), 0)
        taken = subprocess.Popen(
            [*self.net.inside(1), sys.executable, "-c", "import socket, sys\n"
             "s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)\n"
             f"s.bind(('::', {PORT}))\nprint('ok', flush=True)\nsys.stdin.read()"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.addCleanup(taken.stdout.close)
        self.assertEqual(taken.stdout.readline(), "ok\n")
        self.cluster.start(1)
        eventually(self.cluster.writes, 1)
        time.sleep(QUIET)  # a look and more
        words = "another program does not share UDP port 5353"
        self.assertEqual(self.cluster.said(1).count(words), 1)
        taken.stdin.close()
        taken.wait()
        eventually(lambda: "the local network is asked again" in self.cluster.said(1))


if __name__ == "__main__":
    namespaces.enter()
    main()
