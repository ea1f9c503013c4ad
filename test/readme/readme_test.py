#!/usr/bin/env python3
"""Runs what README.md shows, block by block, in an empty folder that looks like the tree.

    readme_test.py SOURCE_ROOT BUILD_ROOT

A block that ends by starting a node goes on in the background, as it would in a terminal
of its own. Its C program is examples/hello.c. The lines of ./scripts/ are left out: they
are how this test came to run.
"""
import os
import re
import signal
import subprocess
import sys
import tempfile
import time

READY_S = 120


def blocks(text, language):
    return re.findall(r'^```' + language + r'\n(.*?)^```$', text, re.M | re.S)


def start(script, folder):
    """A terminal of its own; returns once its node says that it is ready."""
    log = os.path.join(folder, f'log{time.monotonic_ns()}')
    with open(log, 'w', encoding='utf-8') as out:
        process = subprocess.Popen(['bash', '-e', '-c', script], cwd=folder, stdout=out,
                                   stderr=out, stdin=subprocess.DEVNULL, start_new_session=True)
    end = time.monotonic() + READY_S
    while not re.search(r'^ready', open(log, encoding='utf-8').read(), re.M):
        if process.poll() is not None or time.monotonic() > end:
            stop(process)
            sys.exit(f'not ready: {script}\n{open(log, encoding="utf-8").read()}')
        time.sleep(0.1)
    return process


def stop(process):
    try:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(30)
    except ProcessLookupError:
        pass
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)


def run_blocks(scripts, folder):
    running = []
    path = 'export PATH=$PWD/build/cli:$PATH\n'
    try:
        for script in scripts:
            script = re.sub(r'^\./scripts/.*\n', '', script, flags=re.M)
            print('>', script.strip().replace('\n', '\n  '), flush=True)
            last = script.strip().split('\n')[-1]
            if re.match(r'debros (dev|node) ', last):
                running.append(start(path + script, folder))
            else:
                subprocess.run(['bash', '-e', '-c', path + script], cwd=folder, check=True,
                               stdin=subprocess.DEVNULL, timeout=READY_S)
    finally:
        for process in running:
            stop(process)


def main(source, build):
    with open(os.path.join(source, 'README.md'), encoding='utf-8') as file:
        text = file.read()
    with open(os.path.join(source, 'examples', 'hello.c'), encoding='utf-8') as file:
        if blocks(text, 'c') != [file.read()]:
            sys.exit('README.md does not show examples/hello.c as it is')
    scripts = blocks(text, 'sh')
    assert scripts
    with tempfile.TemporaryDirectory() as folder:
        for name in ['examples', 'libdebros']:
            os.symlink(os.path.join(source, name), os.path.join(folder, name))
        os.symlink(build, os.path.join(folder, 'build'))
        run_blocks(scripts, folder)


if __name__ == '__main__':
    main(*sys.argv[1:])
