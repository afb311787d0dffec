import { type Npn, parseNpn } from '#src/population/npn.ts'

const FIRST_SLOTS = 1024
/** Lists of one table. */
const LISTS_MAX = 8

/**
 * The targets of a feed's subscriptions: a hash table of numbers with a bit for each list, 9 bytes a slot, since a million NPNs as
 * texts would take 60 MB.
 */
export class TargetTable {
  /** 0: a free slot. */
  #npns = new Float64Array(FIRST_SLOTS)
  /** A bit for each list; 0: was a target once. */
  #lists = new Uint8Array(FIRST_SLOTS)
  #used = 0

  /** @param list from 0 to 7 */
  add(list: number, npn: Npn): void {
    if (list >= LISTS_MAX) throw new RangeError('too many lists')
    if (this.#used * 2 >= this.#npns.length) this.#grow()
    const slot = this.#slotOf(Number(npn))
    if (this.#npns[slot] === 0) {
      this.#npns[slot] = Number(npn)
      this.#used += 1
    }
    this.#lists[slot] = (this.#lists[slot] ?? 0) | (1 << list)
  }

  remove(list: number, npn: Npn): void {
    const slot = this.#slotOf(Number(npn))
    if (this.#npns[slot] !== 0) this.#lists[slot] = (this.#lists[slot] ?? 0) & ~(1 << list)
  }

  removeAll(): void {
    this.#npns = new Float64Array(FIRST_SLOTS)
    this.#lists = new Uint8Array(FIRST_SLOTS)
    this.#used = 0
  }

  /** The targets of a list, by number, so that reports do not depend on the order of adding. */
  sorted(list: number): Float64Array {
    const all = new Float64Array(this.#used)
    let count = 0
    for (const [slot, npn] of this.#npns.entries())
      if (npn !== 0 && ((this.#lists[slot] ?? 0) & (1 << list)) !== 0) all[count++] = npn
    return all.subarray(0, count).sort()
  }

  #grow(): void {
    const [npns, lists] = [this.#npns, this.#lists]
    let kept = 0
    for (const list of lists) if (list !== 0) kept += 1
    const slots = kept * 4 > npns.length ? npns.length * 2 : npns.length
    this.#npns = new Float64Array(slots)
    this.#lists = new Uint8Array(slots)
    this.#used = 0
    for (const [old, npn] of npns.entries()) {
      const list = lists[old] ?? 0
      if (list === 0) continue
      const slot = this.#slotOf(npn)
      this.#npns[slot] = npn
      this.#lists[slot] = list
      this.#used += 1
    }
  }

  /** Where this number is, or would be. */
  #slotOf(npn: number): number {
    const mask = this.#npns.length - 1
    // Fibonacci hashing of both halves: NPNs often follow one another
    let slot = (Math.imul(npn | 0, 0x9e3779b1) ^ Math.imul(Math.floor(npn / 4_294_967_296), 0x85ebca6b)) >>> 7
    slot &= mask
    while (this.#npns[slot] !== 0 && this.#npns[slot] !== npn) slot = (slot + 1) & mask
    return slot
  }
}

/** The NPN of a number in a table. */
export function npnOf(number: number): Npn {
  const npn = parseNpn(String(number))
  if (npn === undefined) throw new RangeError('no NPN')
  return npn
}
