"""A node's configuration: files, variables and flags, as a user meets them."""
import json
import os
import signal
import unittest

from harness import FolderCase, Process, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


class Case(FolderCase):
    def file(self, text, name="node.yaml"):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        return path

    def shown(self, *args, **env):
        done = run("config", "show", "-o", "json", *args, **env)
        self.assertEqual(done.returncode, 0, done.stderr)
        return {row["key"]: (row["value"], row["source"]) for row in json.loads(done.stdout)}

    def run_node(self, *args, **env):
        """A node that runs until the test ends, if not stopped before."""
        process = Process("node", *args, **env)
        self.addCleanup(process.kill)
        return process.wait_ready()


class Check(Case):
    def test_the_shipped_files_are_valid(self):
        for name in ("bootstrap.yaml", "node.yaml"):
            done = run("node", "--check-config", "--config", os.path.join(ROOT, "conf", name))
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertEqual(done.stdout, "the configuration is valid\n")

    def test_a_wrong_file_says_all_that_is_wrong(self):
        path = self.file("node:\n  data_dri: x\n  max_connections: ten\n")
        done = run("node", "--config", path, "--check-config")
        self.fails(done, 2, "debros: node: the configuration has 2 errors\n",
                   f"\n  {path}:2: node.data_dri: unknown key: did you mean node.data_dir?\n",
                   f"\n  {path}:3: node.max_connections: 'ten' is not a whole number",
                   "See: debros node --help")
        self.assertEqual(run("node", "--config", path).stderr, done.stderr)
        self.fails(run("config", "show", "--config", path), 2, "2 errors")
        self.fails(run("status", "--config", path), 2, "2 errors")
        self.fails(run("init", "--config", path), 2, "2 errors")
        self.fails(run("dev", "--config", path, "--data-dir", "/nonexistent"), 2, "2 errors")

    def test_one_error_is_one_line(self):
        path = self.file("nod: {}\n")
        done = run("node", "--config", path, "--check-config")
        self.fails(done, 2, f"debros: node: {path}:1: nod: unknown section: did you mean node?\n")

    def test_check_touches_nothing(self):
        folder = os.path.join(self.folder, "untouched")
        path = self.file(f"node: {{data_dir: {folder}, invite: x}}\n")
        self.assertEqual(run("node", "--config", path, "--check-config").returncode, 0)
        self.assertFalse(os.path.exists(folder))

    def test_a_warning_is_no_error(self):
        path = self.file("database: {rqlite_port: 5001, rqlite_raft_port: 7001}\n")
        done = run("node", "--config", path, "--check-config")
        self.assertEqual(done.returncode, 0)
        self.assertEqual(done.stderr, f"debros: node: warning: {path}:1: database.rqlite_port, "
                         "database.rqlite_raft_port: ignored; everything uses the one listen "
                         "address\n")

    def test_files_that_are_none(self):
        self.fails(run("node", "--config", "/nonexistent/x.yaml"), 4,
                   "cannot read /nonexistent/x.yaml: No such file")
        self.fails(run("node", "--config", self.folder), 1, "Is a directory")
        self.fails(run("node", "--config", "/dev/zero"), 2, "more than 65536 bytes")

    def test_without_a_folder(self):
        self.fails(run("node"), 2, "--data-dir", "DEBROS_NODE_DATA_DIR", "--config")
        self.fails(run("init"), 2, "--data-dir")
        self.fails(run("join", "x"), 2, "--data-dir")


