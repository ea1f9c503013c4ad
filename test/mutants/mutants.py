#!/usr/bin/env python3
"""Plants the bugs of mutants.toml, one at a time, and expects a test to fail of each.

    mutants.py BUILD [--quick] [--only NAME]... [--list]

BUILD is a build folder that is up to date. Only the file with the bug is compiled, with
the flags that the build has for it; its archive is copied with that one member replaced,
and the test is linked with the copy. Nothing in BUILD or in the sources changes.

A mutant: `name`; `file`; `old`, a text that the file holds once, and `new`; `test`, an
executable of BUILD with its arguments, that must fail. `quick`: also in `make test`.
"""
import argparse
import json
import pathlib
import shlex
import subprocess
import sys
import tempfile
import time
import tomllib

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECONDS_MAX = 180  # of one test; one that hangs has noticed, too


class Stale(Exception):
    """The table does not fit the sources any more."""


class Build:
    def __init__(self, folder):
        self.folder = folder
        commands = json.loads((folder / 'compile_commands.json').read_text())
        self.compile = {}
        self.passed = {}
        for entry in commands:
            source = (pathlib.Path(entry['directory']) / entry['file']).resolve()
            if entry['output'].startswith('libdebros/') and '.a.p/' in entry['output']:
                self.compile[source] = entry

    def passes(self, test, arguments):
        """Does the test pass as it is? Asked once for each."""
        key = (test, *arguments)
        if key not in self.passed:
            self.passed[key] = self.run([str(self.folder / test), *arguments]).returncode == 0
        return self.passed[key]

    def run(self, command, **options):
        return subprocess.run(command, cwd=self.folder, capture_output=True, text=True,
                              check=False, **options)

    def object_of(self, source, mutated, into):
        """Compiles `mutated` in the place of `source`; returns (archive, member, object)."""
        entry = self.compile.get(source.resolve())
        if entry is None:
            raise Stale(f'{source} is in no archive of {self.folder}')
        target = into / 'mutant.o'
        words = shlex.split(entry['command'])
        if words[0] == 'ccache':
            words = words[1:]
        words[words.index('-o') + 1] = str(target)
        for flag in ('-MF', '-MQ'):
            words[words.index(flag) + 1] = str(into / 'mutant.d')
        words[words.index('-c') + 1] = str(mutated)
        # A bug may leave a variable or a function unused.
        words += ['-I', str(source.parent), '-Wno-error']
        done = self.run(words)
        if done.returncode != 0:
            raise Stale('the mutant does not compile:\n' + done.stderr)
        return entry['output'].split('.p/')[0], entry['output'], target

    def link(self, test, archive, member, replacement, into):
        copy = into / 'mutant.a'
        if not (self.folder / test).exists():
            self.run(['ninja', test])
        members = self.run(['ar', 't', archive]).stdout.split()
        if member not in members:
            raise Stale(f'{member} is not in {archive}')
        chosen = [str(replacement) if m == member else m for m in members]
        self.run(['ar', 'rcs', str(copy), *chosen]).check_returncode()
        lines = self.run(['ninja', '-t', 'commands', test]).stdout.splitlines()
        words = shlex.split(lines[-1]) if lines else []
        if '-o' not in words or archive not in words:
            raise Stale(f'{test} does not link {archive}')
        if words[0] == 'ccache':
            words = words[1:]
        program = into / 'mutant'
        words[words.index('-o') + 1] = str(program)
        words = [str(copy) if word == archive else word for word in words]
        done = self.run(words)
        if done.returncode != 0:
            raise Stale('the mutant does not link:\n' + done.stderr)
        return program


def mutate(mutant, into):
    source = ROOT / mutant['file']
    text = source.read_text()
    found = text.count(mutant['old'])
    if found != 1:
        raise Stale(f"{mutant['file']} holds the old text {found} times, not once: "
                    'the code has changed; change test/mutants/mutants.toml, too')
    mutated = into / source.name
    mutated.write_text(text.replace(mutant['old'], mutant['new']))
    return source, mutated


def kill(build, mutant):
    """Returns (killed, words)."""
    with tempfile.TemporaryDirectory(prefix='mutant-') as name:
        into = pathlib.Path(name)
        try:
            source, mutated = mutate(mutant, into)
            archive, member, replacement = build.object_of(source, mutated, into)
            test, *arguments = shlex.split(mutant['test'])
            program = build.link(test, archive, member, replacement, into)
        except Stale as error:
            return False, str(error)
        try:
            done = build.run([str(program), *arguments], timeout=SECONDS_MAX)
            words = f'{test} ended with {done.returncode}'
        except subprocess.TimeoutExpired:
            return True, f'{test} hung for {SECONDS_MAX} s'
        if done.returncode != 0 and not build.passes(test, arguments):
            return False, f'{test} fails without the mutant, too'
        return done.returncode != 0, words


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('build', type=pathlib.Path)
    parser.add_argument('--quick', action='store_true')
    parser.add_argument('--only', action='append', default=[])
    parser.add_argument('--list', action='store_true')
    options = parser.parse_args()
    table = tomllib.loads((ROOT / 'test/mutants/mutants.toml').read_text())['mutant']
    names = [mutant['name'] for mutant in table]
    if len(set(names)) != len(names):
        print('two mutants of one name')
        return 1
    chosen = [m for m in table if (not options.only or m['name'] in options.only)
              and (not options.quick or m.get('quick'))]
    if options.list:
        print('\n'.join(m['name'] for m in chosen))
        return 0
    build = Build(options.build.resolve())
    survivors = []
    for mutant in chosen:
        begin = time.monotonic()
        killed, words = kill(build, mutant)
        seconds = time.monotonic() - begin
        print(f"{'killed  ' if killed else 'SURVIVED'} {seconds:5.1f} s  "
              f"{mutant['name']}: {words}", flush=True)
        if not killed:
            survivors.append(mutant['name'])
    print(f'{len(chosen) - len(survivors)} of {len(chosen)} mutants killed')
    return 1 if survivors or not chosen else 0


sys.exit(main())
