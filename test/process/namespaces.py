"""A network of our own: one namespace for each node around a bridge, without traces.

A test program that calls enter() runs again inside a fresh network and mount namespace,
as root or as the root of a user namespace; where neither is allowed it is skipped. Nodes'
namespaces are held by a process each, and all of it ends with the test.

Links are cut with static neighbor entries: who sends to a wrong hardware address is not
told that nobody listens, and each direction of each pair is a link of its own.
"""
import os
import subprocess
import sys
import time

SKIPPED = 77  # Meson's code for it
INSIDE = "PROCESS_TEST_INSIDE"
WAYS = (["unshare", "-nm"], ["unshare", "-nm", "--propagation", "unchanged"],
        ["unshare", "-Urnm"])
PROBE = "ip link set lo up && ip link add probe0 type veth peer name probe1 && " \
        "ip link add probe2 type bridge && unshare -n true"
WRONG = "02:00:00:00:00:fe"


def skip(why):
    print(f"skipped: {why}", flush=True)
    sys.exit(SKIPPED)


def enter():
    """Returns inside of the namespaces, or never."""
    if INSIDE in os.environ:
        ip("link", "set", "lo", "up")
        return
    said = []
    for way in WAYS:
        try:
            done = subprocess.run([*way, "sh", "-c", PROBE], capture_output=True, text=True,
                                  timeout=60, check=False)
        except FileNotFoundError as error:
            skip(f"{error.filename} is not installed (util-linux)")
        if done.returncode == 0:
            os.execvpe(way[0], [*way, sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})
        said += done.stderr.strip().splitlines()[-1:]
    skip("no rights for network namespaces, or no iproute2: " + "; ".join(said))


def ip(*words, inside=()):
    subprocess.run([*inside, "ip", *map(str, words)], check=True, timeout=60)


def address(n):
    return f"10.77.0.{n}"


def hardware(n):
    return f"02:00:00:00:00:{n:02x}"


class Network:
    """Namespaces 1 to n; number 254 is where the test itself and its clients are."""
    hub = 254

    def __init__(self, n):
        self.numbers = range(1, n + 1)
        self.holders = {}
        ip("link", "add", "bridge0", "address", hardware(self.hub), "type", "bridge")
        ip("addr", "add", address(self.hub) + "/24", "dev", "bridge0")
        ip("link", "set", "bridge0", "up")
        for number in self.numbers:
            self._add(number)
        self.heal()

    def _add(self, n):
        holder = subprocess.Popen(["unshare", "-n", "cat"], stdin=subprocess.PIPE)
        self.holders[n] = holder
        end = time.monotonic() + 60
        ours = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{holder.pid}/ns/net") == ours:
            if holder.poll() is not None or time.monotonic() > end:
                raise AssertionError("unshare made no namespace")
            time.sleep(0.005)
        ip("link", "add", f"node{n}", "master", "bridge0", "type", "veth", "peer", "name",
           "eth0", "address", hardware(n), "netns", holder.pid)
        ip("link", "set", f"node{n}", "up")
        inside = self.inside(n)
        ip("link", "set", "lo", "up", inside=inside)
        ip("addr", "add", address(n) + "/24", "dev", "eth0", inside=inside)
        ip("link", "set", "eth0", "up", inside=inside)

    def inside(self, n):
        """The words before a command that runs in namespace n."""
        if n == self.hub:
            return ()
        return ("nsenter", f"--net=/proc/{self.holders[n].pid}/ns/net")

    def _link(self, n, others, works):
        device = "bridge0" if n == self.hub else "eth0"
        lines = [f"neigh replace {address(other)} dev {device} nud permanent lladdr "
                 f"{hardware(other) if works else WRONG}" for other in others]
        subprocess.run([*self.inside(n), "ip", "-batch", "-"], input="\n".join(lines),
                       text=True, check=True, timeout=60)

    def everyone(self):
        return [*self.numbers, self.hub]

    def heal(self):
        for n in self.everyone():
            self._link(n, [other for other in self.everyone() if other != n], True)

    def cut_one_way(self, senders, receivers):
        """What `senders` send to `receivers` is lost; the other direction stays."""
        for n in senders:
            self._link(n, receivers, False)

    def partition(self, some, others):
        self.cut_one_way(some, others)
        self.cut_one_way(others, some)

    def without(self, some):
        return [n for n in self.numbers if n not in some]

    def close(self):
        for n, holder in self.holders.items():
            ip("link", "del", f"node{n}")  # the kernel would, but later than the next network
            holder.stdin.close()
            holder.wait(60)
        ip("link", "del", "bridge0")
