import type { LaneHint } from '#src/delivery/lanes.ts'
import type { Target } from '#src/endpoints/target.ts'
import type { SimSwitch } from './scenario.ts'
import type { Site } from './site.ts'
import type { VirtualTime } from './virtual-time.ts'

/** An endpoint was disabled, and enabled again. Moments as in the ledger; `enabledAtMs` is infinite until then. */
export type Turned = { endpoint: number; disabledAtMs: number; enabledAtMs: number }

/** What of an endpoint changes within a seed. */
export type EndpointState = Pick<Target, 'version' | 'disabled' | 'canceledBefore'>

type Parts = {
  time: VirtualTime
  site: Site
  /** Of the endpoints, by their numbers. */
  lanes: readonly LaneHint[]
  /** The database's own time, as text. */
  nowText: () => string
  hint: (lane: LaneHint) => void
  /** An endpoint has changed. */
  turned: (text: string) => void
}

const AS_MADE: EndpointState = { version: 1, disabled: false, canceledBefore: null }

/** Endpoints that are disabled for a while: what an API does to their rows, and what it tells workers of it. */
export class Switches {
  readonly turned: Turned[] = []
  readonly #parts: Parts
  readonly #states = new Map<string, EndpointState>()
  /** That are to come, or have not ended. */
  underWay = 0

  constructor(parts: Parts) {
    this.#parts = parts
  }

  plan(planned: readonly SimSwitch[]): void {
    const { time } = this.#parts
    this.underWay = planned.length
    for (const { endpoint, atMs, forMs } of planned) time.after(atMs, () => void this.#hold(endpoint, forMs))
  }

  stateOf(endpointId: string): EndpointState {
    return this.#states.get(endpointId) ?? AS_MADE
  }

  async #hold(endpoint: number, forMs: number): Promise<void> {
    const { time } = this.#parts
    await this.#turn(endpoint, true)
    const turned = { endpoint, disabledAtMs: time.nowMs, enabledAtMs: Number.POSITIVE_INFINITY }
    this.turned.push(turned)
    await time.sleep(forMs)
    await this.#turn(endpoint, false)
    turned.enabledAtMs = time.nowMs
    this.underWay -= 1
  }

  /** As `saveEndpoint` does; it may have to wait for whoever holds the row. */
  async #turn(number: number, disabled: boolean): Promise<void> {
    const { time, site, lanes, nowText, hint, turned } = this.#parts
    const lane = lanes[number]
    if (!lane) throw new Error(`no endpoint ${number}`)
    const { endpointId } = lane
    const now = nowText()
    time.enterWork()
    await site.turn(endpointId, disabled, now)
    const known = this.stateOf(endpointId)
    const canceledBefore = disabled ? new Date(now) : known.canceledBefore
    this.#states.set(endpointId, { version: known.version + 1, disabled, canceledBefore })
    hint(lane)
    turned(`endpoint ${number} is ${disabled ? 'disabled' : 'enabled'}`)
    time.leaveWork()
  }
}
