#!/usr/bin/env python3
"""Aims a simulated node's death at each failpoint of the sources, in turn.

    points_test.py SIM_TEST LIBDEBROS [COUNT]

At each of them nodes must have died within COUNT seeds, and no invariant may break. The
points of api/ are test/api/failpoints_test.c's.
"""
import pathlib
import re
import subprocess
import sys

POINT = re.compile(r'\bDBR_FAILPOINT\("([^"]+)"\)')
MIN_POINTS = 60


def main(sim_test, libdebros, count='60'):
    names = []
    for path in sorted(pathlib.Path(libdebros).rglob('*.c')):
        names += POINT.findall(path.read_text())
    double = {name for name in names if names.count(name) > 1}
    print(f'{len(names)} failpoints')
    if double or len(names) < MIN_POINTS:
        print(f'used twice: {sorted(double)}; at least {MIN_POINTS} are wanted')
        return 1
    aimed = [name for name in names if not name.startswith('api.')]
    return subprocess.run([sim_test, '--points', ','.join(aimed), '--count', count],
                          check=False).returncode


sys.exit(main(*sys.argv[1:]))
