// The Kademlia service of a peer, and its commands. Stock but for what a test on loopback
// needs: loopback addresses are kept, and values of our namespace are taken unseen.
import { kadDHT, passthroughMapper } from '@libp2p/kad-dht'
import { peerIdFromString } from '@libp2p/peer-id'
import { CID } from 'multiformats/cid'
import * as raw from 'multiformats/codecs/raw'
import { sha256 } from 'multiformats/hashes/sha2'

export function kad () {
  return kadDHT({
    protocol: '/debros/kad/1.0.0',
    clientMode: false,
    peerInfoMapper: passthroughMapper,
    validators: { debros: async () => {} },
    selectors: { debros: () => 0 }
  })
}

const bytes = text => new TextEncoder().encode(text)

async function cidOf (text) {
  return CID.createV1(raw.code, await sha256.digest(bytes(text)))
}

function le64 (number) {
  const out = Buffer.alloc(8)
  out.writeBigUInt64LE(BigInt(number))
  return out
}

function uvarint (number) {
  const out = []
  for (; number > 127; number >>>= 7) {
    out.push(number & 127 | 128)
  }
  return Buffer.from([...out, number])
}

// A value of ours as libdebros/dht/envelope.h describes it.
async function seal (privateKey, key, value) {
  const front = Buffer.concat([Buffer.from([1]), privateKey.publicKey.raw,
    le64(Date.now()), le64(Date.now() + 3600000)])
  const parts = [bytes('debros-dht-value'), key, front, value]
  const text = Buffer.concat(parts.flatMap(part => [uvarint(part.length), part]))
  return Buffer.concat([front, await privateKey.sign(text), value])
}

// One query to its end: who answered what.
async function ask (query) {
  const told = []
  for await (const event of query) {
    told.push({
      name: event.name,
      from: event.from?.toString(),
      peer: event.peer?.id?.toString(),
      addrs: event.peer?.multiaddrs?.map(String),
      closer: event.closer?.map(peer => peer.id.toString()),
      providers: event.providers?.map(peer => peer.id.toString()),
      value: event.value == null ? undefined : Buffer.from(event.value).toString('hex'),
      error: event.error?.message
    })
  }
  return { event: 'asked', told }
}

export function kadCommands (node, privateKey) {
  const { kad } = node.services
  async function put (name, text, sent) {
    const key = `/debros/app/${node.peerId}/${name}`
    const value = await seal(privateKey, bytes(key), bytes(text))
    value.set(bytes(sent), value.length - text.length)
    return { ...await ask(kad.put(bytes(key), value)), key, value: value.toString('hex') }
  }
  return {
    findPeer: async ({ addr }) => ask(kad.findPeer(peerIdFromString(addr))),
    provide: async ({ addr }) => ask(kad.provide(await cidOf(addr))),
    findProviders: async ({ addr }) => ask(kad.findProviders(await cidOf(addr))),
    multihash: async ({ addr }) => ({
      event: 'multihash',
      hex: Buffer.from((await cidOf(addr)).multihash.bytes).toString('hex')
    }),
    put: async ({ addr }) => put('put', addr, addr),
    putForged: async ({ addr }) => put('forged', addr, [...addr].reverse().join('')),
    get: async ({ addr }) => ask(kad.get(bytes(addr)))
  }
}
