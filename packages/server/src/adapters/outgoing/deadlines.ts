/** How late an alarm may ring, at most, in an idle process; it never rings early. */
const TICK_MS = 16
/** One turn of the wheel is a little over a minute; longer alarms stay for several turns. */
const SLOTS = 4096

export type Alarm = {
  cancel(): void
}

/**
 * Many alarms on one timer: an attempt sets and cancels its deadline for a fraction of what a timer of its own costs.
 * A wheel of time slots, each a ring of alarms; the timer runs only while an alarm is set.
 */
export class Deadlines {
  readonly #slots: Ring[] = Array.from({ length: SLOTS }, () => new Ring())
  #set = 0
  #lastTick = 0
  #timer: NodeJS.Timeout | undefined

  /** Calls `ring` once, `delayMs` from now (monotonic clock) or up to a tick later, unless it is cancelled before. */
  after(delayMs: number, ring: () => void): Alarm {
    const now = performance.now()
    if (this.#timer === undefined) {
      this.#lastTick = Math.floor(now / TICK_MS)
      this.#timer = setInterval(() => this.#turn(), TICK_MS)
    }
    this.#set += 1
    const dueTick = Math.max(Math.ceil((now + delayMs) / TICK_MS), this.#lastTick + 1)
    return new SetAlarm(this.#slotOf(dueTick), dueTick, ring, this.#removed)
  }

  readonly #removed = () => {
    this.#set -= 1
  }

  #turn() {
    const tick = Math.floor(performance.now() / TICK_MS)
    const from = Math.max(this.#lastTick + 1, tick - SLOTS + 1)
    this.#lastTick = tick
    for (let passed = from; passed <= tick; passed++) {
      for (const alarm of this.#slotOf(passed).takeDue(tick)) alarm.fire()
    }
    if (this.#set > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }

  #slotOf(tick: number): Ring {
    return this.#slots[tick % SLOTS] ?? raiseNoSlot()
  }
}

/** A doubly linked ring with itself as its end, so that adding and removing touch two neighbours and nothing else. */
class Ring {
  next: Ring = this
  previous: Ring = this

  takeDue(tick: number): SetAlarm[] {
    const due: SetAlarm[] = []
    for (let alarm = this.next; alarm instanceof SetAlarm; alarm = alarm.next) {
      if (alarm.dueTick <= tick) due.push(alarm)
    }
    return due
  }
}

class SetAlarm extends Ring implements Alarm {
  readonly dueTick: number
  readonly #ring: () => void
  readonly #removed: () => void

  constructor(slot: Ring, dueTick: number, ring: () => void, removed: () => void) {
    super()
    this.dueTick = dueTick
    this.#ring = ring
    this.#removed = removed
    this.previous = slot.previous
    this.next = slot
    slot.previous.next = this
    slot.previous = this
  }

  cancel() {
    if (this.next === this) return
    this.previous.next = this.next
    this.next.previous = this.previous
    this.next = this
    this.previous = this
    this.#removed()
  }

  /** A neighbour that fired first may have cancelled this one. */
  fire() {
    if (this.next === this) return
    this.cancel()
    this.#ring()
  }
}

function raiseNoSlot(): never {
  throw new RangeError('tick outside the wheel')
}
