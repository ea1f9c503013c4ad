#!/usr/bin/env python3
"""Runs the commands of docs/troubleshooting.md, and brings about what it describes: the
messages that it shows are those that the program says.

    troubleshooting_test.py SOURCE_ROOT BUILD_ROOT
"""
import os
import re
import socket
import subprocess
import sys
import tempfile


def pattern(line):
    """Words in capitals stand for anything."""
    parts = re.split(r'\b(?:ADDRESS|DIR|PID|PORT|PEER|FILE|KEY|IDS|TIME)\b', line)
    return '.+'.join(re.escape(part) for part in parts)


class Guide:
    def __init__(self, text, folder, environment):
        self.sections = dict(re.findall(r'^## (.*?)\n(.*?)(?=^## |\Z)', text, re.M | re.S))
        self.folder, self.environment, self.running = folder, environment, []
        self.text = text
        self.seen = set()

    def run(self, *args, code=0, **more):
        done = subprocess.run(['debros', *args], cwd=self.folder, env={**self.environment, **more},
                              capture_output=True, text=True, stdin=subprocess.DEVNULL,
                              timeout=120, check=False)
        assert done.returncode == code, f'{args}: {done.returncode}: {done.stderr}'
        return done

    def node(self, data):
        process = subprocess.Popen(['debros', 'node', '--data-dir', data], cwd=self.folder,
                                   env=self.environment, stdin=subprocess.DEVNULL,
                                   stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        self.running.append(process)
        assert process.stdout.readline().startswith('ready')
        return process

    def says(self, section, done):
        """One of the messages of the section was said."""
        lines = re.findall(r'^```text\n(.*?)^```$', self.sections[section], re.M | re.S)
        assert lines, f'{section} shows no message'
        for line in lines[0].strip().split('\n'):
            if re.search('^' + pattern(line) + '$', done.stderr, re.M):
                self.seen.add(line)
                return
        sys.exit(f'{section}: not said:\n{lines[0]}\nbut\n{done.stderr}')

    def stop(self):
        for process in self.running:
            process.terminate()
        for process in self.running:
            process.wait(30)
            process.stdout.close()


def situations(guide):
    run = guide.run
    address = open(os.path.join(guide.folder, 'data/peer.info'), encoding='utf-8').readline().strip()
    where, peer = address.split('/p2p/')
    with socket.create_server(('127.0.0.1', 0)) as free:
        closed = f'/ip4/127.0.0.1/tcp/{free.getsockname()[1]}/p2p/{peer}'
    guide.says('Bootstrap connection failed',
               run('query', 'SELECT 1', '--node', closed, '--timeout', '3s', code=5))
    guide.says('Folder in use', run('node', '--data-dir', 'data', code=5))
    guide.says('Port in use', run('node', '--data-dir', 'other', '--listen', where, code=5))
    os.mkdir(os.path.join(guide.folder, 'empty'))
    guide.says('Folder without a cluster', run('node', '--data-dir', 'empty', code=5))
    invite = run('invite').stdout.strip()
    guide.says('Invite refused', run('join', invite + 'x', '--data-dir', 'new', code=2))
    guide.says('Key refused', run('query', 'SELECT 1', '--node', address, '--identity',
                                  'other/operator.key', code=3))
    shown = run('identity', 'show', 'other/identity.key', '-o', 'csv').stdout
    other = shown.splitlines()[1].split(',')[0]
    guide.says('Another peer answered', run('ping', where + '/p2p/' + other, '--identity',
                                            'data/operator.key', code=3))


def main(source, build):
    with open(os.path.join(source, 'docs/troubleshooting.md'), encoding='utf-8') as file:
        text = file.read()
    environment = {k: v for k, v in os.environ.items()
                   if not k.startswith('DEBROS_') and k != 'LOG_LEVEL'}
    environment['PATH'] = os.path.join(build, 'cli') + ':' + environment['PATH']
    with tempfile.TemporaryDirectory() as folder:
        guide = Guide(text, folder, environment)
        try:
            guide.run('init', '--data-dir', 'data')
            guide.run('init', '--data-dir', 'other')
            guide.node('data')
            environment['DEBROS_NODE'] = 'data'
            for script in re.findall(r'^```sh\n(.*?)^```$', text, re.M | re.S):
                for command in script.strip().split('\n'):
                    print('>', command, flush=True)
                    done = subprocess.run(['bash', '-c', command], cwd=folder, env=environment,
                                          stdin=subprocess.DEVNULL, timeout=120, check=False)
                    # A busy machine is degraded, and says so.
                    allowed = (0, 5) if command.startswith('debros health') else (0,)
                    assert done.returncode in allowed, (command, done.returncode)
            situations(guide)
        finally:
            guide.stop()
    assert len(guide.seen) == 7, guide.seen


if __name__ == '__main__':
    main(*sys.argv[1:])
