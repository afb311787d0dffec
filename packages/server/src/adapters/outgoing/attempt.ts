import type { SecureContext } from 'node:tls'
import { type AddressPolicy, isAddressAllowed, readPolicy } from './address-policy.ts'
import { formatAddress, parseAddress } from './address-ranges.ts'
import type { Route, Routes } from './connections.ts'
import type { Alarm, Deadlines } from './deadlines.ts'
import type { Destination, Destinations } from './destinations.ts'
import { Dial, type Dialled, type Security } from './dial.ts'
import { Exchange, type ExchangeEnd } from './exchange.ts'
import { Line } from './line.ts'
import { type Outcome, type Phase, unreachable } from './outcome.ts'
import type { Lookup, NameResolver, Resolution } from './resolver.ts'
import { type HeaderList, keepHeaders, type ReceivedHeaders } from './response-headers.ts'
import { parseRetryAfter } from './retry-after.ts'

export type Post = {
  url: string
  /** As an object or as names and values in turn; `host`, `connection`, `content-length`, `accept-encoding` are added. */
  headers: Readonly<Record<string, string>> | readonly string[]
  body: Uint8Array
  /** The absolute deadline, from now to the last byte read. */
  timeoutMs: number
  /** Connections are never shared between two of these: the endpoint. */
  connectionKey: string
  /** Name look-ups are limited for each of these: the account. */
  resolutionKey: string
  policy: AddressPolicy
  /** Asked right before the request is written, also when it is written again; false ends the attempt as `interrupted`. */
  mayWrite?: () => boolean
  signal?: AbortSignal
}

export type PostResult = Attempted | Deferred

export type Attempted = {
  kind: 'attempted'
  outcome: Outcome
  durationMs: number
  timings: Timings
  /** The one connected to last, which the policy allows; null: none. */
  address: string | null
  /** Of the connection that carried the request; null: none, or plain http. */
  security: Security | null
  /** All headers of the final head (≤ 16 KiB), names in lower case: for decisions. */
  headers: ReceivedHeaders
  /** The first 50 of them, 4 KiB: for the record. */
  responseHeaders: HeaderList
  /** The first 16 KiB of the body, never decompressed. */
  responseBody: Uint8Array
  /** Head and body, at most 64 KiB. */
  bytesRead: number
}

/** Nothing was sent and nothing is held against the endpoint: a limit of ours is reached. Ask again after `waitMs`. */
export type Deferred = { kind: 'deferred'; waitMs: number }

/** Each in ms, absent when that step was not needed or not reached; `firstByteMs` counts from the request's writing. */
export type Timings = { dnsMs?: number; connectMs?: number; tlsMs?: number; firstByteMs?: number }

/** What all attempts of a process share. */
export type Shared = {
  deadlines: Deadlines
  destinations: Destinations
  resolver: NameResolver
  routes: Routes
  secureContext: SecureContext
  now: () => Date
}

/** Addresses of one attempt that are connected to, at most. */
const TURNS_MAX = 4
/** When to ask again after a shortage that only the end of something else can help. */
const SHORTAGE_WAIT_MS = 50
const NO_BODY = new Uint8Array(0)

/** One attempt: policy, resolution, connection, exchange, under one deadline. */
export class Attempt {
  readonly #shared: Shared
  readonly #post: Post
  readonly #finished: (attempt: Attempt, result: PostResult) => void
  readonly #failed: (attempt: Attempt, error: Error) => void
  readonly #startedAt = performance.now()
  readonly #timings: Timings = {}
  #phase: Phase = 'dns'
  #alarm: Alarm | undefined
  #route: Route | undefined
  #addressLimit: Destination | undefined
  /** Every address this attempt may connect to: all answers of its one resolution. */
  #vetted: readonly string[] = []
  #lookup: Lookup | undefined
  #dial: Dial | undefined
  #line: Line | undefined
  #exchange: Exchange | undefined
  #address: string | null = null
  #security: Security | null = null
  #sentAt = 0
  #isResent = false
  #isOver = false

  /** @param failed told of errors that no endpoint can cause */
  constructor(
    shared: Shared,
    post: Post,
    finished: (attempt: Attempt, result: PostResult) => void,
    failed: (attempt: Attempt, error: Error) => void,
  ) {
    this.#shared = shared
    this.#post = post
    this.#finished = finished
    this.#failed = failed
  }

