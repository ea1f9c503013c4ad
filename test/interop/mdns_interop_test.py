#!/usr/bin/env python3
"""Discovery on the local network: stock js-libp2p and a node find each other.

    mdns_interop_test.py PATH/TO/debros PATH/TO/swarm_peer

In a network namespace of its own, with one interface that leads nowhere: nobody else is
asked or told. Skipped where namespaces are not allowed.
"""
import os
import sys
import tempfile
import unittest

import interop_test
from interop_test import HERE, JsPeer, OurNode

sys.path.insert(0, os.path.join(os.path.dirname(HERE), 'process'))
import namespaces  # noqa: E402

ADDRESS = '10.78.0.1'
LISTEN = f'/ip4/{ADDRESS}/tcp/0'


class Mdns(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        folder = tempfile.TemporaryDirectory(prefix='debros-interop-')
        cls.addClassCleanup(folder.cleanup)
        cls.folder = folder.name
        namespaces.ip('link', 'add', 'local0', 'type', 'veth', 'peer', 'name', 'local1')
        namespaces.ip('link', 'set', 'local1', 'up')
        namespaces.ip('addr', 'add', ADDRESS + '/24', 'dev', 'local0')
        namespaces.ip('link', 'set', 'local0', 'up')
        # js leaves the choice of the interface to the routes.
        namespaces.ip('route', 'add', '224.0.0.0/4', 'dev', 'local0')

    def start(self, kind, *args):
        process = kind(*args)
        self.addCleanup(process.stop)
        return process

    def start_node(self, *options):
        name = self.id().split('.')[-1]
        return self.start(OurNode, os.path.join(self.folder, name), '--listen', LISTEN,
                          '--mdns', *options)

    @staticmethod
    def at(peer):
        """Where it listens on the network; loopback is not told there."""
        return [addr.split('/p2p/')[0] for addr in peer.addrs if ADDRESS in addr]

    def test_js_finds_us(self):
        node = self.start_node()
        js = self.start(JsPeer, 'mdns', LISTEN)
        told = js.wait_event('discovered', peer=node.id)
        self.assertEqual(told['addrs'], self.at(node))
        self.assertEqual(js.ask('dialPeer', node.id)['id'], node.id)

    def test_js_is_found_by_an_open_node(self):
        js = self.start(JsPeer, 'mdns', LISTEN)
        node = self.start_node('--open')
        # Whoever was first: one of the connections is ours.
        js.wait_event('open', peer=node.id, direction='inbound')

    def test_a_closed_node_does_not_go_to_strangers(self):
        js = self.start(JsPeer, 'mdns', LISTEN)
        node = self.start_node('--log-level', 'debug')
        js.wait_event('discovered', peer=node.id)
        interop_test.time.sleep(3)
        while not js.lines.empty():
            js.seen.append(js.lines.get())
        self.assertFalse([line for line in js.seen if '"inbound"' in line], js.seen)
        self.assertFalse([line for line in node.errors if js.id in str(line)])


if __name__ == '__main__':
    namespaces.enter()
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    interop_test.DEBROS = os.path.abspath(sys.argv.pop(1))
    interop_test.SWARM_PEER = os.path.abspath(sys.argv.pop(1))
    interop_test.NODE_JS = interop_test.find_node_js()
    interop_test.check_modules()
    unittest.main(verbosity=2)
