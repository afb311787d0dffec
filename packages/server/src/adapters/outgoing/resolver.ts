import { Resolver } from 'node:dns/promises'
import type { Alarm, Deadlines } from './deadlines.ts'

export type Resolution =
  /** IPv4 answers, then IPv6 answers, each in the order of the answer; at least one, at most 16. */
  | { kind: 'found'; ipv4: string[]; ipv6: string[] }
  /** Every name server that answered says that there is no address. */
  | { kind: 'not_found' }
  /** An error, no answer in time, or too many addresses. */
  | { kind: 'failed' }

export type ResolverLimits = { perKeyMax: number; max: number }

export type Lookup = {
  readonly resolution: Promise<Resolution>
  /** Ends the look-up at once; the resolution is then `failed`. */
  cancel(): void
}

const BUDGET_MS = 2000
/** What one family may take longer than the other. */
const OTHER_FAMILY_MS = 500
const ADDRESSES_MAX = 16
/** c-ares counts these per server and try; the budget is kept by our own alarm. */
const QUERY = { timeout: 600, tries: 1 }
const NO_ADDRESS: ReadonlySet<unknown> = new Set(['ENOTFOUND', 'ENODATA', 'EBADNAME'])

type Family = { addresses: string[] } | 'none' | 'failed'

/**
 * Resolves names by c-ares, never by the C library: that would hold the process's few threads, read the hosts file
 * and try search domains. Nothing is cached: each attempt sees, checks and pins its own answer.
 */
export class NameResolver {
  readonly #deadlines: Deadlines
  readonly #limits: ResolverLimits
  readonly #nameServers: readonly string[] | undefined
  readonly #runningByKey = new Map<string, number>()
  #running = 0

  /** @param nameServers `address` or `address:port`; the system's when absent */
  constructor(deadlines: Deadlines, limits: ResolverLimits, nameServers?: readonly string[]) {
    this.#deadlines = deadlines
    this.#limits = limits
    this.#nameServers = nameServers
  }

  /** May a look-up for this key (an account) start now? */
  hasRoom(key: string): boolean {
    return this.#running < this.#limits.max && (this.#runningByKey.get(key) ?? 0) < this.#limits.perKeyMax
  }

  /** Starts a look-up that ends within 2 s; call it only while `hasRoom(key)`. */
  resolve(name: string, key: string): Lookup {
    // one resolver for each: cancel() ends every query of a resolver
    const resolver = new Resolver(QUERY)
    if (this.#nameServers) resolver.setServers(this.#nameServers)
    this.#count(key, 1)
    let isCounted = true
    const end = () => {
      if (isCounted) this.#count(key, -1)
      isCounted = false
    }
    const cancel = () => {
      resolver.cancel()
      end()
    }
    return { resolution: this.#resolve(resolver, name).finally(end), cancel }
  }

  async #resolve(resolver: Resolver, name: string): Promise<Resolution> {
    const alarms: Alarm[] = [this.#deadlines.after(BUDGET_MS, () => resolver.cancel())]
    const query = async (answer: Promise<string[]>): Promise<Family> => {
      try {
        return { addresses: await answer }
      } catch (error) {
        return error instanceof Error && 'code' in error && NO_ADDRESS.has(error.code) ? 'none' : 'failed'
      } finally {
        if (alarms.length === 1) alarms.push(this.#deadlines.after(OTHER_FAMILY_MS, () => resolver.cancel()))
      }
    }
    const [ipv4, ipv6] = await Promise.all([query(resolver.resolve4(name)), query(resolver.resolve6(name))])
    for (const alarm of alarms) alarm.cancel()
    return combine(ipv4, ipv6)
  }

  #count(key: string, change: 1 | -1) {
    this.#running += change
    const running = (this.#runningByKey.get(key) ?? 0) + change
    if (running === 0) this.#runningByKey.delete(key)
    else this.#runningByKey.set(key, running)
  }
}

function combine(first: Family, second: Family): Resolution {
  const ipv4 = typeof first === 'object' ? first.addresses : []
  const ipv6 = typeof second === 'object' ? second.addresses : []
  const count = ipv4.length + ipv6.length
  if (count > ADDRESSES_MAX) return { kind: 'failed' }
  if (count > 0) return { kind: 'found', ipv4, ipv6 }
  return first === 'failed' || second === 'failed' ? { kind: 'failed' } : { kind: 'not_found' }
}
