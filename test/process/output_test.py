"""Values, formats and transactions, through the whole program."""
import json
import unittest

from harness import ClusterCase, run


class Output(ClusterCase):
    nodes = 1

    def query(self, *args):
        done = self.cluster.run(1, "query", *args)
        self.assertEqual(done.returncode, 0, done.stderr)
        return done

    def test_formats(self):
        sql = "SELECT 1 AS n, 'a,b' AS t, NULL AS z, x'00ff' AS b, 0.5 AS r"
        self.assertEqual(self.query(sql, "-o", "csv").stdout,
                         'n,t,z,b,r\r\n1,"a,b",NULL,00ff,0.5\r\n')
        row = {"n": 1, "t": "a,b", "z": None, "b": "00ff", "r": 0.5}
        self.assertEqual(json.loads(self.query(sql, "-o", "json").stdout), [row])
        twice = self.query(sql + " UNION ALL SELECT 2, '', NULL, x'', 1.5", "-o", "jsonl")
        lines = twice.stdout.splitlines()
        self.assertEqual(json.loads(lines[0]), row)
        self.assertEqual(json.loads(lines[1])["n"], 2)
        table = self.query(sql).stdout.splitlines()
        self.assertEqual(table[0].split(), ["n", "t", "z", "b", "r"])
        self.assertEqual(table[1].split(), ["1", "a,b", "NULL", "00ff", "0.5"])

    def test_integers_keep_64_bits(self):
        for number in (9223372036854775807, -9223372036854775808, 9007199254740993):
            done = self.query("SELECT ? AS n", str(number), "-o", "json")
            self.assertEqual(done.stdout, f'[{{"n": {number}}}]\n')

    def test_parameters(self):
        done = self.query("SELECT typeof(?1) a, typeof(?2) b, typeof(?3) c, typeof(?4) d, "
                          "typeof(?5) e, typeof(?6) f, ?6 g", "7", "7.5", "007", "NULL",
                          "blob:00ff", "text:7", "-o", "json")
        self.assertEqual(json.loads(done.stdout),
                         [{"a": "integer", "b": "real", "c": "text", "d": "null",
                           "e": "blob", "f": "text", "g": "7"}])
        self.assertEqual(self.query("SELECT ? AS n", "-5", "-o", "csv").stdout, "n\r\n-5\r\n")

    def test_what_a_write_says(self):
        quiet = self.query("CREATE TABLE w(id INTEGER PRIMARY KEY, a)")
        self.assertEqual(quiet.stdout, "")
        done = self.query("INSERT INTO w(a) VALUES (1), (2)")
        self.assertEqual(done.stdout, "")
        self.assertIn("2 rows affected, last insert id 2", done.stderr)
        result = json.loads(self.query("UPDATE w SET a = 3", "-o", "json").stdout)
        self.assertEqual(result["rows_affected"], 2)
        returned = self.query("INSERT INTO w(a) VALUES (9) RETURNING id, a", "-o", "json")
        self.assertEqual(json.loads(returned.stdout), [{"id": 3, "a": 9}])
        added = self.query("WITH x(a) AS (VALUES (5)) INSERT INTO w(a) SELECT a FROM x",
                           "-o", "json")
        self.assertEqual(json.loads(added.stdout)["rows_affected"], 1)

    def test_tx_is_atomic_and_splits_triggers(self):
        script = """
            CREATE TABLE a(x); CREATE TABLE log(x);
            CREATE TRIGGER copy AFTER INSERT ON a BEGIN
                INSERT INTO log VALUES (new.x);
                INSERT INTO log VALUES ('a;b');
            END;
            INSERT INTO a VALUES (1); -- the last;
        """
        done = self.cluster.run(1, "tx", "-", "-o", "json", stdin=script)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertEqual(len(json.loads(done.stdout)["results"]), 4)
        self.assertEqual(self.cluster.cell(1, "SELECT count(*) FROM log"), 2)
        done = self.cluster.run(1, "tx", "-", stdin="INSERT INTO a VALUES (2); FAIL;")
        self.assertEqual(done.returncode, 1)
        self.assertEqual(self.cluster.cell(1, "SELECT count(*) FROM a"), 1)

    def test_namespaces_do_not_meet(self):
        node = ["--node", self.cluster.dir(1)]
        self.assertEqual(run("ns", "create", "shop", *node).returncode, 0)
        names = run("ns", "list", *node, "-o", "csv").stdout.split()
        self.assertEqual(sorted(names), ["default", "name", "shop"])
        self.query("-n", "shop", "CREATE TABLE only_here(a)")
        self.assertEqual(self.cluster.run(1, "query", "SELECT * FROM only_here").returncode, 1)

    def test_status_and_peers(self):
        status = self.cluster.status(1)
        self.assertEqual(list(status), ["node_id", "cluster_id", "role", "leader", "term",
                                        "commit_index", "applied_index", "members",
                                        "voters", "standbys", "peer_count", "health",
                                        "known_peers", "buckets", "values", "providers",
                                        "database_size", "uptime", "receiving_bytes",
                                        "receiving_total", "sending_bytes",
                                        "sending_total"])
        self.assertEqual(status["role"], "leader")
        self.assertEqual(status["leader"], status["node_id"])
        self.assertEqual(len(status["cluster_id"]), 32)
        self.assertGreaterEqual(status["commit_index"], status["applied_index"])
        self.assertIn(status["node_id"], self.cluster.read(1, "peer.info"))
        self.assertIsInstance(self.cluster.json(1, "peers"), list)
        shown = run("identity", "show", "--node", self.cluster.dir(1), "-o", "json")
        self.assertEqual(json.loads(shown.stdout)[0]["peer_id"], status["node_id"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