  start() {
    const { connectionKey, url, policy, resolutionKey, timeoutMs } = this.#post
    const route = this.#shared.routes.get(connectionKey, url, policy)
    if (!route) return this.#finish({ kind: 'blocked' })
    const waitMs = waitMsFor(route, this.#shared.resolver, resolutionKey, this.#startedAt)
    if (waitMs > 0) return this.#defer(waitMs)

    this.#route = route
    route.inFlight += 1
    route.usedAt = this.#startedAt
    route.hostLimit.enter(this.#startedAt)
    this.#alarm = this.#shared.deadlines.after(timeoutMs, () => this.#expire())
    if (route.host.kind === 'address') {
      this.#vetted = [route.host.address]
      this.#send(route)
      return
    }
    const startedAt = performance.now()
    this.#lookup = this.#shared.resolver.resolve(route.host.name, resolutionKey)
    this.#lookup.resolution
      .then((resolution) => {
        if (this.#isOver) return
        this.#timings.dnsMs = performance.now() - startedAt
        this.#resolved(route, resolution)
      })
      .catch((error: unknown) => this.#fail(error instanceof Error ? error : new Error('thrown', { cause: error })))
  }

  /** Stops what is under way. A response whose head was complete has happened all the same. */
  interrupt() {
    this.#finish(this.#responded() ?? { kind: 'interrupted' })
  }

  #expire() {
    const afterMs = Math.round(performance.now() - this.#startedAt)
    this.#finish(this.#responded() ?? { kind: 'timed_out', phase: this.#dial?.phase ?? this.#phase, afterMs })
  }

  #resolved(route: Route, resolution: Resolution) {
    if (resolution.kind === 'not_found') return this.#finish(unreachable('dns_not_found'))
    if (resolution.kind === 'failed') return this.#finish(unreachable('dns_failed'))
    const addresses = vet(resolution, this.#post.policy)
    if (!addresses) return this.#finish({ kind: 'blocked' })
    this.#vetted = addresses
    this.#send(route)
  }

  /** Sends on an idle connection to a vetted address, else on a new one. */
  #send(route: Route) {
    const now = performance.now()
    const line = this.#shared.routes.takeIdle(route, this.#vetted)
    if (line) {
      const waitMs = this.#limitOf(route, line.address).waitMs(now)
      if (waitMs === 0) {
        this.#enterAddress(route, line.address)
        return this.#exchangeOn(route, line)
      }
      this.#shared.routes.putIdle(route, line)
      return this.#defer(waitMs)
    }
    const waits = this.#vetted.map((address) => this.#limitOf(route, address).waitMs(now))
    if (Math.min(...waits) > 0) return this.#defer(Math.min(...waits))
    this.#connect(
      route,
      this.#vetted.filter((_address, index) => waits[index] === 0),
    )
  }

  #connect(route: Route, addresses: readonly string[]) {
    this.#phase = 'connect'
    const target = {
      addresses: addresses.slice(0, TURNS_MAX),
      port: route.port,
      tls: route.secure ? this.#tlsTarget(route) : undefined,
    }
    this.#dial = new Dial(
      target,
      this.#shared.deadlines,
      this.#startedAt + this.#post.timeoutMs,
      (address) => this.#enterAddress(route, address),
      (dialled) => this.#dialled(route, dialled),
    )
  }

