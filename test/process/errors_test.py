"""What goes wrong has an exit code and words that help."""
import os
import signal
import socket
import time
import unittest

from harness import ClusterCase, FolderCase, Process, run


class Unreachable(FolderCase):
    def test_no_node_is_named(self):
        self.fails(run("query", "SELECT 1"), 2, "--node", "DEBROS_NODE")

    def test_a_missing_folder(self):
        folder = os.path.join(self.folder, "nowhere")
        self.fails(run("status", "--node", folder), 5, folder,
                   f"is it running? debros node --data-dir {folder}")

    def test_a_node_that_does_not_run(self):
        folder = os.path.join(self.folder, "stopped")
        run("init", "--data-dir", folder)
        self.fails(run("status", "--node", folder), 5, folder, "debros node --data-dir")
        self.assertEqual(self.node(folder).stop(), 0)
        self.fails(run("status", "--node", folder, "--timeout", "3s"), 5, folder,
                   f"is it running? debros node --data-dir {folder}")

    def test_a_folder_without_a_cluster(self):
        folder = os.path.join(self.folder, "empty")
        os.mkdir(folder)
        self.fails(run("node", "--data-dir", folder), 5, "debros init", "debros join")

    def test_a_port_in_use(self):
        folder = os.path.join(self.folder, "port")
        run("init", "--data-dir", folder)
        with socket.create_server(("127.0.0.1", 0)) as taken:
            address = f"/ip4/127.0.0.1/tcp/{taken.getsockname()[1]}"
            done = run("node", "--data-dir", folder, "--listen", address)
            self.fails(done, 5, str(taken.getsockname()[1]))

    def test_a_port_of_the_last_run_in_use(self):
        folder = os.path.join(self.folder, "moved")
        run("init", "--data-dir", folder)
        node = self.node(folder)
        port = int(node.stdout[0].split("/tcp/")[1].split("/")[0])
        node.stop()
        with socket.create_server(("127.0.0.1", port)):
            node = self.node(folder)
            self.assertNotIn(f"/tcp/{port}/", node.stdout[0])
            node.stop()

    def test_a_data_dir_in_use(self):
        folder = os.path.join(self.folder, "twice")
        run("init", "--data-dir", folder)
        node = self.node(folder)
        self.fails(run("node", "--data-dir", folder), 5)
        self.assertEqual(run("query", "SELECT 1", "--node", folder).returncode, 0)
        node.stop()


class Silent(unittest.TestCase):
    """Somebody accepts the connection and says nothing."""
    address = "/ip4/127.0.0.1/tcp/{}/p2p/12D3KooWJRNrPw4JM4CSQk1ZZXvAnuv3VHQ67rXajGHWps5WiY4B"

    def setUp(self):
        server = socket.create_server(("127.0.0.1", 0))
        self.addCleanup(server.close)
        self.address = self.address.format(server.getsockname()[1])

    def test_the_timeout_ends_it(self):
        began = time.monotonic()
        done = run("status", "--node", self.address, "--timeout", "500ms")
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertLess(time.monotonic() - began, 5)

    def test_an_interrupt_ends_it_with_130(self):
        waiting = Process("status", "--node", self.address)
        time.sleep(0.5)
        self.assertEqual(waiting.stop(signal.SIGINT), 130)
        self.assertIn("debros: interrupted", "".join(waiting.stderr))


class Refused(ClusterCase):
    nodes = 1

    def test_a_wrong_peer_id(self):
        address = self.cluster.read(1, "peer.info")
        other = os.path.join(self.folder, "other")
        run("init", "--data-dir", other)
        shown = run("identity", "show", os.path.join(other, "identity.key"), "-o", "csv")
        wrong = shown.stdout.split("\r\n")[1].split(",")[0]
        address = address.split("/p2p/")[0] + "/p2p/" + wrong
        key = os.path.join(self.cluster.dir(1), "operator.key")
        self.fails(run("query", "SELECT 1", "--node", address, "--identity", key), 3)
        self.fails(run("ping", address, "--identity", key), 3)

    def test_a_key_of_a_foreign_cluster(self):
        other = os.path.join(self.folder, "foreign")
        run("init", "--data-dir", other)
        key = os.path.join(other, "operator.key")
        address = self.cluster.read(1, "peer.info")
        self.fails(run("query", "SELECT 1", "--node", address, DEBROS_IDENTITY=key), 3, key)

    def test_a_stranger_without_a_key(self):
        address = self.cluster.read(1, "peer.info")
        self.fails(run("query", "SELECT 1", "--node", address), 3)

    def test_ping_and_identify_dial_themselves(self):
        address = self.cluster.read(1, "peer.info")
        key = {"DEBROS_IDENTITY": os.path.join(self.cluster.dir(1), "operator.key")}
        self.assertEqual(run("ping", address, **key).returncode, 0)
        self.assertEqual(run("ping", address).returncode, 0, "a stranger may ping")
        named = ["--node", self.cluster.dir(1)]
        self.assertEqual(run("ping", address.split("/p2p/")[0], *named).returncode, 0)
        self.fails(run("ping", "/ip4/127.0.0.1/tcp/1", *named), 5)
        done = run("identify", address, "-o", "json", **key)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("/ipfs/ping/1.0.0", done.stdout)


