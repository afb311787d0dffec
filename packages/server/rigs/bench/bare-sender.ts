import { createSigner, generateSecret, type Signer } from '@producersync/webhooks/node'
import { type Dispatcher, Pool } from 'undici'
import { SINK_ADDRESSES } from './addresses.ts'
import { ksuidOf, payloadsOf, seeded } from './bodies.ts'
import { answer } from './commands.ts'
import { monotonicMs } from './monotonic.ts'

/** The yardstick: the same bodies, signed and posted from memory, as fast as undici can. Nothing is stored. */

const IDS = 1_000
const CONNECTIONS_PER_ADDRESS = 10_000

const commands = {
  /** Keeps every connection busy for that long. */
  send: async ({ port, connections, seconds, seed }: Order): Promise<Sent> => {
    const pools = poolsOf(port, connections)
    const startedAt = monotonicMs()
    const run = new Run(pools, seed, startedAt + seconds * 1_000)
    await Promise.all(Array.from({ length: connections }, () => run.sendInTurn()))
    const sent = { delivered: run.delivered, failed: run.failed, seconds: (monotonicMs() - startedAt) / 1_000 }
    await Promise.all(pools.map((pool) => pool.destroy()))
    return sent
  },
}
export type BareCommands = typeof commands
type Order = { port: number; connections: number; seconds: number; seed: number }
type Sent = { delivered: number; failed: number; seconds: number }

answer(commands)

/** As few as there are addresses needed, those that the service's endpoints come to last. */
function poolsOf(port: number, connections: number): Pool[] {
  const hosts = SINK_ADDRESSES.slice(-Math.ceil(connections / CONNECTIONS_PER_ADDRESS))
  const each = Math.ceil(connections / hosts.length)
  const options = { connections: each, pipelining: 1, headersTimeout: 0, bodyTimeout: 0 }
  return hosts.map((host) => new Pool(`http://${host}:${port}`, options))
}

class Run {
  delivered = 0
  failed = 0
  readonly #pools: readonly Pool[]
  readonly #endsAt: number
  readonly #payloads: Buffer[]
  readonly #ids: string[]
  readonly #signer: Signer = createSigner([generateSecret()])
  #started = 0

  constructor(pools: readonly Pool[], seed: number, endsAt: number) {
    this.#pools = pools
    this.#endsAt = endsAt
    this.#payloads = payloadsOf(seed).map((payload) => Buffer.from(payload))
    const random = seeded(seed)
    this.#ids = Array.from({ length: IDS }, () => `msg_${ksuidOf(random)}`)
  }

  /** One request after the other until the time is over. */
  sendInTurn(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>()
    const next = () => {
      if (monotonicMs() >= this.#endsAt) resolve()
      else this.#send(handler)
    }
    const handler = new Handler((delivered) => {
      if (delivered) this.delivered += 1
      else this.failed += 1
      next()
    })
    next()
    return promise
  }

  #send(handler: Handler): void {
    const body = this.#payloads[this.#started % this.#payloads.length] ?? Buffer.alloc(0)
    const id = this.#ids[this.#started % this.#ids.length] ?? ''
    this.#started += 1
    const timestamp = Math.floor(Date.now() / 1_000)
    const signature = this.#signer(id, timestamp, body)
    const seconds = String(timestamp)
    const headers = ['content-type', 'application/json', 'user-agent', 'bare-sender', 'accept-encoding', 'identity']
    headers.push('webhook-id', id, 'webhook-timestamp', seconds, 'webhook-signature', signature)
    headers.push('svix-id', id, 'svix-timestamp', seconds, 'svix-signature', signature)
    this.#pools[this.#started % this.#pools.length]?.dispatch({ path: '/b', method: 'POST', headers, body }, handler)
  }
}

class Handler implements Dispatcher.DispatchHandler {
  readonly #ended: (delivered: boolean) => void
  #status = 0

  constructor(ended: (delivered: boolean) => void) {
    this.#ended = ended
  }

  onRequestStart() {}

  onResponseStart(_controller: Dispatcher.DispatchController, status: number) {
    this.#status = status
  }

  onResponseData() {}

  onResponseEnd() {
    this.#ended(this.#status === 200)
  }

  onResponseError() {
    this.#ended(false)
  }
}