  #tlsTarget(route: Route) {
    return {
      context: this.#shared.secureContext,
      host: route.host.kind === 'name' ? route.host.name : route.host.address,
      isName: route.host.kind === 'name',
      session: route.session,
      keepSession: (session: Buffer) => {
        route.session = session
      },
    }
  }

  #dialled(route: Route, dialled: Dialled) {
    this.#dial = undefined
    if (dialled.kind === 'short_of_sockets') return this.#defer(SHORTAGE_WAIT_MS)
    if (dialled.kind === 'failed') return this.#finish(dialled.outcome)
    this.#timings.connectMs = dialled.connectMs
    if (dialled.tls) this.#timings.tlsMs = dialled.tls.ms
    const at = { address: dialled.address, security: dialled.tls?.security ?? null }
    const line = new Line(dialled.socket, at, route.origin, this.#shared.routes.closed)
    this.#shared.routes.opened(line)
    this.#exchangeOn(route, line)
  }

  #exchangeOn(route: Route, line: Line) {
    this.#phase = 'headers'
    this.#line = line
    this.#security = line.security
    const exchange = new Exchange(this.#post.mayWrite, (end) => this.#ended(route, line, end))
    this.#exchange = exchange
    this.#sentAt = performance.now()
    line.send({ path: route.path, headers: listHeaders(this.#post.headers), body: this.#post.body }, exchange)
  }

  #ended(route: Route, line: Line, end: ExchangeEnd) {
    if (end.kind === 'responded' && end.whole) {
      line.rest()
      this.#shared.routes.putIdle(route, line)
      this.#line = undefined
    }
    switch (end.kind) {
      case 'responded':
        return this.#finish(this.#responded() ?? { kind: 'invalid_response' })
      case 'failed':
        return this.#finish(end.outcome)
      case 'held_back':
        return this.#finish({ kind: 'interrupted' })
      case 'misused':
        return this.#fail(end.error)
      case 'lost_before_response':
        return this.#lost(route, line)
      default:
        return end satisfies never
    }
  }

  /** The receiver may have closed a kept connection just when it was used again: that is no failure of the receiver. */
  #lost(route: Route, line: Line) {
    if (!line.isUsed || this.#isResent) return this.#finish(unreachable('connection_reset'))
    this.#isResent = true
    this.#exchange = undefined
    line.destroy()
    this.#line = undefined
    this.#connect(route, this.#vetted)
  }

  #responded(): Outcome | undefined {
    const { status = 0, headers } = this.#exchange ?? {}
    if (status === 0) return undefined
    const isSuccess = status >= 200 && status <= 299
    const retryAfterMs = isSuccess ? undefined : parseRetryAfter(headers?.['retry-after'], this.#shared.now())
    return retryAfterMs === undefined ? { kind: 'responded', status } : { kind: 'responded', status, retryAfterMs }
  }

  #finish(outcome: Outcome) {
    if (this.#isOver) return
    this.#leave()
    const exchange = this.#exchange
    if (exchange?.firstByteAt !== undefined) this.#timings.firstByteMs = exchange.firstByteAt - this.#sentAt
    const headers = exchange?.headers ?? {}
    this.#finished(this, {
      kind: 'attempted',
      outcome,
      durationMs: performance.now() - this.#startedAt,
      timings: this.#timings,
      address: this.#address,
      security: this.#security,
      headers,
      responseHeaders: keepHeaders(headers),
      responseBody: exchange?.body ?? NO_BODY,
      bytesRead: exchange?.bytesRead ?? 0,
    })
  }

  #defer(waitMs: number) {
    if (this.#isOver) return
    this.#leave()
    this.#finished(this, { kind: 'deferred', waitMs })
  }

  #fail(error: Error) {
    if (this.#isOver) return
    this.#leave()
    this.#failed(this, error)
  }

  /** Gives back everything that is held, whatever phase this is. */
  #leave() {
    this.#isOver = true
    this.#alarm?.cancel()
    this.#lookup?.cancel()
    this.#dial?.cancel()
    this.#line?.destroy()
    this.#addressLimit?.leave()
    if (!this.#route) return
    this.#route.hostLimit.leave()
    this.#route.inFlight -= 1
  }

  #enterAddress(route: Route, address: string) {
    this.#address = address
    const limit = this.#limitOf(route, address)
    this.#addressLimit?.leave()
    this.#addressLimit = limit
    limit.enter(performance.now())
    route.setAddressLimit(limit)
  }

  #limitOf(route: Route, address: string): Destination {
    const isLiteral = route.host.kind === 'address'
    return isLiteral && route.addressLimit ? route.addressLimit : this.#shared.destinations.address(address)
  }
}

/** How long an attempt on this route has to wait for a limit of ours, as far as that is known before it starts. */
export function waitMsFor(route: Route, resolver: NameResolver, resolutionKey: string, now: number): number {
  if (route.host.kind === 'name' && !resolver.hasRoom(resolutionKey)) return SHORTAGE_WAIT_MS
  return Math.max(route.hostLimit.waitMs(now), route.addressLimit?.waitMs(now) ?? 0)
}

/** Every answer in dialling order, the families in turn; undefined when one of them is not allowed. */
export function vet(
  answers: { ipv4: readonly string[]; ipv6: readonly string[] },
  policy: AddressPolicy,
): readonly string[] | undefined {
  const { refusedRanges } = readPolicy(policy)
  const vetted = new Set<string>()
  for (let index = 0; index < Math.max(answers.ipv4.length, answers.ipv6.length); index++) {
    for (const answer of [answers.ipv4[index], answers.ipv6[index]]) {
      if (answer === undefined) continue
      const bytes = parseAddress(answer)
      if (!bytes || !isAddressAllowed(bytes, refusedRanges)) return undefined
      vetted.add(formatAddress(bytes))
    }
  }
  return [...vetted]
}

function listHeaders(headers: Post['headers']): string[] {
  const list: string[] = isList(headers) ? [...headers] : Object.entries(headers).flat()
  list.push('accept-encoding', 'identity')
  return list
}

function isList(headers: Post['headers']): headers is readonly string[] {
  return Array.isArray(headers)
}
