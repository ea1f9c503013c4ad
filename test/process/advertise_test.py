"""A node that is reached at another address than it listens on: all that others are told is
the advertised one, and it is enough."""
import base64
import json
import os
import re
import socket
import threading
import unittest

from harness import FolderCase, run
from nodes import Nodes, eventually

PREFIX = "debros-invite-"
MEMBERS = 4  # the field of an invite, see cluster.proto


class Forwarder:
    """What a NAT or a container's port mapping does: a port that leads to another one."""

    def __init__(self):
        self.target = None  # a port; until then nobody gets through
        self.count = 0
        self.server = socket.create_server(("127.0.0.1", 0))
        self.port = self.server.getsockname()[1]
        self.addr = f"/ip4/127.0.0.1/tcp/{self.port}"
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                inside = self.server.accept()[0]
            except OSError:
                return
            self.open.append(inside)
            try:
                outside = socket.create_connection(("127.0.0.1", self.target or 0), 10)
            except OSError:
                inside.close()
                continue
            outside.settimeout(None)
            self.open.append(outside)
            self.count += 1
            for pair in ((inside, outside), (outside, inside)):
                threading.Thread(target=self._copy, args=pair, daemon=True).start()

    @staticmethod
    def _copy(source, sink):
        try:
            while data := source.recv(65536):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def close(self):
        self.server.shutdown(socket.SHUT_RDWR)
        for connection in (self.server, *self.open):
            connection.close()


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift, at = shift + 7, at + 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """A protobuf message's: number, value, and the bytes of both."""
    at = 0
    while at < len(data):
        begin = at
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        yield key >> 3, value, data[begin:at]


def unpack(invite):
    text = invite[len(PREFIX):]
    return list(fields(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))


def tcp_port(addr):
    """Of the binary form of /ip4/A/tcp/P/p2p/ID."""
    assert addr[0] == 4 and addr[5] == 6, addr
    return int.from_bytes(addr[6:8], "big")


def only(invite, port):
    """The same invite, whose members are those alone that are reached at `port`."""
    kept = [raw for number, value, raw in unpack(invite)
            if number != MEMBERS or tcp_port(value) == port]
    return PREFIX + base64.urlsafe_b64encode(b"".join(kept)).decode().rstrip("=")


class Advertise(FolderCase):
    def setUp(self):
        self.nodes = Nodes(os.path.join(self.folder, "cluster"), 3)
        self.addCleanup(self.nodes.stop)
        self.gate = Forwarder()
        self.addCleanup(self.gate.close)

    def listen_port(self, n):
        return int(re.match(r"/ip4/127\.0\.0\.1/tcp/(\d+)/p2p/",
                            self.nodes.read(n, "peer.info"))[1])

    def invite(self, n):
        done = self.nodes.run(n, "invite")
        self.assertEqual(done.returncode, 0, done.stderr)
        return done.stdout.strip()

    def launch(self, n, *args):
        self.nodes.launch(n, *args)
        self.nodes.processes[n].wait_ready()

    def addrs(self, n, peer):
        """What node n knows of node `peer`, without /p2p/ID."""
        wanted = self.nodes.status(peer)["node_id"]
        for row in self.nodes.json(n, "peers"):
            if row["id"] == wanted:
                return [addr.split("/p2p/")[0] for addr in row["addrs"]]
        return []

    def knows(self, n, peer, addr):
        self.assertEqual(self.addrs(n, peer), [addr])
        return True

    def start_two(self):
        """One that listens, and one behind the gate."""
        self.assertEqual(run("init", "--data-dir", self.nodes.dir(1)).returncode, 0)
        self.launch(1)
        self.launch(2, "--invite", self.invite(1), "--advertise", self.gate.addr)
        self.gate.target = self.listen_port(2)

    def test_others_know_the_advertised_address_alone(self):
        self.start_two()
        self.assertNotEqual(self.gate.target, self.gate.port)
        self.assertIn(f"/tcp/{self.gate.target}/", self.nodes.processes[2].stdout[0])
        eventually(self.knows, 1, 2, self.gate.addr)
        self.assertEqual(self.gate.count, 0)  # nobody had to dial it yet

        # Whoever asks it, at either address.
        key = os.path.join(self.nodes.dir(2), "operator.key")
        own = self.nodes.read(2, "peer.info")
        mapped = own.replace(f"/tcp/{self.gate.target}/", f"/tcp/{self.gate.port}/")
        for addr in (own, mapped):
            done = run("identify", addr, "-o", "json", DEBROS_IDENTITY=key)
            self.assertEqual(done.returncode, 0, done.stderr)
            told = json.loads(done.stdout)["addrs"]
            self.assertEqual([a.split("/p2p/")[0] for a in told], [self.gate.addr])
        self.assertEqual(self.gate.count, 1)

        # Its invites, and those of others.
        for n in (1, 2):
            ports = {tcp_port(value) for number, value, _ in unpack(self.invite(n))
                     if number == MEMBERS}
            self.assertEqual(ports, {self.gate.port, self.listen_port(1)})

        # The third comes in through the gate: its invite has no other address.
        count = self.gate.count
        self.launch(3, "--invite", only(self.invite(2), self.gate.port))
        self.assertGreater(self.gate.count, count)
        eventually(self.knows, 3, 2, self.gate.addr)
        eventually(self.nodes.has_voters)
        self.nodes.query(3, "CREATE TABLE t(a)")
        eventually(self.connected, 3, 2)

        # Without the setting it is told of as it listens.
        self.assertEqual(self.nodes.processes[2].stop(), 0)
        self.launch(2)
        plain = f"/ip4/127.0.0.1/tcp/{self.listen_port(2)}"
        eventually(self.knows, 1, 2, plain)
        # The third keeps what its invite said beside it.
        eventually(lambda: plain in self.addrs(3, 2))

    def connected(self, n, peer):
        wanted = self.nodes.status(peer)["node_id"]
        return any(row["id"] == wanted and row["connected"]
                   for row in self.nodes.json(n, "peers"))


if __name__ == "__main__":
    unittest.main(verbosity=2)
