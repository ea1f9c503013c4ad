// A stock js-libp2p peer: tcp, noise, yamux, identify and its push, ping.
//
//   node peer.mjs [LISTEN ADDR...]      by default /ip4/127.0.0.1/tcp/0 and /ip6/::1/tcp/0
//
// It tells what happens as one JSON object a line on stdout, the first one being
// {"event":"ready","id":...,"addrs":[...]}, and takes commands as JSON lines on stdin:
//
//   {"do":"dial","addr":A}   answered {"event":"dialed","id":...} or {"event":"error",...}
//   {"do":"ping","addr":A}   answered {"event":"pinged","ms":...}
//   {"do":"identify","addr":A}  answered {"event":"identified",...}
//   {"do":"handle","addr":P}  speaks the protocol P from now on, and tells its peers
//   {"do":"known","addr":ID}  answered {"event":"known",...}: what it keeps of a peer
//   {"do":"hangup","addr":A} answered {"event":"hungup"}
//
// Every answer carries the command's "tag". The peer ends with its stdin.
import { createInterface } from 'node:readline'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { multiaddr } from '@multiformats/multiaddr'

const listen = process.argv.length > 2
  ? process.argv.slice(2)
  : ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0']

const node = await createLibp2p({
  addresses: { listen },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  // Stock but for this: all connections of the test come from one address.
  connectionManager: { inboundConnectionThreshold: 1000 },
  services: { identify: identify(), identifyPush: identifyPush(), ping: ping() }
})

function tell (object) {
  process.stdout.write(JSON.stringify(object) + '\n')
}

function describe (result) {
  return {
    peer: result.peerId.toString(),
    agent: result.agentVersion,
    protocolVersion: result.protocolVersion,
    protocols: result.protocols,
    addrs: result.listenAddrs.map(String),
    observed: result.observedAddr?.toString()
  }
}

node.addEventListener('peer:connect', ({ detail }) => {
  tell({ event: 'connect', peer: detail.toString() })
})
node.addEventListener('peer:disconnect', ({ detail }) => {
  tell({ event: 'disconnect', peer: detail.toString() })
})
node.addEventListener('peer:identify', ({ detail }) => {
  tell({ event: 'identify', ...describe(detail) })
})

const commands = {
  async dial ({ addr }) {
    const connection = await node.dial(multiaddr(addr))
    return {
      event: 'dialed',
      id: connection.remotePeer.toString(),
      encryption: connection.encryption,
      multiplexer: connection.multiplexer
    }
  },
  async ping ({ addr }) {
    return { event: 'pinged', ms: await node.services.ping.ping(multiaddr(addr)) }
  },
  async identify ({ addr }) {
    const connection = await node.dial(multiaddr(addr))
    return { event: 'identified', ...describe(await node.services.identify.identify(connection)) }
  },
  async handle ({ addr }) {
    await node.handle(addr, stream => stream.close())
    return { event: 'handled' }
  },
  async known ({ addr }) {
    const peer = await node.peerStore.get(node.getPeers().find(id => id.toString() === addr))
    return {
      event: 'known',
      protocols: peer.protocols,
      certified: peer.addresses.filter(a => a.isCertified).map(a => a.multiaddr.toString()),
      others: peer.addresses.filter(a => !a.isCertified).map(a => a.multiaddr.toString()),
      record: peer.peerRecordEnvelope?.length ?? 0
    }
  },
  async hangup ({ addr }) {
    await node.hangUp(multiaddr(addr))
    return { event: 'hungup' }
  }
}

async function run (line) {
  const command = JSON.parse(line)
  try {
    tell({ ...await commands[command.do](command), tag: command.tag })
  } catch (error) {
    tell({ event: 'error', tag: command.tag, message: String(error.message ?? error) })
  }
}

const input = createInterface({ input: process.stdin })
input.on('line', run)
input.on('close', async () => {
  await node.stop()
  process.exit(0)
})
tell({ event: 'ready', id: node.peerId.toString(), addrs: node.getMultiaddrs().map(String) })
