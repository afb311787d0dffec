import { type AddressPolicy, checkUrl, type Host } from './address-policy.ts'
import type { Destination, Destinations } from './destinations.ts'
import type { Line } from './line.ts'

/** Connections older than this carry nothing more. */
const LINE_MS_MAX = 60_000
const SWEEP_MS = 5_000
/** How long a route, with its TLS session, is remembered after its last attempt. */
const ROUTE_IDLE_MS_MAX = 600_000

export type RouteLimits = { idleLinesMax: number; routesMax: number }

/** One endpoint's way to one URL: what the policy said of it, its idle connections, its TLS session. */
export class Route {
  readonly url: string
  readonly policy: AddressPolicy
  readonly host: Host
  readonly hostname: string
  readonly port: number
  readonly secure: boolean
  readonly origin: string
  readonly path: string
  readonly hostLimit: Destination
  /** Of the address last used, for admission before the next resolution. */
  addressLimit: Destination | undefined
  session: Buffer | undefined
  usedAt = 0
  inFlight = 0
  isClosed = false
  readonly idleLines: Line[] = []

  constructor(
    raw: { url: string; policy: AddressPolicy },
    check: { url: URL; host: Host; port: number; secure: boolean },
    hostLimit: Destination,
  ) {
    this.url = raw.url
    this.policy = raw.policy
    this.host = check.host
    this.hostname = check.url.hostname
    this.port = check.port
    this.secure = check.secure
    this.origin = check.url.origin
    this.path = check.url.pathname + check.url.search
    this.hostLimit = hostLimit
    hostLimit.routes += 1
  }

  setAddressLimit(limit: Destination) {
    if (this.addressLimit === limit) return
    if (this.addressLimit) this.addressLimit.routes -= 1
    this.addressLimit = limit
    limit.routes += 1
  }
}

/** The routes in use, by the key that connections are never shared between. */
export class Routes {
  readonly #limits: RouteLimits
  readonly #destinations: Destinations
  readonly #byKey = new Map<string, Route>()
  /** Idle connections of all routes, the longest idle first. */
  readonly #idle = new Map<Line, Route>()
  readonly #open = new Set<Line>()
  readonly #sweeper: NodeJS.Timeout
  #allClosed: (() => void) | undefined

  constructor(limits: RouteLimits, destinations: Destinations) {
    this.#limits = limits
    this.#destinations = destinations
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref()
  }

  /** The route for this key and URL; undefined when the policy refuses the URL. */
  get(key: string, url: string, policy: AddressPolicy): Route | undefined {
    const known = this.#byKey.get(key)
    // the check depends on nothing but these two
    if (known && known.url === url && known.policy === policy) return known
    this.closeIdle(key)
    const check = checkUrl(url, policy)
    if (!check.ok) return undefined
    const route = new Route({ url, policy }, check, this.#destinations.host(check.url.hostname))
    if (check.host.kind === 'address') route.setAddressLimit(this.#destinations.address(check.host.address))
    this.#byKey.set(key, route)
    if (this.#byKey.size > this.#limits.routesMax) this.#dropOldest()
    return route
  }

  /** Takes an idle connection to one of these addresses out of the route, or none. */
  takeIdle(route: Route, addresses: readonly string[]): Line | undefined {
    const youngestAllowed = performance.now() - LINE_MS_MAX
    for (let index = route.idleLines.length - 1; index >= 0; index--) {
      const line = route.idleLines[index]
      if (!line) continue
      const isFit = line.isReusable && line.openedAt > youngestAllowed
      if (isFit && !addresses.includes(line.address)) continue
      route.idleLines.splice(index, 1)
      this.#idle.delete(line)
      if (isFit) return line
      line.destroy()
    }
    return undefined
  }

  /** Keeps a connection for the next attempt, if it can carry one. */
  putIdle(route: Route, line: Line) {
    if (route.isClosed || !line.isReusable || line.openedAt <= performance.now() - LINE_MS_MAX) {
      line.destroy()
      return
    }
    route.idleLines.push(line)
    this.#idle.set(line, route)
    if (this.#idle.size <= this.#limits.idleLinesMax) return
    const [longestIdle] = this.#idle.keys()
    if (!longestIdle) return
    this.#forgetIdle(longestIdle) // it tells of its end later than the next may be put here
    longestIdle.destroy()
  }

  opened(line: Line) {
    this.#open.add(line)
  }

  readonly closed = (line: Line) => {
    this.#open.delete(line)
    this.#forgetIdle(line)
    if (this.#open.size === 0) this.#allClosed?.()
  }

  #forgetIdle(line: Line) {
    const route = this.#idle.get(line)
    if (!route) return
    this.#idle.delete(line)
    route.idleLines.splice(route.idleLines.indexOf(line), 1)
  }

  closeIdle(key: string) {
    const route = this.#byKey.get(key)
    if (!route) return
    this.#byKey.delete(key)
    route.isClosed = true
    route.hostLimit.routes -= 1
    if (route.addressLimit) route.addressLimit.routes -= 1
    for (const line of route.idleLines) line.destroy()
  }

  /** Closes every connection, idle or not; resolves when all are gone. */
  async close(): Promise<void> {
    clearInterval(this.#sweeper)
    for (const key of this.#byKey.keys()) this.closeIdle(key)
    for (const line of this.#open) line.destroy()
    if (this.#open.size === 0) return
    await new Promise<void>((resolve) => {
      this.#allClosed = resolve
    })
  }

  #sweep() {
    const now = performance.now()
    for (const line of this.#idle.keys()) {
      if (line.openedAt <= now - LINE_MS_MAX + SWEEP_MS) line.destroy()
    }
    for (const [key, route] of this.#byKey) {
      if (route.inFlight === 0 && route.usedAt < now - ROUTE_IDLE_MS_MAX) this.closeIdle(key)
    }
    this.#destinations.forgetIdle(now)
  }

  #dropOldest() {
    for (const [key, route] of this.#byKey) {
      if (route.inFlight > 0) continue
      this.closeIdle(key)
      return
    }
  }
}