class Sql(ClusterCase):
    nodes = 1

    def query(self, *args):
        return self.cluster.run(1, "query", *args)

    def test_the_words_are_sqlite_s(self):
        self.fails(self.query("SELECT * FROM nowhere"), 1, "debros: query: ",
                   "no such table: nowhere")
        self.fails(self.query("SELEC 1"), 1, 'near "SELEC": syntax error')

    def test_a_transaction_names_its_statement_and_leaves_nothing(self):
        self.query("CREATE TABLE one(a UNIQUE)")
        script = "INSERT INTO one VALUES (1); -- fine;\nINSERT INTO one VALUES (1);"
        done = self.cluster.run(1, "tx", "-", stdin=script)
        self.fails(done, 1, "debros: tx: ", "statement 2", "UNIQUE constraint failed: one.a")
        self.assertEqual(self.cluster.cell(1, "SELECT count(*) FROM one"), 0)

    def test_a_wrong_number_of_parameters(self):
        self.fails(self.query("SELECT ?, ?", "1"), 2)

    def test_two_statements_in_a_query(self):
        self.fails(self.query("SELECT 1; SELECT 2"), 2, "debros tx")

    def test_a_forbidden_statement(self):
        self.fails(self.query("ATTACH 'x' AS y"), 3)

    def test_an_unknown_namespace(self):
        self.fails(self.query("-n", "nowhere", "SELECT 1"), 4, "nowhere")

    def test_a_namespace_that_exists(self):
        create = ["ns", "create", "twice", "--node", self.cluster.dir(1)]
        self.assertEqual(run(*create).returncode, 0)
        self.fails(run(*create), 6)


class Usage(unittest.TestCase):
    def says(self, args, *words):
        done = run(*args)
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertTrue(done.stderr.startswith("debros: "), done.stderr)
        for word in words:
            self.assertIn(word, done.stderr)

    def test_slips_get_a_suggestion(self):
        self.says(["qurey", "SELECT 1"], "unknown command qurey", "query")
        self.says(["query", "--tiemout", "3s", "SELECT 1"], "--tiemout", "--timeout")
        self.says(["ns", "crate", "x"], "unknown command crate", "create")
        self.says([], "--help")
        self.says(["node"], "--data-dir")
        self.says(["status", "--node", "/ip4/127.0.0.1/tcp/1"], "/p2p/")
        self.says(["query", "SELECT 1", "--node", ".", "-o", "yaml"], "yaml", "jsonl")
        self.says(["query", "SELECT 1", "--node", ".", "--level", "weekly"], "linearizable")

    def test_words_of_the_parser(self):
        self.says([], "name a command: init, invite, join, node, ")
        self.says(["ns"], "debros: ns: name a command: create, list\n")
        self.says(["query", "SELECT 1", "--node"], "--node needs a value: DIR|MULTIADDR\n")
        self.says(["node", "--data-dir", "a", "b"], "unknown argument b")
        self.says(["node", "--data-dir", "a", "--listen", "/ip4/127.0.0.1/tcp/0", "b"],
                  "unknown argument b")
        self.says(["dev", "--data-dir", "a", "--nodes", "0"], "--nodes", "1 to 100")

    def test_values_name_their_flag(self):
        here = ["--node", "."]
        self.says(["query", "SELECT 1", *here, "-t", "5"], "--timeout 5 is not", "such as 30s")
        self.says(["invite", *here, "--ttl", "x"], "--ttl x is not")
        self.says(["query", "SELECT 1", *here, "--freshness", "x"], "--freshness x is not")
        self.says(["query", "SELECT 1", *here, "-o", "jsno"], "did you mean json?")
        self.says(["query", "", *here], "the statement is empty")
        self.says(["status", "--node", "localhost:4001"], "localhost:4001",
                  "/ip4/127.0.0.1/tcp/4001/p2p/PEER_ID")

    def test_help_is_a_word_as_well(self):
        self.assertEqual(run("help").stdout, run("--help").stdout)
        self.assertEqual(run("help", "ns", "create").stdout,
                         run("ns", "create", "--help").stdout)
        self.assertEqual(run("version").stdout, run("--version").stdout)
        # What holds for all commands stands in one place.
        self.assertIn("Exit codes", run("help").stdout)
        for command in ("node", "status", "dev"):
            shown = run(command, "--help").stdout
            self.assertNotIn("Exit codes", shown)
            self.assertIn("`debros --help` has the environment", shown)

    def test_help_and_version(self):
        for args in (["--help"], ["--version"], ["query", "--help"], ["ns", "--help"]):
            done = run(*args)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn("debros" if args[0] != "ns" else "create", done.stdout)

    def test_a_wrong_log_level(self):
        done = run("init", "--data-dir", "/nonexistent/x", LOG_LEVEL="loud")
        self.assertEqual(done.returncode, 2)
        self.assertIn("LOG_LEVEL", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
