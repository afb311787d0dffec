/** What all accounts together may do to one host or one address. */
export type DestinationLimits = { inFlightMax: number; perSecondMax: number }

/** How long to wait before asking again when only the end of another attempt can help. */
const IN_FLIGHT_WAIT_MS = 20
/** The part of a second's requests that may start at once; the rest is spread, so that no second has more in all. */
const BURST_SHARE = 0.05

/** One host or address with its attempts in flight and its rate (a generic cell rate, one number of state). */
export class Destination {
  inFlight = 0
  /** How many routes keep a reference, so that the next attempt of an endpoint needs no look-up. */
  routes = 0
  readonly #inFlightMax: number
  readonly #intervalMs: number
  readonly #burstMs: number
  /** When the next request would be due at an even rate; ahead of now by what was used of the burst. */
  #evenAt = 0

  constructor(limits: DestinationLimits) {
    this.#inFlightMax = limits.inFlightMax
    this.#intervalMs = 1000 / (limits.perSecondMax * (1 - BURST_SHARE))
    this.#burstMs = Math.max((1000 * BURST_SHARE) / (1 - BURST_SHARE), this.#intervalMs)
  }

  /** 0 when an attempt may start now, else ms after which asking again makes sense. `now`: monotonic ms */
  waitMs(now: number): number {
    if (this.inFlight >= this.#inFlightMax) return IN_FLIGHT_WAIT_MS
    return Math.max(0, this.#evenAt + this.#intervalMs - this.#burstMs - now)
  }

  enter(now: number) {
    this.inFlight += 1
    this.#evenAt = Math.max(this.#evenAt, now) + this.#intervalMs
  }

  leave() {
    this.inFlight -= 1
  }

  /** May it be forgotten: would a new one in its place count the same? */
  isIdle(now: number): boolean {
    return this.inFlight === 0 && this.routes === 0 && this.#evenAt <= now
  }
}

/** Every destination that was sent to of late, hosts and addresses apart. */
export class Destinations {
  readonly #limits: { host: DestinationLimits; address: DestinationLimits }
  readonly #hosts = new Map<string, Destination>()
  readonly #addresses = new Map<string, Destination>()

  constructor(limits: { host: DestinationLimits; address: DestinationLimits }) {
    this.#limits = limits
  }

  host(hostname: string): Destination {
    return obtain(this.#hosts, hostname, this.#limits.host)
  }

  address(address: string): Destination {
    return obtain(this.#addresses, address, this.#limits.address)
  }

  forgetIdle(now: number) {
    for (const destinations of [this.#hosts, this.#addresses]) {
      for (const [name, destination] of destinations) {
        if (destination.isIdle(now)) destinations.delete(name)
      }
    }
  }
}

function obtain(destinations: Map<string, Destination>, name: string, limits: DestinationLimits): Destination {
  const known = destinations.get(name)
  if (known) return known
  const destination = new Destination(limits)
  destinations.set(name, destination)
  return destination
}
