import { randomFillSync } from 'node:crypto'
import type { Clock } from './clock.ts'

/**
 * Ids that sort by time: a prefix and 27 base-62 digits of 20 bytes, which are 4 bytes of seconds since
 * 1,400,000,000, 1 byte of milliseconds ÷ 4, and 15 random bytes (a KSUID with 4 ms time).
 * One process never makes two ids out of order.
 */
const EPOCH_SECONDS = 1_400_000_000
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
export const KSUID_LENGTH = 27
const BYTES = 20
const TIME_BYTES = 5
const STEP_BYTES = 8
const KSUID = /^[0-9A-Za-z]{27}$/
/** Nothing sorts before it, and behind the other none: of 20 bytes in base 62, as 27 digits can encode more. */
export const SMALLEST_KSUID = '0'.repeat(KSUID_LENGTH)
export const LARGEST_KSUID = 'aWgEPTl1tmebfsQzFP4bxwgy80V'

export type Ksuid = string

export class IdSource {
  readonly #clock: Clock
  readonly #bytes = Buffer.alloc(BYTES)
  /** Random bytes are drawn many at a time: one call costs more than making an id. */
  readonly #random = Buffer.alloc(4_096)
  #drawn = this.#random.length
  #lastTick = -1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new KSUID of this moment; `at` is that moment cut to 4 ms, or the last one made when the clock went back. */
  next(now: Date = this.#clock.now()): { ksuid: Ksuid; at: Date } {
    const tick = Math.floor(now.getTime() / 4)
    if (tick > this.#lastTick) {
      this.#lastTick = tick
      const from = this.#draw(BYTES - TIME_BYTES)
      this.#random.copy(this.#bytes, TIME_BYTES, from, from + BYTES - TIME_BYTES)
      // room for counting up within the tick
      this.#bytes[TIME_BYTES] = (this.#bytes[TIME_BYTES] ?? 0) & 0x7f
    } else {
      this.#countUp()
    }
    const ms = this.#lastTick * 4
    this.#bytes.writeUInt32BE(Math.floor(ms / 1000) - EPOCH_SECONDS, 0)
    this.#bytes[4] = Math.floor((ms % 1000) / 4)
    return { ksuid: encode(this.#bytes), at: new Date(ms) }
  }

  /** Within one tick the random part grows by a random step, so ids stay in order and cannot be guessed. */
  #countUp(): void {
    const from = this.#draw(STEP_BYTES)
    let carry = 1
    for (let index = BYTES - 1; index >= TIME_BYTES; index -= 1) {
      const place = index - (BYTES - STEP_BYTES)
      const added = place < 0 ? 0 : (this.#random[from + place] ?? 0)
      const sum = (this.#bytes[index] ?? 0) + added + carry
      this.#bytes[index] = sum & 0xff
      carry = sum >> 8
    }
  }

  /** @returns where in `#random` so many bytes stand that were not used before */
  #draw(count: number): number {
    if (this.#drawn + count > this.#random.length) {
      randomFillSync(this.#random)
      this.#drawn = 0
    }
    this.#drawn += count
    return this.#drawn - count
  }
}

/** The smallest KSUID of a moment: a bound for ranges of ids. */
export function ksuidFloor(moment: Date): Ksuid {
  const bytes = Buffer.alloc(BYTES)
  const ms = Math.max(0, moment.getTime() - EPOCH_SECONDS * 1000)
  bytes.writeUInt32BE(Math.min(0xffffffff, Math.floor(ms / 1000)), 0)
  bytes[4] = Math.floor((ms % 1000) / 4)
  return encode(bytes)
}

/** The moment in an id, cut to 4 ms. */
export function ksuidTime(ksuid: Ksuid): Date {
  const bytes = decode(ksuid)
  return new Date((bytes.readUInt32BE(0) + EPOCH_SECONDS) * 1000 + (bytes[4] ?? 0) * 4)
}

export function isKsuid(text: string): boolean {
  return KSUID.test(text) && text <= LARGEST_KSUID
}

/** `msg_…` with a well-formed KSUID? */
export function isId(text: string, prefix: string): boolean {
  return text.startsWith(prefix) && isKsuid(text.slice(prefix.length))
}

/** Four digits at a time: a remainder of 62⁴ and a limb of 24 bits together are a number that is held exactly. */
const LIMBS = 7
const LIMB = 2 ** 24
const FOUR_DIGITS = 62 ** 4
const CODES = Buffer.from(DIGITS)

// One id is written at a time, and nothing of it stays in these.
const limbs = new Float64Array(LIMBS)
const text = Buffer.alloc(KSUID_LENGTH + 1)

/** Divides the 160 bits by 62⁴ again and again; limbs that have become zero are left out. */
function encode(bytes: Buffer): Ksuid {
  limbs[0] = bytes.readUInt16BE(0)
  for (let limb = 1; limb < LIMBS; limb += 1) limbs[limb] = bytes.readUIntBE(limb * 3 - 1, 3)
  let first = 0
  for (let at = KSUID_LENGTH - 3; at >= 0; at -= 4) {
    let rest = 0
    for (let limb = first; limb < LIMBS; limb += 1) {
      const value = rest * LIMB + (limbs[limb] ?? 0)
      const quotient = Math.floor(value / FOUR_DIGITS)
      limbs[limb] = quotient
      rest = value - quotient * FOUR_DIGITS
    }
    while (first < LIMBS - 1 && limbs[first] === 0) first += 1
    for (let digit = at + 3; digit >= at; digit -= 1) {
      text[digit] = CODES[rest % 62] ?? 0
      rest = Math.floor(rest / 62)
    }
  }
  return text.toString('latin1', 1) // 28 digits were written, the first of them a zero
}

function decode(ksuid: Ksuid): Buffer {
  let value = 0n
  for (const digit of ksuid) value = value * 62n + BigInt(DIGITS.indexOf(digit))
  return Buffer.from(value.toString(16).padStart(BYTES * 2, '0'), 'hex')
}