class Layers(Case):
    def test_flag_over_environment_over_file_over_default(self):
        path = self.file("node:\n  max_connections: 10\n  data_dir: a\n  max_requests: 20\n")
        key = "node.max_connections"
        self.assertEqual(self.shown()[key], (256, "default"))
        self.assertEqual(self.shown("--config", path)[key], (10, f"{path}:2"))
        self.assertEqual(self.shown(DEBROS_CONFIG=path)[key], (10, f"{path}:2"))
        env = {"DEBROS_NODE_MAX_CONNECTIONS": "11", "DEBROS_NODE_DATA_DIR": "b"}
        self.assertEqual(self.shown("--config", path, **env)[key],
                         (11, "DEBROS_NODE_MAX_CONNECTIONS"))
        values = self.shown("--config", path, "--set", key + "=12", "--data-dir", "c",
                            "--listen", "/ip4/127.0.0.1/tcp/1", "--listen",
                            "/ip4/127.0.0.1/tcp/2", "--open", "--mdns",
                            "--kad-protocol", "/x/1",
                            "--advertise", "/ip4/192.0.2.1/tcp/1",
                            "--advertise", "/dns4/a.example/tcp/2",
                            "--set", "discovery.discovery_interval=5m",
                            DEBROS_DISCOVERY_MAX_DIALS="4", **env)
        self.assertEqual(values[key], (12, "--set"))
        self.assertEqual(values["node.data_dir"], ("c", "--data-dir"))
        self.assertEqual(values["node.max_requests"], (20, f"{path}:4"))
        self.assertEqual(values["node.listen_addresses"],
                         (["/ip4/127.0.0.1/tcp/1", "/ip4/127.0.0.1/tcp/2"], "--listen"))
        self.assertEqual(values["security.open"], (True, "--open"))
        self.assertEqual(values["discovery.mdns"], (True, "--mdns"))
        self.assertEqual(values["discovery.kad_protocol"], ("/x/1", "--kad-protocol"))
        self.assertEqual(values["node.advertise_addresses"],
                         (["/ip4/192.0.2.1/tcp/1", "/dns4/a.example/tcp/2"], "--advertise"))
        self.assertEqual(values["discovery.discovery_interval"], ("5m", "--set"))
        self.assertEqual(values["discovery.max_dials"], (4, "DEBROS_DISCOVERY_MAX_DIALS"))
        self.assertEqual(values["discovery.low_water"], (8, "default"))

    def test_marks_that_do_not_fit(self):
        done = run("node", "--check-config", "--set", "discovery.low_water=100")
        self.fails(done, 2, "--set: discovery.low_water: 100 is above discovery.high_water, 64")
        self.fails(run("node", "--check-config", "--advertise", "/ip4/0.0.0.0/tcp/4001"), 2,
                   "--advertise: node.advertise_addresses: '/ip4/0.0.0.0/tcp/4001': nobody "
                   "can dial a wildcard")

    def test_the_original_s_variables(self):
        values = self.shown(LOG_LEVEL="warn")
        self.assertEqual(values["logging.level"], ("warn", "LOG_LEVEL"))
        done = run("config", "show", BOOTSTRAP_PORT="4001", ENVIRONMENT="production")
        self.assertEqual(done.returncode, 0)
        self.assertIn("BOOTSTRAP_PORT: ignored", done.stderr)
        self.assertIn("ENVIRONMENT: ignored", done.stderr)

    def test_a_slip_in_a_variable(self):
        done = run("config", "show", DEBROS_NODE_MAX_CONECTIONS="5")
        self.assertIn("DEBROS_NODE_MAX_CONECTIONS: an unknown variable: did you mean "
                      "DEBROS_NODE_MAX_CONNECTIONS?", done.stderr)

    def test_a_client_s_values_reach_it(self):
        """A member that is not there: the command says how long it tried."""
        nobody = ("--node", "/ip4/127.0.0.1/tcp/1/p2p/"
                  "12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN")
        path = self.file("client: {connect_timeout: 230ms}\n")
        env = {"DEBROS_CLIENT_CONNECT_TIMEOUT": "220ms"}
        flag = ("--set", "client.connect_timeout=210ms")
        for ms, args, more in ((230, ("--config", path), {}),
                               (230, (), {"DEBROS_CONFIG": path}),
                               (220, ("--config", path), env),
                               (220, (), env),
                               (210, ("--config", path, *flag), env),
                               (5000, (), {})):
            done = run("status", *nobody, *args, **more)
            self.fails(done, 5, f"no member could be reached in {ms} ms")
        # It is no request: only --timeout cuts it short.
        done = run("status", *nobody, *flag, "--set", "database.request_timeout=50ms")
        self.fails(done, 5, "no member could be reached in 210 ms")
        done = run("status", *nobody, "--set", "client.connect_timeout=40s", "-t", "190ms")
        self.fails(done, 5, "no member could be reached in 190 ms")
        values = self.shown("--config", path, **env)
        self.assertEqual(values["client.connect_timeout"],
                         ("220ms", "DEBROS_CLIENT_CONNECT_TIMEOUT"))
        self.assertEqual(self.shown()["client.retry_attempts"], (3, "default"))
        # What is wrong is said, even without a file; of a node's own keys only with one.
        self.fails(run("status", *nobody, DEBROS_CLIENT_CONNECTIONS="17"), 2,
                   "DEBROS_CLIENT_CONNECTIONS: client.connections: '17' is not")
        self.fails(run("status", *nobody, "--set", "client.conections=1"), 2,
                   "did you mean client.connections?")
        self.fails(run("status", *nobody, *flag, DEBROS_NODE_MAX_CONNECTIONS="x"), 2)
        self.fails(run("status", *nobody, DEBROS_NODE_MAX_CONNECTIONS="x", **env), 5)

    def test_a_table_for_people_without_secrets(self):
        done = run("config", "show", "--invite", "debros-invite-secret")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertNotIn("debros-invite-secret", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^node\.invite +\(not shown\) +--invite$")
        self.assertRegex(done.stdout, r"(?m)^database\.election_timeout +1s +default$")
        as_json = run("config", "show", "--invite", "debros-invite-secret", "-o", "json")
        self.assertNotIn("debros-invite-secret", as_json.stdout + as_json.stderr)


class Nodes(Case):
    def test_a_cluster_of_files(self):
        """init, node, invite, a client and a second node: all of them by files alone."""
        one, two = (os.path.join(self.folder, name) for name in ("one", "two"))
        first = self.file(f"node:\n  data_dir: {one}\n  listen_addresses: "
                          "[/ip4/127.0.0.1/tcp/0]\ndatabase: {request_timeout: 20s}\n"
                          "logging: {level: warn}\n", "first.yaml")
        done = run("init", "--config", first)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn(f"debros node --config {first}\n", done.stderr)
        node = self.run_node("--config", first)
        self.assertTrue(os.path.exists(os.path.join(one, "peer.info")))
        self.assertFalse(any(" info " in line for line in node.stderr))
        self.assertEqual(run("query", "SELECT 1", "--config", first).returncode, 0)
        self.assertEqual(run("status", DEBROS_CONFIG=first).returncode, 0)

        invite = run("invite", "--config", first).stdout.strip()
        second = self.file(f"node:\n  data_dir: {two}\n  invite: {invite}\n", "second.yaml")
        # The invite joins once; later starts have no use for it.
        for _ in range(2):
            other = self.run_node("--config", second)
            self.assertEqual(run("query", "SELECT 1", "--config", second).returncode, 0)
            self.assertEqual(other.stop(), 0)
        # Said by a flag, it is meant: the folder has a cluster already.
        self.fails(run("node", "--data-dir", two, "--invite", invite), 6, "cluster")
        self.assertEqual(node.stop(signal.SIGTERM), 0)

    def test_a_wildcard_takes_the_port_of_the_last_run(self):
        folder = os.path.join(self.folder, "wildcard")
        self.assertEqual(run("init", "--data-dir", folder).returncode, 0)
        ports = []
        for _ in range(2):
            node = self.run_node("--data-dir", folder, "--listen", "/ip4/0.0.0.0/tcp/0")
            with open(os.path.join(folder, "peer.info"), encoding="utf-8") as lines:
                ports.append({line.split("/")[4] for line in lines})
            self.assertEqual(node.stop(), 0)
        self.assertEqual(ports[0], ports[1])
        self.assertEqual(len(ports[0]), 1)

    def test_values_reach_the_node(self):
        folder = os.path.join(self.folder, "reach")
        key = os.path.join(self.folder, "elsewhere.key")
        path = self.file(f"node: {{data_dir: {folder}}}\n"
                         f"security: {{identity_file: {key}}}\n", "reach.yaml")
        self.assertEqual(run("init", "--config", path).returncode, 0)
        self.assertTrue(os.path.exists(key))
        self.assertFalse(os.path.exists(os.path.join(folder, "identity.key")))
        node = self.run_node("--config", path, DEBROS_LOGGING_LEVEL="error")
        shown = run("identity", "show", key, "-o", "json")
        self.assertIn(json.loads(shown.stdout)[0]["peer_id"], node.stdout[0])
        self.assertEqual(node.stop(), 0)
        self.assertEqual(node.stderr, [])

    def test_quic_is_skipped(self):
        folder = os.path.join(self.folder, "quic")
        path = self.file(f"node:\n  data_dir: {folder}\n  listen_addresses:\n"
                         "    - /ip4/127.0.0.1/udp/0/quic\n    - /ip4/127.0.0.1/tcp/0\n",
                         "quic.yaml")
        run("init", "--config", path)
        node = self.run_node("--config", path)
        self.assertEqual(run("status", "--config", path).returncode, 0)
        self.assertEqual(node.stop(), 0)
        self.assertIn(f"{path}:4: node.listen_addresses: /ip4/127.0.0.1/udp/0/quic is skipped: "
                      "QUIC is not there yet", "".join(node.stderr))

    def test_dev_takes_a_file_and_keeps_what_is_a_node_s_own(self):
        folder = os.path.join(self.folder, "dev")
        path = self.file("node:\n  data_dir: /nonexistent/x\n  listen_addresses: "
                         "[/ip4/127.0.0.1/tcp/1]\n  invite: none\n"
                         "  advertise_addresses: [/ip4/192.0.2.1/tcp/1]\n"
                         "security: {identity_file: /nonexistent/key}\n"
                         "logging: {level: error, output_file: /nonexistent/log}\n", "dev.yaml")
        dev = Process("dev", "--nodes", 2, "--data-dir", folder, "--config", path)
        self.addCleanup(dev.kill)
        dev.wait_ready()
        node = os.path.join(folder, "node2")
        self.assertEqual(run("query", "SELECT 1", "--node", node).returncode, 0)
        with open(os.path.join(node, "node.log"), encoding="utf-8") as log:
            self.assertNotIn(" info ", log.read())
        self.assertNotIn("192.0.2.1", run("peers", "--node", node).stdout)
        self.assertEqual(dev.stop(), 0)


if __name__ == "__main__":
    unittest.main(verbosity=2)
