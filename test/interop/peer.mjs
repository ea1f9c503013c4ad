// A stock js-libp2p peer: tcp, noise, yamux, identify and its push, ping.
//
//   node peer.mjs [kad|mdns] [LISTEN ADDR...]      by default /ip4/127.0.0.1/tcp/0 and /ip6/::1/tcp/0
//
// With kad it serves /debros/kad/1.0.0 as well and takes the values of others unseen.
// With mdns it looks for others on the local network: {"event":"discovered","peer":...}.
//
// It tells what happens as one JSON object a line on stdout, the first one being
// {"event":"ready","id":...,"addrs":[...]}, and takes commands as JSON lines on stdin:
//
//   {"do":"dial","addr":A}   answered {"event":"dialed","id":...} or {"event":"error",...}
//   {"do":"ping","addr":A}   answered {"event":"pinged","ms":...}
//   {"do":"identify","addr":A}  answered {"event":"identified",...}
//   {"do":"handle","addr":P}  speaks the protocol P from now on, and tells its peers
//   {"do":"known","addr":ID}  answered {"event":"known",...}: what it keeps of a peer
//   {"do":"dialPeer","addr":ID}  where it was discovered; answered as dial
//   {"do":"hangup","addr":A} answered {"event":"hungup"}
//
// With kad, each answered {"event":"asked","told":[...]}: what each peer said (kad.mjs):
//
//   {"do":"findPeer","addr":ID}
//   {"do":"provide","addr":TEXT}, {"do":"findProviders","addr":TEXT}  a raw block's CID
//   {"do":"put","addr":TEXT}       a signed value of its own; the answer has its "key"
//   {"do":"putForged","addr":TEXT} the same with another text than was signed
//   {"do":"get","addr":KEY}
//   {"do":"multihash","addr":TEXT} answered {"event":"multihash","hex":...}
//
// Every answer carries the command's "tag". The peer ends with its stdin.
import { createInterface } from 'node:readline'
import { setTimeout as delay } from 'node:timers/promises'
import { createLibp2p } from 'libp2p'
import { tcp } from '@libp2p/tcp'
import { noise } from '@libp2p/noise'
import { yamux } from '@libp2p/yamux'
import { identify, identifyPush } from '@libp2p/identify'
import { ping } from '@libp2p/ping'
import { peerIdFromString } from '@libp2p/peer-id'
import { multiaddr } from '@multiformats/multiaddr'
import { generateKeyPair } from '@libp2p/crypto/keys'
import { kad, kadCommands } from './kad.mjs'

const speaksKad = process.argv[2] === 'kad'
const usesMdns = process.argv[2] === 'mdns'
const given = process.argv.slice(speaksKad || usesMdns ? 3 : 2)
const listen = given.length > 0 ? given : ['/ip4/127.0.0.1/tcp/0', '/ip6/::1/tcp/0']
const privateKey = await generateKeyPair('Ed25519')

const node = await createLibp2p({
  privateKey,
  addresses: { listen },
  transports: [tcp()],
  connectionEncrypters: [noise()],
  streamMuxers: [yamux()],
  peerDiscovery: usesMdns ? [(await import('@libp2p/mdns')).mdns()] : [],
  // Stock but for this: all connections of the test come from one address.
  connectionManager: { inboundConnectionThreshold: 1000 },
  services: {
    identify: identify(),
    identifyPush: identifyPush(),
    ping: ping(),
    ...(speaksKad ? { kad: kad() } : {})
  }
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
node.addEventListener('peer:discovery', ({ detail }) => {
  tell({
    event: 'discovered',
    peer: detail.id.toString(),
    addrs: detail.multiaddrs.map(String)
  })
})
node.addEventListener('connection:open', ({ detail }) => {
  tell({ event: 'open', peer: detail.remotePeer.toString(), direction: detail.direction })
})
node.addEventListener('peer:disconnect', ({ detail }) => {
  tell({ event: 'disconnect', peer: detail.toString() })
})
node.addEventListener('peer:identify', ({ detail }) => {
  tell({ event: 'identify', ...describe(detail) })
})

// js-libp2p identifies each new connection by itself, and asks on one stream at a time.
async function identifyOnce (connection) {
  for (let tries = 0; ; tries++) {
    try {
      return await node.services.identify.identify(connection)
    } catch (error) {
      if (error.name !== 'TooManyOutboundProtocolStreamsError' || tries === 100) {
        throw error
      }
      await delay(50)
    }
  }
}

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
  async dialPeer ({ addr }) {
    const connection = await node.dial(peerIdFromString(addr))
    return { event: 'dialed', id: connection.remotePeer.toString() }
  },
  async ping ({ addr }) {
    return { event: 'pinged', ms: await node.services.ping.ping(multiaddr(addr)) }
  },
  async identify ({ addr }) {
    const connection = await node.dial(multiaddr(addr))
    return { event: 'identified', ...describe(await identifyOnce(connection)) }
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
  },
  ...(speaksKad ? kadCommands(node, privateKey) : {})
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
