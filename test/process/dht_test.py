"""The hash table, peers and services as people see them: three nodes and light clients."""
import json
import unittest

from harness import ClusterCase, run
from nodes import eventually

NOBODY = "12D3KooWEyoppNCUx8Yx66oV9fJnriXwCcXwDDUA2kj6vnc6iDEp"


class HashTable(ClusterCase):

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.ids = [cls.cluster.status(n)["node_id"] for n in cls.cluster.numbers()]
        eventually(cls.tables_are_full)

    @classmethod
    def tables_are_full(cls):
        return all(sum(cls.cluster.status(n)["buckets"]) == cls.nodes - 1
                   for n in cls.cluster.numbers())

    def dht(self, n, *args, **more):
        return run("dht", args[0], "--node", self.cluster.dir(n), *args[1:], **more)

    def json(self, n, *args, **more):
        done = self.dht(n, *args, "-o", "json", **more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return json.loads(done.stdout)

    # ---- Values ----------------------------------------------------------------------

    def test_a_value_is_put_through_one_and_got_through_the_others(self):
        put = self.json(1, "put", "greeting", "hello")
        key = self.cluster.dir(1) + "/operator.key"
        shown = run("identity", "show", key, "-o", "json").stdout
        operator = json.loads(shown)[0]["peer_id"]
        self.assertEqual(put["key"], f"/debros/app/{operator}/greeting")
        self.assertEqual(put["stored"], 2)
        for n in self.cluster.numbers():
            got = self.json(n, "get", put["key"])
            self.assertEqual(got["value"], "hello")
            self.assertEqual(got["writer"], operator)
            self.assertEqual(got["version"], put["version"])
            self.assertEqual(got["expires"], put["expires"])
        self.json(2, "put", "greeting", "later", "--ttl", "1h", "--identity", key)
        for n in self.cluster.numbers():
            self.assertEqual(self.dht(n, "get", put["key"], "--raw").stdout, "later")

    def test_bytes_come_from_stdin_and_go_to_stdout(self):
        text = "line 1\nline 2\n"
        key = self.json(1, "put", "file", "-", stdin=text)["key"]
        self.assertEqual(self.dht(3, "get", key, "--raw").stdout, text)
        key = self.json(1, "put", "control", "-", stdin="a\1b")["key"]
        self.assertEqual(self.json(3, "get", key)["value"], "610162")

    def test_exit_codes_say_what_is_wrong(self):
        other = f"/debros/app/{NOBODY}/x"
        self.fails(self.dht(1, "get", "nothing"), 4, "nobody who was asked")
        self.fails(self.dht(1, "get", "/ipns/x"), 2, "/debros/app/PEER/NAME")
        self.fails(self.dht(1, "put", other, "x"), 3, "may not write")
        self.fails(self.dht(1, "remove", "nothing"), 4, "keeps no such value")
        self.fails(self.dht(1, "put", "large", "-", stdin="x" * 65424), 7, "65,423")
        self.fails(self.dht(1, "put", "x", "y", "--ttl", "200h"), 2, "604,800")
        self.fails(self.dht(1, "put", "x", "y", "--ttl", "10ms"), 2, "less than 1s")
        self.fails(self.dht(1, "providers", "nothing"), 4, "knows a provider")
        self.fails(self.dht(1, "find", NOBODY), 4, "knows where")
        self.fails(self.dht(1, "find", "bob"), 2, "is no peer id")

    def test_a_value_is_removed_where_it_was_put(self):
        self.json(2, "put", "removed", "x")
        self.json(2, "remove", "removed")
        self.fails(self.dht(2, "remove", "removed"), 4)

    # ---- Providers, peers, the table -------------------------------------------------

    def test_providers(self):
        self.assertEqual(self.json(1, "provide", "a thing")["stored"], 2)
        self.dht(2, "provide", "a thing")
        for n in self.cluster.numbers():
            found = self.json(n, "providers", "a thing")
            self.assertEqual(sorted(p["id"] for p in found), sorted(self.ids[:2]))
            self.assertTrue(all(p["addrs"] for p in found))
        self.json(1, "unprovide", "a thing")
        self.fails(self.dht(1, "unprovide", "a thing"), 4, "does not provide")
        self.fails(self.dht(1, "provide", "/debros/service/x"), 3, "library's own")

    def test_find(self):
        for n in self.cluster.numbers():
            for peer in self.ids:
                found = self.json(n, "find", peer)
                self.assertEqual(found["id"], peer)
                self.assertTrue(found["addrs"])
        address = self.cluster.read(3, "peer.info").splitlines()[0]
        self.assertEqual(self.json(1, "find", address)["id"], self.ids[2])

    def test_table_and_status(self):
        for n in self.cluster.numbers():
            rows = self.json(n, "table")
            others = [peer for peer in self.ids if peer != self.ids[n - 1]]
            self.assertEqual(sorted(row["id"] for row in rows), sorted(others))
            self.assertEqual(list(rows[0]), ["bucket", "id", "connected", "dialed",
                                             "failures", "idle_s"])
            status = self.cluster.status(n)
            for b, size in enumerate(status["buckets"]):
                self.assertEqual(size, sum(row["bucket"] == b for row in rows))
            self.assertGreaterEqual(status["known_peers"], status["peer_count"])
            self.assertGreaterEqual(status["providers"], 2)  # services
        shown = self.dht(1, "table")
        self.assertIn("2 peers in", shown.stderr)
        self.assertEqual(len(shown.stdout.splitlines()), 3)

    def test_peers_by_service(self):
        for service in ("database", "dht"):
            for n in self.cluster.numbers():
                found = self.cluster.json(n, "peers", "--service", service)
                self.assertEqual(sorted(p["id"] for p in found), sorted(self.ids))
                for peer in found:
                    self.assertEqual(peer["services"], ["database", "dht"])
                    self.assertTrue(peer["addrs"])
                    mine = peer["id"] == self.ids[n - 1]
                    self.assertEqual(peer["connected"], not mine)
                    self.assertEqual(peer["direction"] in ("in", "out"), not mine)
                    self.assertEqual(peer["since"] is None, mine)
        self.fails(self.cluster.run(1, "peers", "--service", "storage"), 2,
                   "database, dht")

    def test_disconnect(self):
        """A member is dialed again at once, by either side."""
        def connected():
            return [p for p in self.cluster.json(1, "peers")
                    if p["id"] == self.ids[1] and p["connected"]]

        def disconnect(*args):
            return run("disconnect", "--node", self.cluster.dir(1), *args)

        before = eventually(connected)[0]["since"]
        done = disconnect(self.ids[1], "-o", "json")
        self.assertEqual(json.loads(done.stdout), {"peer": self.ids[1]})
        self.assertGreaterEqual(eventually(connected)[0]["since"], before)
        self.fails(disconnect(NOBODY), 4, "is not connected")
        self.fails(disconnect("/ip4/127.0.0.1/tcp/1"), 2, "/p2p/PEER-ID")


if __name__ == "__main__":
    unittest.main()
