"""What nodes know of the network outlives them: values and providers that they hold are
found again after SIGKILL and after a polite stop, and a damaged file keeps no node from
starting."""
import os
import shutil
import sqlite3
import subprocess
import time

from nodes import NodesCase, main

KAD = os.environ.get("DEBROS_KAD", "kad")
FILE = "network.db"
WRITTEN = 2.5  # seconds within which a change is on its way to the disk


class WhatIsKnown(NodesCase):

    def kad(self, n, *words):
        """Asks node n's hash table as node 1's operator does. (exit code, stdout)"""
        port = self.cluster.read(n, "peer.info").split("/tcp/")[1].split("/")[0]
        key = os.path.join(self.cluster.dir(1), "operator.key")
        done = subprocess.run([KAD, port, key, *words], capture_output=True, text=True,
                              timeout=60)
        self.assertNotEqual(done.returncode, 2, done.stderr)
        return done.returncode, done.stdout.strip()

    def hold(self, name):
        """Every node holds a value, and a provider of the key of that name."""
        for n in self.cluster.numbers():
            self.assertEqual(self.kad(n, "put", name, f"value of {name}")[0], 0)
            self.kad(n, "provide", name)
            self.assertTrue(self.holds(n, name), f"node {n}")

    def holds(self, n, name):
        return self.kad(n, "get", name) == (0, f"value of {name}")

    def path(self, n, name=FILE):
        return os.path.join(self.cluster.dir(n), name)

    def provided(self, n):
        """The keys that the file of node n, which does not run, has providers of. Their
        addresses are nobody's, so no answer names them."""
        copy = self.path(n, "copy.db")
        for end in ("", "-wal"):
            if os.path.exists(self.path(n) + end):
                shutil.copy(self.path(n) + end, copy + end)
        database = sqlite3.connect(copy)
        keys = [row[0] for row in database.execute("SELECT key FROM dht_providers")]
        database.close()
        return keys

    def test_all_are_killed(self):
        self.hold("killed")
        time.sleep(WRITTEN)
        self.cluster.kill()
        for n in self.cluster.numbers():
            self.assertIn(b"killed", self.provided(n), f"node {n}")
        self.cluster.start()
        for n in self.cluster.numbers():
            self.assertTrue(self.holds(n, "killed"), f"node {n}")

    def test_all_stop(self):
        self.hold("stopped")  # and nobody waits until it is written
        begun = time.monotonic()
        self.assertEqual(self.cluster.stop(), [0] * self.nodes)
        self.assertLess(time.monotonic() - begun, 10 * self.nodes)
        for n in self.cluster.numbers():
            self.assertIn(b"stopped", self.provided(n), f"node {n}")
        self.cluster.start()
        for n in self.cluster.numbers():
            self.assertTrue(self.holds(n, "stopped"), f"node {n}")

    def test_damage(self):
        self.hold("damaged")
        self.cluster.stop()
        with open(self.path(1), "r+b") as file:
            file.seek(5000)
            file.write(b"\xff" * 64)
        self.cluster.start()
        self.assertIn("network.db is damaged: a checksum is wrong: begins anew, the old "
                      "file is network.db.old (no data of the cluster is lost)",
                      self.cluster.said(1))
        self.assertTrue(os.path.exists(self.path(1, FILE + ".old")))
        self.assertNotIn("damaged", self.cluster.said(2))
        self.assertEqual(self.kad(1, "get", "damaged")[0], 1)
        self.assertTrue(self.holds(2, "damaged"))
        self.assertTrue(self.cluster.writes(1))


if __name__ == "__main__":
    main()
