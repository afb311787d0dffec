import dns from 'node:dns/promises'
import { syncBuiltinESMExports } from 'node:module'
import { createServer } from 'node:net'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { waitingMs } from '../chaos/starvation.ts'
import { BREAKS } from './options.ts'
import { plant } from './plants.ts'

/**
 * Loaded before `main.ts` in the rig's process of the service: plants a bug when asked to, lets names be resolved by the rig's
 * name server, and tells on a socket what nobody can see from outside.
 */

/** What the process tells of itself, after a collection of its garbage. */
export type Observed = {
  maxBytesRead: number
  rssBytes: number
  /** The longest that it waited for a processor within two seconds, although it had something to do. */
  starvedMs: number
}

const WAIT_LOOK_MS = 100
const WAITS_LOOKED_AT = 20

const { HOSTILE_BREAK, HOSTILE_NAME_SERVER, HOSTILE_SOCKET } = process.env

const bug = BREAKS.find((name) => name === HOSTILE_BREAK)
if (bug) plant(bug)
if (HOSTILE_NAME_SERVER) resolveBy(HOSTILE_NAME_SERVER)
if (HOSTILE_SOCKET) await observe(HOSTILE_SOCKET)

/** Where a rig without rights cannot give the process a `resolv.conf` of its own. */
function resolveBy(nameServer: string): void {
  const { Resolver } = dns
  Object.defineProperty(dns, 'Resolver', {
    value: class extends Resolver {
      constructor(options?: ConstructorParameters<typeof Resolver>[0]) {
        super(options)
        this.setServers([nameServer])
      }
    },
  })
  syncBuiltinESMExports()
}

async function observe(path: string): Promise<void> {
  setFlagsFromString('--expose-gc')
  const collect = runInNewContext('gc') as () => void // the flag has put it there
  const { Exchange } = await import('#src/adapters/outgoing/exchange.ts')
  const prototype: { take: (this: InstanceType<typeof Exchange>, chunk: Buffer) => Buffer } = Exchange.prototype
  const { take } = prototype
  let maxBytesRead = 0
  prototype.take = function takeAndCount(chunk) {
    const taken = take.call(this, chunk)
    maxBytesRead = Math.max(maxBytesRead, this.bytesRead)
    return taken
  }
  const waits: number[] = []
  let waitedMs = waitingMs('self')
  let starvedMs = 0
  setInterval(() => {
    const nowMs = waitingMs('self')
    waits.push(nowMs - waitedMs)
    waitedMs = nowMs
    if (waits.length > WAITS_LOOKED_AT) waits.shift()
    starvedMs = Math.max(
      starvedMs,
      waits.reduce((sum, ms) => sum + ms, 0),
    )
  }, WAIT_LOOK_MS).unref()
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy())
    collect()
    const observed: Observed = { maxBytesRead, rssBytes: process.memoryUsage.rss(), starvedMs: Math.round(starvedMs) }
    socket.end(JSON.stringify(observed))
  })
  server.listen(path).unref()
}
