"""What a process costs, sampled while a test torments it."""
import os
import threading

SANITIZED = os.environ.get("DEBROS_SANITIZED") == "true"  # they keep freed memory


def rss(pid):
    """Resident bytes."""
    with open(f"/proc/{pid}/statm", encoding="ascii") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors(pid):
    return len(os.listdir(f"/proc/{pid}/fd"))


def sockets(pid):
    """Of these, those that lead somewhere else: files come and go with the log."""
    def is_socket(fd):
        try:
            return os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:")
        except FileNotFoundError:
            return False
    return sum(map(is_socket, os.listdir(f"/proc/{pid}/fd")))


class Samples(threading.Thread):
    """(rss, descriptors) of a process, `times_per_s`, until stop()."""

    def __init__(self, pid, times_per_s=5):
        super().__init__(daemon=True)
        self.pid, self.rest = pid, 1 / times_per_s
        self.taken, self.ending = [], threading.Event()
        self.start()

    def run(self):
        while not self.ending.wait(self.rest):
            self.taken.append((rss(self.pid), descriptors(self.pid)))

    def stop(self):
        self.ending.set()
        self.join()
        return self.taken


def growth(values):
    """How much the values of the last quarter are above those of the second one, at
    their lowest: what came and went in between is no growth, and the first quarter fills
    pools and tables."""
    quarter = len(values) // 4
    if quarter == 0:
        raise AssertionError(f"only {len(values)} samples")
    return min(values[-quarter:]) - min(values[quarter:2 * quarter])
