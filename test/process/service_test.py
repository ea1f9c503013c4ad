"""conf/debros.service: what it runs exists, and systemd takes it as it is."""
import configparser
import os
import re
import shutil
import subprocess
import unittest

from harness import DEBROS, FolderCase, Process, run

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
UNIT = os.path.join(ROOT, "conf", "debros.service")


def read_unit():
    with open(UNIT, encoding="utf-8") as file:
        return file.read()


class Service(FolderCase):
    def commands(self):
        """The words of each ExecStart line, without the program's path."""
        lines = re.findall(r"(?m)^Exec\w+=(\S+) (.*)$", read_unit())
        self.assertEqual([path for path, _ in lines], ["/usr/bin/debros"] * len(lines))
        self.assertTrue(lines)
        return [words.split() for _, words in lines]

    def test_the_flags_exist(self):
        helped = run("node", "--help").stdout
        for words in self.commands():
            self.assertEqual(words[0], "node")
            for flag in (word for word in words if word.startswith("--")):
                self.assertRegex(helped, rf"(?m)^\s+{flag}\b")

    def test_the_commands_of_its_comment_exist(self):
        for words in re.findall(r"(?m)^#   debros (.*?)(?:  +.*)?$", read_unit()):
            command, *rest = words.split()
            helped = run(command, "--help")
            self.assertEqual(helped.returncode, 0)
            for flag in (word for word in rest if word.startswith("--")):
                self.assertRegex(helped.stdout, rf"(?m)^\s+{flag}\b")

    def test_it_checks_and_starts_as_written(self):
        """With the paths of a machine of our own in place of the unit's."""
        folder = os.path.join(self.folder, "state")
        self.assertEqual(run("init", "--data-dir", folder).returncode, 0)
        paths = {"/etc/debros/node.yaml": os.path.join(ROOT, "conf", "node.yaml"),
                 "/var/lib/debros": folder}
        check, start = [[paths.get(word, word) for word in words]
                        for words in self.commands()]
        done = run(*check)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        loopback = ["--listen", "/ip4/127.0.0.1/tcp/0"]
        node = Process(*start, *loopback)
        self.addCleanup(node.kill)
        node.wait_ready()
        self.assertEqual(run("status", "--node", folder).returncode, 0)
        self.assertEqual(node.stop(), 0)

    def test_systemd_verifies_it(self):
        if not shutil.which("systemd-analyze"):
            self.skipTest("systemd-analyze is not installed")
        unit = os.path.join(self.folder, "debros.service")
        with open(unit, "w", encoding="utf-8") as file:
            file.write(read_unit().replace("/usr/bin/debros", os.path.abspath(DEBROS)))
        done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True,
                              text=True, timeout=60, check=False)
        ours = [line for line in done.stderr.splitlines() if "debros.service" in line]
        self.assertEqual((done.returncode, ours), (0, []), done.stderr)

    def test_each_setting_stands_once(self):
        parser = configparser.ConfigParser(strict=True, interpolation=None)
        parser.optionxform = str
        text = re.sub(r"(?m)^(SystemCallFilter=~|#).*$", "", read_unit())
        parser.read_string(text)
        self.assertEqual(parser.sections(), ["Unit", "Service", "Install"])
        self.assertEqual(parser["Service"]["DynamicUser"], "yes")


if __name__ == "__main__":
    unittest.main(verbosity=2)
