#!/usr/bin/env python3
"""Stock js-libp2p peers against our program, both ways, over IPv4 and IPv6 loopback.

    interop_test.py PATH/TO/debros PATH/TO/swarm_peer [TEST ...]

Handshake, identify, ping and the end of a connection, each begun by either side. Needs
Node.js 22 or later and `npm ci` in this folder: scripts/setup does both.
"""
import json
import os
import queue
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
STOCK = ['/ipfs/id/1.0.0', '/ipfs/ping/1.0.0', '/ipfs/id/push/1.0.0']
PATIENCE = 60  # seconds: a busy machine may be slow, a test that hangs ends
DEBROS = None
SWARM_PEER = None
NODE_JS = None


def find_node_js():
    """Node.js 22 or later: js-libp2p 3 asks for it."""
    for path in (os.path.join(ROOT, '.deps', 'bin', 'node'), shutil.which('node')):
        if path and os.access(path, os.X_OK):
            version = subprocess.run([path, '--version'], capture_output=True, text=True)
            number = re.match(r'v(\d+)', version.stdout)
            if number and int(number.group(1)) >= 22:
                return path
    sys.exit('interop_test: needs Node.js 22 or later in .deps/bin or on the PATH: '
             'run scripts/setup test')


def check_modules():
    if not os.path.isdir(os.path.join(HERE, 'node_modules', 'libp2p')):
        sys.exit('interop_test: the js-libp2p peers are not installed: run scripts/setup '
                 'test, or `npm ci` in test/interop')


