"""What load.c wrote down, held against what a strictly serializable database may do.

Requests carry the log's index, so no search is needed: the writes in the order of their
indexes are the only candidate for a serial order, and it must agree with real time.
"""
from typing import NamedTuple


class Write(NamedTuple):
    writer: int
    n: int
    began: int
    ended: int
    status: int
    index: int


class Read(NamedTuple):
    began: int
    ended: int
    status: int
    index: int
    seen: dict


def parse(lines):
    """The writes and the reads of all lines; an unfinished last line is none."""
    writes, reads = [], []
    for line in lines:
        kind, *words = line.split()
        if kind == "W":
            writes.append(Write(*map(int, words)))
        else:
            seen = dict(tuple(map(int, word.split("="))) for word in words[4:])
            reads.append(Read(*map(int, words[:4]), seen))
    return writes, reads


def acknowledged(writes):
    return [write for write in writes if write.status == 0]


def _sweep(requests):
    """Pairs of a request, in the order of beginning, and those that ended before it since
    the request before it began."""
    by_end = sorted(requests, key=lambda r: r.ended)
    at = 0
    for request in sorted(requests, key=lambda r: r.began):
        start = at
        while at < len(by_end) and by_end[at].ended < request.began:
            at += 1
        yield request, by_end[start:at]


def _check_writes(writes):
    """A write has a larger index than each write that was acknowledged before it began."""
    problems, largest = [], None
    for write, before in _sweep(acknowledged(writes)):
        largest = max(before + ([largest] if largest else []), key=lambda w: w.index,
                      default=None)
        if largest and write.index <= largest.index:
            problems.append(f"order: {write} began after {largest} ended")
    return problems


def _check_real_time(writes, reads):
    """A read sees what was acknowledged before it began, and nothing from the future."""
    problems, least = [], {}
    for request, before in _sweep(acknowledged(writes) + reads):
        for write in before:
            if isinstance(write, Write):
                least[write.writer] = max(least.get(write.writer, 0), write.n)
        if isinstance(request, Read):
            problems += [f"stale: {request} does not see writer {writer}'s {n}"
                         for writer, n in least.items() if request.seen.get(writer, 0) < n]
    began = {(write.writer, write.n): write.began for write in writes}
    for read in reads:
        for pair in read.seen.items():
            if began.get(pair, read.ended) >= read.ended:
                problems.append(f"future: {read} sees {pair}, not yet sent")
    return problems


def _check_reads(reads):
    """A read never sees less than one that ended before it began."""
    problems, most = [], {}
    for read, before in _sweep(reads):
        for earlier in before:
            for writer, n in earlier.seen.items():
                most[writer] = max(most.get(writer, 0), n)
        problems += [f"backwards: {read} has lost writer {writer}'s {n}"
                     for writer, n in most.items() if read.seen.get(writer, 0) < n]
    return problems


def check(writes, reads):
    """A list of problems, as text."""
    reads = [read for read in reads if read.status == 0]
    return _check_writes(writes) + _check_real_time(writes, reads) + _check_reads(reads)


def check_rows(writes, rows):
    """`rows` of (writer, n) in the order of their insertion, of one node."""
    problems = []
    counts = {}
    for row in rows:
        counts[row] = counts.get(row, 0) + 1
    problems += [f"twice: {row} is there {n} times" for row, n in counts.items() if n > 1]
    sent = {(write.writer, write.n) for write in writes}
    problems += [f"unknown: nobody sent {row}" for row in counts if row not in sent]
    indexes = {(write.writer, write.n): write.index for write in acknowledged(writes)}
    problems += [f"lost: {row} was acknowledged" for row in indexes if row not in counts]
    last = 0
    for row in rows:
        index = indexes.get(row, last)
        if index < last:
            problems.append(f"row order: {row} of index {index} comes after index {last}")
        last = max(last, index)
    return problems
