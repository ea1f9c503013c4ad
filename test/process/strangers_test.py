"""Strangers in a row, and strangers who talk garbage: a node neither grows nor falters.

DEBROS_CONNECTIONS and DEBROS_GARBAGE_SECONDS make it longer: scripts/soak does.
"""
import os
import random
import signal
import socket
import struct
import subprocess
import threading
import time

from memory import SANITIZED, Samples, growth, sockets
from nodes import NodesCase, eventually, main

PEER = os.environ.get("DEBROS_PEER", "peer")
CONNECTIONS = int(os.environ.get("DEBROS_CONNECTIONS", "1000"))
SECONDS = int(os.environ.get("DEBROS_GARBAGE_SECONDS", "20"))
MAX_GROWTH = 2 << 20  # bytes, from the second quarter to the last
# What a write may leave in memory until the log is cut, and all of them together.
PER_WRITE, ALL_WRITES = 512, 32 << 20
HEADER = b"\x13/multistream/1.0.0\n"
NOISE = HEADER + b"\x07/noise\n"
SLOW = 24  # connections that trickle: well below the node's limit of half-open ones


class Attacker(threading.Thread):
    """Calls attack(socket, rng) with one connection after the other."""

    def __init__(self, port, attack, seed, ending):
        super().__init__(daemon=True)
        self.port, self.attack, self.ending = port, attack, ending
        self.rng = random.Random(seed)
        self.count = 0

    def run(self):
        while not self.ending.is_set():
            try:
                with socket.create_connection(("127.0.0.1", self.port), 10) as connection:
                    connection.settimeout(5)
                    self.attack(connection, self.rng, self.ending)
            except OSError:
                pass  # the node has had enough
            self.count += 1
            self.ending.wait(0.02)


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def random_bytes(connection, rng, _):
    connection.sendall(rng.randbytes(rng.randrange(1, 20000)))
    connection.recv(100)


def endless_bytes(connection, rng, ending):
    while not ending.is_set():
        connection.sendall(rng.randbytes(65536))


def a_true_beginning(connection, rng, _):
    connection.sendall(NOISE[:rng.randrange(len(NOISE) + 1)])
    connection.sendall(rng.randbytes(rng.randrange(1, 2000)))
    connection.recv(1000)


def half_a_handshake(connection, rng, _):
    """Noise's first message is 32 bytes of any key. The rest never comes, or is wrong."""
    connection.sendall(NOISE + struct.pack(">H", 32) + rng.randbytes(32))
    connection.recv(1000)
    if rng.random() < 0.5:
        size = rng.choice((0, 1, 64, 200, 65535))
        connection.sendall(struct.pack(">H", size) + rng.randbytes(size))
        connection.recv(1000)


def many_proposals(connection, rng, _):
    connection.sendall(HEADER)
    for _ in range(200):
        name = b"/" + bytes(rng.choices(b"abcdefgh/", k=rng.randrange(60))) + b"\n"
        connection.sendall(bytes([len(name)]) + name)
    connection.recv(1000)


def huge_lengths(connection, rng, _):
    connection.sendall(rng.choice((b"\xff" * 9 + b"\x01", b"\xff\xff\x7f", b"\x80" * 50)))
    connection.recv(1000)


def connects_and_resets(connection, rng, _):
    connection.sendall(NOISE[:rng.randrange(len(NOISE))])
    reset(connection)


def slow_loris(connection, _, ending):
    for byte in NOISE * 3:
        if ending.wait(1):
            return
        connection.sendall(bytes([byte]))


ATTACKS = [random_bytes, endless_bytes, a_true_beginning, half_a_handshake, many_proposals,
           huge_lengths, connects_and_resets] + [slow_loris] * SLOW


class Strangers(NodesCase):
    nodes = 1

    def setUp(self):
        super().setUp()
        self.pid = self.cluster.processes[1].process.pid
        self.port = int(self.cluster.read(1, "peer.info").split("/tcp/")[1].split("/")[0])
        self.quiet = sockets(self.pid)

    def is_quiet(self):
        return sockets(self.pid) <= self.quiet

    def tell(self, taken):
        resident, opened = zip(*taken)
        print(f"resident {min(resident) >> 10} to {max(resident) >> 10} KiB, "
              f"growth {growth(resident) >> 10} KiB, "
              f"descriptors {min(opened)} to {max(opened)}", flush=True)

    def check_growth(self, taken, writes=0):
        allowed = MAX_GROWTH + min(PER_WRITE * writes, ALL_WRITES)
        resident, _ = zip(*taken)
        eventually(self.is_quiet)
        if not SANITIZED:
            self.assertLess(growth(resident), allowed)

    def peer(self, *words):
        process = subprocess.Popen([PEER, *map(str, words)], stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        return process

    def test_connections_in_a_row(self):
        samples = Samples(self.pid, times_per_s=50)  # it takes a second or less
        process = self.peer("connections", self.port, CONNECTIONS)
        said = process.stdout.read()
        self.assertEqual(process.wait(), 0, said)
        self.assertIn(f"{CONNECTIONS} accepted", said)
        print(said.splitlines()[-1])
        taken = samples.stop()
        self.tell(taken)
        self.check_growth(taken)
        self.assertTrue(self.cluster.writes(1))

    def test_garbage_beside_load(self):
        load = self.load(pace_ms=30)
        ending = threading.Event()
        attackers = [Attacker(self.port, attack, seed, ending)
                     for seed, attack in enumerate(ATTACKS)]
        peers = [self.peer("yamux", self.port, SECONDS, seed) for seed in range(2)]
        samples = Samples(self.pid)
        for attacker in attackers:
            attacker.start()
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            load.more(20)
            time.sleep(1)
        said = [peer.stdout.read() for peer in peers]
        self.assertEqual([peer.wait() for peer in peers], [0, 0], said)
        taken = samples.stop()
        ending.set()
        for attacker in attackers:
            attacker.join()
        self.assertTrue(all(attacker.count for attacker in attackers))
        print(f"{sum(attacker.count for attacker in attackers)} attacks before Noise, "
              f"behind it {' and '.join(text.strip() for text in said)}")
        self.tell(taken)
        writes, reads = self.check(load)
        failed = [r for r in writes + reads if r.status != 0]
        self.assertEqual(failed[:5], [], f"{len(failed)} requests of the load failed")
        self.check_growth(taken, len(writes))
        self.assertEqual(self.cluster.processes[1].stop(signal.SIGTERM), 0)
        self.cluster.start(1)


if __name__ == "__main__":
    main()
