import { createSecureContext, rootCertificates } from 'node:tls'
import { readOrEmpty } from '#src/adapters/read-or-empty.ts'
import { ADDRESS_NOT_ALLOWED, type AddressPolicy, checkUrl, type UrlCheck } from './address-policy.ts'
import { Attempt, type Post, type PostResult, type Shared, vet, waitMsFor } from './attempt.ts'
import { Routes } from './connections.ts'
import { Deadlines } from './deadlines.ts'
import { idleLinesMax } from './descriptors.ts'
import { Destinations } from './destinations.ts'
import { NameResolver } from './resolver.ts'

export type { AddressPolicy } from './address-policy.ts'
export type { Post, PostResult, Timings } from './attempt.ts'
export type { Security } from './dial.ts'
export type { Outcome, Phase } from './outcome.ts'

export type OutgoingOptions = {
  /** Judges the dates of `Retry-After`: the database's time. */
  now: () => Date
  /** `address` or `address:port`; the system's when absent. */
  nameServers?: readonly string[]
  /** PEM certificates trusted besides the usual ones. */
  ca?: readonly string[]
  limits?: Partial<OutgoingLimits>
}

/** Over all accounts; rates hold for any second. */
export type OutgoingLimits = {
  hostInFlightMax: number
  hostPerSecondMax: number
  addressInFlightMax: number
  addressPerSecondMax: number
  resolutionsPerKeyMax: number
  resolutionsMax: number
  /** Kept connections without a request; beyond it the longest idle is closed. Each takes a descriptor. */
  idleLinesMax: number
  /** Endpoints whose route and TLS session are remembered. */
  routesMax: number
}

const DEFAULT_LIMITS: OutgoingLimits = {
  hostInFlightMax: 100,
  hostPerSecondMax: 1000,
  addressInFlightMax: 400,
  addressPerSecondMax: 2000,
  resolutionsPerKeyMax: 50,
  resolutionsMax: 2000,
  idleLinesMax: idleLinesMax(readOrEmpty('/proc/self/limits')),
  routesMax: 20_000,
}

export type Outgoing = {
  /**
   * Sends one POST, and once more only when a kept connection was lost before any answer. Resolves with what happened,
   * whatever an endpoint, its network or its name servers do.
   * @throws an error only for a bug of the caller, such as a header that cannot be sent
   */
  post(post: Post): Promise<PostResult>
  /** Ms until `post` for this target would not be deferred, as far as is known without resolving its name; 0: now. */
  waitMs(target: Pick<Post, 'url' | 'policy' | 'connectionKey' | 'resolutionKey'>): number
  /**
   * The whole address policy, for saving a URL: also what its name resolves to now. A name without an answer passes,
   * and so does one for whose look-up there is no room: every attempt checks again.
   */
  vet(url: string, policy: AddressPolicy, resolutionKey: string): Promise<UrlCheck>
  /** Closes the idle connections of a key, and those in use when they are done. */
  closeIdle(connectionKey: string): void
  /** Interrupts what is under way and resolves when every connection is closed. */
  close(): Promise<void>
}

export function createOutgoing(options: OutgoingOptions): Outgoing {
  return new UndiciOutgoing(options)
}

class UndiciOutgoing implements Outgoing {
  readonly #shared: Shared
  readonly #attempts = new Set<Attempt>()
  /** The attempts of each signal: one listener, however many attempts share it. */
  readonly #bySignal = new WeakMap<AbortSignal, Set<Attempt>>()
  #isClosed = false

  constructor({ now, nameServers, ca = [], limits: overrides }: OutgoingOptions) {
    const limits = { ...DEFAULT_LIMITS, ...overrides }
    const deadlines = new Deadlines()
    const destinations = new Destinations({
      host: { inFlightMax: limits.hostInFlightMax, perSecondMax: limits.hostPerSecondMax },
      address: { inFlightMax: limits.addressInFlightMax, perSecondMax: limits.addressPerSecondMax },
    })
    this.#shared = {
      now,
      deadlines,
      destinations,
      resolver: new NameResolver(
        deadlines,
        { perKeyMax: limits.resolutionsPerKeyMax, max: limits.resolutionsMax },
        nameServers,
      ),
      routes: new Routes(limits, destinations),
      secureContext: createSecureContext({
        minVersion: 'TLSv1.2',
        ...(ca.length > 0 ? { ca: [...rootCertificates, ...ca] } : {}),
      }),
    }
  }

  post(post: Post): Promise<PostResult> {
    return new Promise((resolve, reject) => {
      const signalled = post.signal && this.#attemptsOf(post.signal)
      const leave = (attempt: Attempt) => {
        this.#attempts.delete(attempt)
        signalled?.delete(attempt)
      }
      const attempt = new Attempt(
        this.#shared,
        post,
        (ended, result) => {
          leave(ended)
          resolve(result)
        },
        (ended, error) => {
          leave(ended)
          reject(error)
        },
      )
      this.#attempts.add(attempt)
      signalled?.add(attempt)
      if (this.#isClosed || post.signal?.aborted) attempt.interrupt()
      else attempt.start()
    })
  }

  waitMs({
    url,
    policy,
    connectionKey,
    resolutionKey,
  }: Pick<Post, 'url' | 'policy' | 'connectionKey' | 'resolutionKey'>) {
    const route = this.#shared.routes.get(connectionKey, url, policy)
    return route ? waitMsFor(route, this.#shared.resolver, resolutionKey, performance.now()) : 0
  }

  async vet(url: string, policy: AddressPolicy, resolutionKey: string): Promise<UrlCheck> {
    const check = checkUrl(url, policy)
    const { resolver } = this.#shared
    if (!check.ok || check.host.kind === 'address' || !resolver.hasRoom(resolutionKey)) return check
    const resolution = await resolver.resolve(check.host.name, resolutionKey).resolution
    const isForbidden = resolution.kind === 'found' && vet(resolution, policy) === undefined
    return isForbidden ? { ok: false, reason: ADDRESS_NOT_ALLOWED } : check
  }

  closeIdle(connectionKey: string) {
    this.#shared.routes.closeIdle(connectionKey)
  }

  async close() {
    this.#isClosed = true
    for (const attempt of this.#attempts) attempt.interrupt()
    await this.#shared.routes.close()
  }

  #attemptsOf(signal: AbortSignal): Set<Attempt> {
    const known = this.#bySignal.get(signal)
    if (known) return known
    const attempts = new Set<Attempt>()
    this.#bySignal.set(signal, attempts)
    const interrupt = () => {
      for (const attempt of attempts) attempt.interrupt()
    }
    signal.addEventListener('abort', interrupt, { once: true })
    return attempts
  }
}
