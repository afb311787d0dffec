import TinyQueue from 'tinyqueue'
import type { Clock } from '#src/adapters/clock.ts'

/** Alarms go off at multiples of this, never early, so that a thousand retries due at about one time cost one read. */
const STEP_MS = 10

type Entry<Key> = { key: Key; atMs: number }

/** One alarm per key, any number of keys, one timer. */
export class Alarms<Key> {
  readonly #clock: Clock
  readonly #ring: (key: Key) => void
  readonly #entries = new TinyQueue<Entry<Key>>([], (a, b) => a.atMs - b.atMs)
  /** The entry that counts for a key; others of the key in the queue are out of date. */
  readonly #current = new Map<Key, Entry<Key>>()
  #timer: { cancel(): void; atMs: number } | undefined

  constructor(clock: Clock, ring: (key: Key) => void) {
    this.#clock = clock
    this.#ring = ring
  }

  /** Sets the key's alarm to `at`, unless it goes off earlier already. */
  set(key: Key, at: Date): void {
    const atMs = Math.ceil(at.getTime() / STEP_MS) * STEP_MS
    const known = this.#current.get(key)
    if (known && known.atMs <= atMs) return
    const entry = { key, atMs }
    this.#current.set(key, entry)
    this.#entries.push(entry)
    this.#arm()
  }

  cancel(key: Key): void {
    this.#current.delete(key)
  }

  clear(): void {
    this.#current.clear()
    this.#timer?.cancel()
    this.#timer = undefined
  }

  #arm(): void {
    let next = this.#entries.peek()
    while (next && this.#current.get(next.key) !== next) {
      this.#entries.pop()
      next = this.#entries.peek()
    }
    if (!next || (this.#timer && this.#timer.atMs <= next.atMs)) return
    this.#timer?.cancel()
    const { atMs } = next
    const alarm = this.#clock.alarm(new Date(atMs), () => this.#fire())
    this.#timer = { atMs, cancel: () => alarm.cancel() }
  }

  #fire(): void {
    this.#timer = undefined
    const untilMs = this.#clock.now().getTime()
    const due: Key[] = []
    for (let next = this.#entries.peek(); next && next.atMs <= untilMs; next = this.#entries.peek()) {
      this.#entries.pop()
      if (this.#current.get(next.key) !== next) continue
      this.#current.delete(next.key)
      due.push(next.key)
    }
    for (const key of due) this.#ring(key)
    this.#arm()
  }
}