class Process:
    """A child whose output lines are gathered; stopped by its own id."""

    def __init__(self, args):
        self.lines = queue.Queue()
        self.seen = []
        self.child = subprocess.Popen(args, cwd=HERE, stdin=subprocess.PIPE, text=True,
                                      stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.errors = []
        self.threads = [
            threading.Thread(target=self.gather, args=(self.child.stdout, self.lines.put)),
            threading.Thread(target=self.gather, args=(self.child.stderr, self.errors.append)),
        ]
        for thread in self.threads:
            thread.start()

    @staticmethod
    def gather(stream, take):
        with stream:
            for line in stream:
                take(line.rstrip('\n'))
        take(None)

    def wait_line(self, wanted, seconds=PATIENCE):
        """The next line that `wanted` turns into something."""
        end = time.monotonic() + seconds
        while True:
            try:
                line = self.lines.get(timeout=max(0.01, end - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f'nothing came in {seconds} s after {self.told()}')
            if line is None:
                raise AssertionError(f'the process ended early: {self.told()}')
            self.seen.append(line)
            found = wanted(line)
            if found is not None:
                return found

    def told(self):
        return f'{self.seen[-20:]} and {self.errors[-20:]}'

    def stop(self):
        if self.child.poll() is None:
            self.child.stdin.close()
            self.child.terminate()
        try:
            code = self.child.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.child.kill()
            code = self.child.wait()
        for thread in self.threads:
            thread.join(PATIENCE)
        return code


class JsPeer(Process):
    def __init__(self, *options):
        super().__init__([NODE_JS, os.path.join(HERE, 'peer.mjs'), *options])
        ready = self.wait_event('ready')
        self.id = ready['id']
        self.addrs = ready['addrs']
        self.tag = 0

    def wait_event(self, name, seconds=PATIENCE, **fields):
        def wanted(line):
            event = json.loads(line)
            if event['event'] == name and all(event.get(k) == v for k, v in fields.items()):
                return event
            return None
        return self.wait_line(wanted, seconds)

    def ask(self, do, addr):
        self.tag += 1
        self.child.stdin.write(json.dumps({'do': do, 'addr': addr, 'tag': self.tag}) + '\n')
        self.child.stdin.flush()

        def wanted(line):
            event = json.loads(line)
            return event if event.get('tag') == self.tag else None
        answer = self.wait_line(wanted)
        if answer['event'] == 'error':
            raise AssertionError(f'js: {do} {addr}: {answer["message"]}')
        return answer


class SwarmPeer(Process):
    """Our swarm without a node around it, made to change what it says of itself."""

    def __init__(self, *options):
        super().__init__([SWARM_PEER, *options])
        ready = self.wait_event('ready')
        self.id = ready['id']
        self.addr = ready['addr'] + '/p2p/' + self.id

    def wait_event(self, name, **fields):
        def wanted(line):
            event = json.loads(line)
            if event['event'] == name and all(event.get(k) == v for k, v in fields.items()):
                return event
            return None
        return self.wait_line(wanted)

    def do(self, line):
        self.child.stdin.write(line + '\n')
        self.child.stdin.flush()

    def ask(self, line):
        """A question to the hash table."""
        self.do(line)
        return self.wait_event('done')


class OurNode(Process):
    """A cluster of one node, in a folder of its own."""

    def __init__(self, folder, *options):
        self.folder = folder
        run_debros('init', '--data-dir', folder)
        super().__init__([DEBROS, 'node', '--data-dir', folder,
                          '--listen', '/ip4/127.0.0.1/tcp/0',
                          '--listen', '/ip6/::1/tcp/0', *options])
        self.wait_line(lambda line: line.startswith('ready ') or None)
        with open(os.path.join(folder, 'peer.info'), encoding='utf-8') as file:
            self.addrs = file.read().split()
        self.id = self.addrs[0].rsplit('/', 1)[1]


def run_debros(*args, code=0):
    """What it printed, as (stdout, stderr)."""
    done = subprocess.run([DEBROS, *args], capture_output=True, text=True, timeout=PATIENCE,
                          check=False)
    if done.returncode != code:
        raise AssertionError(f'debros {" ".join(args)}: exit {done.returncode}, not {code}: '
                             f'{done.stdout}{done.stderr}')
    return done.stdout, done.stderr


def run_json(*args):
    """The one record of a command's JSON output."""
    record = json.loads(run_debros(*args, '-o', 'json')[0])
    return record[0] if isinstance(record, list) else record


def words(value):
    """A list, or a text of several words, as a list."""
    return value if isinstance(value, list) else re.split(r'[\s,]+', value)


def plain(addr):
    return addr.split('/p2p/')[0]


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='debros-interop-')
        cls.processes = []
        try:
            cls.js = cls.start(JsPeer)
            cls.node = cls.start(OurNode, os.path.join(cls.folder.name, 'closed'))
            cls.open_node = cls.start(OurNode, os.path.join(cls.folder.name, 'open'), '--open')
        except BaseException:
            cls.tearDownClass()
            raise

    @classmethod
    def start(cls, kind, *args):
        process = kind(*args)
        cls.processes.append(process)
        return process

    @classmethod
    def tearDownClass(cls):
        for process in cls.processes:
            process.stop()
        cls.folder.cleanup()

    def check_js_view(self, told, node):
        self.assertEqual(told['peer'], node.id)
        self.assertTrue(told['agent'].startswith('debros/'), told['agent'])
        self.assertEqual(told['protocols'][:3], STOCK)
        self.assertIn('/debros/raft/1.0.0', told['protocols'])
        self.assertEqual(sorted(told['addrs']), sorted(plain(a) for a in node.addrs))

    def test_js_dials_us(self):
        for addr in self.node.addrs:
            with self.subTest(addr=addr):
                dialed = self.js.ask('dial', addr)
                self.assertEqual(dialed['id'], self.node.id)
                self.assertEqual(dialed['encryption'], '/noise')
                self.assertEqual(dialed['multiplexer'], '/yamux/1.0.0')
                told = self.js.ask('identify', addr)
                self.check_js_view(told, self.node)
                self.assertEqual(told['observed'].split('/')[1:3], addr.split('/')[1:3])
                for _ in range(5):
                    self.assertLess(self.js.ask('ping', addr)['ms'], PATIENCE * 1000)
                self.js.ask('hangup', addr)

    def test_we_ping_js(self):
        for addr in self.js.addrs:
            with self.subTest(addr=addr):
                for target in (addr, plain(addr)):
                    rtt = float(run_json('ping', target)['rtt_ms'])
                    self.assertGreater(rtt, 0)
                    self.assertLess(rtt, PATIENCE * 1000)

    def test_we_identify_js(self):
        for addr in self.js.addrs:
            with self.subTest(addr=addr):
                told = run_json('identify', addr)
                self.assertEqual(told['id'], self.js.id)
                self.assertTrue(told['agent'].startswith('js-libp2p/3.3.11 '), told['agent'])
                self.assertEqual(sorted(words(told['protocols'])), sorted(STOCK))
                self.assertEqual(sorted(words(told['addrs'])),
                                 sorted(plain(a) for a in self.js.addrs))
                self.assertEqual(told['observed'].split('/')[1:3], addr.split('/')[1:3])

    def test_another_peer_than_the_named_one_is_refused(self):
        addr = plain(self.js.addrs[0]) + '/p2p/' + self.node.id
        _, said = run_debros('ping', addr, code=3)
        self.assertIn(self.js.id, said)
        self.assertIn(self.node.id, said)

    def test_a_running_node_dials_js(self):
        for addr in self.js.addrs:
            with self.subTest(addr=addr):
                told = run_json('connect', addr, '--node', self.open_node.folder)
                self.assertEqual(told['id'], self.js.id)
                self.js.wait_event('connect', peer=self.open_node.id)
                told = self.js.wait_event('identify', peer=self.open_node.id)
                self.check_js_view(told, self.open_node)
                # js uses the connection that we made.
                self.js.ask('ping', self.open_node.addrs[0])
                self.js.ask('hangup', self.open_node.addrs[0])

    def test_a_closed_node_keeps_strangers_for_ten_seconds(self):
        closed, kept = self.start(JsPeer), self.start(JsPeer)
        begun = time.monotonic()
        closed.ask('dial', self.node.addrs[0])
        kept.ask('dial', self.open_node.addrs[0])
        closed.wait_event('disconnect', peer=self.node.id)
        self.assertGreater(time.monotonic() - begun, 9)
        # The open node's stranger stays, and its quiet ping streams end well.
        kept.ask('ping', self.open_node.addrs[0])
        time.sleep(2)
        kept.ask('ping', self.open_node.addrs[0])
        while not kept.lines.empty():
            kept.seen.append(kept.lines.get())
        self.assertFalse([line for line in kept.seen if '"disconnect"' in line])

    def wait_known(self, js, peer, check):
        """Asks js until what it keeps of `peer` is as it should be."""
        end = time.monotonic() + PATIENCE
        while True:
            known = js.ask('known', peer.id)
            if check(known):
                return known
            self.assertLess(time.monotonic(), end, known)
            time.sleep(0.05)

    def check_pushes(self, js, peer):
        """Connected, whoever dialed: changes arrive on both sides."""
        listens = plain(peer.addr)
        known = self.wait_known(js, peer, lambda k: k['certified'] == [listens])
        self.assertGreater(known['record'], 100)
        self.assertNotIn('/interop/offered/1.0.0', known['protocols'])
        heard = peer.wait_event('identified', peer=js.id)
        self.assertGreater(heard['seq'], 0)  # js's record holds, too
        self.assertEqual(sorted(heard['addrs']), sorted(plain(a) for a in js.addrs))
        # We change: js hears of an address and of a protocol, and believes our record.
        other = '/ip4/127.0.0.1/tcp/9'
        peer.do('announce ' + other)
        peer.do('offer 1')
        self.wait_known(js, peer, lambda k: (sorted(k['certified']) == sorted([listens, other])
                                             and '/interop/offered/1.0.0' in k['protocols']
                                             and not k['others']))
        # js changes.
        js.ask('handle', '/interop/handled/1.0.0')
        heard = peer.wait_event('identified', peer=js.id)
        while '/interop/handled/1.0.0' not in heard['protocols']:
            heard = peer.wait_event('identified', peer=js.id)
        self.assertIn('/ipfs/id/1.0.0', heard['protocols'])

    def test_pushes_when_js_dials(self):
        js, peer = self.start(JsPeer), self.start(SwarmPeer)
        js.ask('dial', peer.addr)
        self.check_pushes(js, peer)

    def test_pushes_when_we_dial(self):
        js, peer = self.start(JsPeer), self.start(SwarmPeer)
        peer.do('dial ' + js.addrs[0])
        peer.wait_event('dialed', status=0)
        js.wait_event('identify', peer=peer.id)
        self.check_pushes(js, peer)

    def test_we_stop_politely(self):
        js = self.start(JsPeer)
        node = self.start(OurNode, os.path.join(self.folder.name, 'stopping'), '--open')
        js.ask('dial', node.addrs[0])
        js.ask('ping', node.addrs[0])
        self.assertEqual(node.stop(), 0)
        js.wait_event('disconnect', peer=node.id)


class Kademlia(unittest.TestCase):
    """js-libp2p's Kademlia service, a node of an open cluster and our bare machine."""

    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.TemporaryDirectory(prefix='debros-interop-')

    @classmethod
    def tearDownClass(cls):
        cls.folder.cleanup()

    def start(self, kind, *args):
        process = kind(*args)
        self.addCleanup(process.stop)
        return process

    def start_node(self):
        return self.start(OurNode, os.path.join(self.folder.name, self.id().split('.')[-1]),
                          '--open')

    def until(self, ask, good):
        """Tables fill in their own time: asks until the answer is good."""
        end = time.monotonic() + PATIENCE
        while True:
            answer = ask()
            if good(answer):
                return answer
            self.assertLess(time.monotonic(), end, answer)
            time.sleep(0.2)

    def join_js(self, *others):
        js = self.start(JsPeer, 'kad', '/ip4/127.0.0.1/tcp/0')
        for other in others:
            js.ask('dial', getattr(other, 'addr', None) or other.addrs[0])
        return js

    @staticmethod
    def said(answer, peer, name='PEER_RESPONSE'):
        return [event for event in answer['told']
                if event.get('from') == peer.id and event['name'] == name]

    def names(self, answer, peer, field, wanted):
        return any(wanted.id in (event.get(field) or []) for event in self.said(answer, peer))

    def test_js_finds_peers_through_us(self):
        node = self.start_node()
        first, second = self.join_js(node), self.join_js(node)
        answer = self.until(lambda: first.ask('findPeer', second.id),
                            lambda a: self.names(a, node, 'closer', second))
        found = [event for event in answer['told'] if event['name'] == 'FINAL_PEER']
        self.assertEqual(found[0]['peer'], second.id)
        self.assertEqual([plain(a) for a in found[0]['addrs']], [plain(second.addrs[0])])

    def test_js_provides_to_us(self):
        node = self.start_node()
        first, second = self.join_js(node), self.join_js(node)
        self.until(lambda: first.ask('provide', 'a block'),
                   lambda a: self.said(a, node))
        self.until(lambda: second.ask('findProviders', 'a block'),
                   lambda a: self.names(a, node, 'providers', first))
        answer = second.ask('findProviders', 'another block')
        self.assertFalse(self.names(answer, node, 'providers', first))

    def test_js_puts_to_us_and_gets(self):
        node = self.start_node()
        first = self.join_js(node)
        answer = self.until(lambda: first.ask('put', 'hello'),
                            lambda a: self.said(a, node))
        forged = first.ask('putForged', 'hello')
        self.assertTrue(self.said(forged, node, 'QUERY_ERROR'), forged)
        first.stop()  # from now on only we have it
        second = self.join_js(node)
        told = self.until(lambda: second.ask('get', answer['key']),
                          lambda a: self.said(a, node, 'VALUE'))
        newest = max(event['value'] for event in self.said(told, node, 'VALUE'))
        self.assertEqual(newest, answer['value'])
        told = second.ask('get', forged['key'])
        self.assertTrue(self.said(told, node), told)
        self.assertFalse([event for event in told['told'] if event.get('value')], told)

    def test_we_ask_js(self):
        js = self.join_js()
        ours = self.start(SwarmPeer, 'kad')
        far = self.start(SwarmPeer, 'kad')
        for peer in (ours, far):
            peer.do('dial ' + js.addrs[0])
            peer.wait_event('dialed', status=0)
        # Through js we find each other, and dial.
        self.until(lambda: ours.ask('find ' + far.id),
                   lambda d: d['status'] == 0 and d['addrs'] == [plain(far.addr)])
        block = js.ask('multihash', 'our block')['hex']
        self.until(lambda: far.ask('provide ' + block), lambda d: d.get('stored', 0) >= 1)
        self.until(lambda: js.ask('findProviders', 'our block'),
                   lambda a: any(far.id in (event.get('providers') or [])
                                 for event in a['told']))
        self.until(lambda: far.ask('put a text'), lambda d: d.get('stored', 0) >= 1)
        got = self.until(lambda: js.ask('get', f'/debros/app/{far.id}/put'),
                         lambda a: a['told'] and any(e.get('value') for e in a['told']))
        values = [event['value'] for event in got['told'] if event.get('value')]
        self.assertTrue(values[0].endswith('a text'.encode().hex()), values)

    def test_js_answers_us(self):
        js = self.join_js()
        ours = self.start(SwarmPeer, 'kad')
        ours.do('dial ' + js.addrs[0])
        ours.wait_event('dialed', status=0)
        self.until(lambda: ours.ask('find ' + js.id), lambda d: d['status'] == 0)
        block = js.ask('multihash', 'js block')['hex']
        js.ask('provide', 'js block')
        self.until(lambda: ours.ask('providers ' + block), lambda d: d['peers'] == [js.id])
        put = js.ask('put', 'of js')
        got = self.until(lambda: ours.ask('get ' + put['key']), lambda d: d['status'] == 0)
        self.assertEqual(got['data'], put['value'])
        # js takes anything; we do not believe it.
        forged = js.ask('putForged', 'forged')
        self.assertNotEqual(ours.ask('get ' + forged['key'])['status'], 0)

    def test_our_machine_and_a_node(self):
        node = self.start_node()
        ours, far = self.start(SwarmPeer, 'kad'), self.start(SwarmPeer, 'kad')
        for peer in (ours, far):
            peer.do('dial ' + node.addrs[0])
            peer.wait_event('dialed', status=0)
        self.until(lambda: ours.ask('put a text'), lambda d: d.get('stored', 0) >= 1)
        got = self.until(lambda: far.ask(f'get /debros/app/{ours.id}/put'),
                         lambda d: d['status'] == 0)
        self.assertTrue(got['data'].endswith('a text'.encode().hex()), got)

    def try_json(self, node, *args):
        """A command at the node that may not find what it looks for yet: then None."""
        done = subprocess.run([DEBROS, 'dht', args[0], '--node', node.folder, *args[1:], '-o',
                               'json'], capture_output=True, text=True, timeout=PATIENCE,
                              check=False)
        self.assertIn(done.returncode, (0, 4, 5), done.stderr)
        return json.loads(done.stdout) if done.returncode == 0 else None

    def test_people_and_js(self):
        """What the program puts and provides js finds, and the other way."""
        node = self.start_node()
        js = self.join_js(node)
        self.until(lambda: self.try_json(node, 'table'), lambda rows: rows)
        put = self.until(lambda: self.try_json(node, 'put', 'greeting', 'a text'),
                         lambda d: d and d['stored'] == 1)
        told = js.ask('get', put['key'])['told']
        values = [event['value'] for event in told if event.get('value')]
        self.assertTrue(values and values[0].endswith('a text'.encode().hex()), told)

        theirs = js.ask('put', 'of js')
        got = self.until(lambda: self.try_json(node, 'get', theirs['key']), lambda d: d)
        self.assertEqual((got['value'], got['writer']), ('of js', js.id))
        forged = js.ask('putForged', 'forged')
        self.assertIsNone(self.try_json(node, 'get', forged['key']))

        self.until(lambda: self.try_json(node, 'provide', 'our block'),
                   lambda d: d and d['stored'] == 1)
        told = js.ask('findProviders', 'our block')['told']
        self.assertTrue(any(node.id in (event.get('providers') or []) for event in told), told)
        js.ask('provide', 'js block')
        found = self.until(lambda: self.try_json(node, 'providers', 'js block'), lambda d: d)
        self.assertEqual([peer['id'] for peer in found], [js.id])
        self.assertIn(plain(js.addrs[0]), found[0]['addrs'])
        found = self.try_json(node, 'find', js.id)
        self.assertIn(plain(js.addrs[0]), found['addrs'])

    def test_a_closed_node_tells_strangers_nothing(self):
        node = self.start(OurNode, os.path.join(self.folder.name, 'closed'))
        ours = self.start(SwarmPeer, 'kad')
        ours.do('dial ' + node.addrs[0])
        ours.wait_event('identified', peer=node.id)
        time.sleep(1)
        answer = ours.ask('put a text')
        self.assertNotEqual(answer['status'], 0)
        self.assertEqual(answer['stored'], 0)


if __name__ == '__main__':
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    DEBROS = os.path.abspath(sys.argv.pop(1))
    SWARM_PEER = os.path.abspath(sys.argv.pop(1))
    NODE_JS = find_node_js()
    check_modules()
    unittest.main(verbosity=2)
