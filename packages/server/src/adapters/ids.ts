import { randomFillSync } from 'node:crypto'
import type { Clock } from './clock.ts'

/**
 * Ids that sort by time: a prefix and 27 base-62 digits of 20 bytes, which are 4 bytes of seconds since
 * 1,400,000,000, 1 byte of milliseconds ÷ 4, and 15 random bytes (a KSUID with 4 ms time).
 * One process never makes two ids out of order.
 */
const EPOCH_SECONDS = 1_400_000_000
const DIGITS = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
const LENGTH = 27
const BYTES = 20
const TIME_BYTES = 5
const STEP_BYTES = 8
const THREE_DIGITS = 62 ** 3
const KSUID = /^[0-9A-Za-z]{27}$/
/** The largest 20 bytes in base 62; 27 digits can encode more. */
const LARGEST = 'aWgEPTl1tmebfsQzFP4bxwgy80V'

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
      this.#draw(BYTES - TIME_BYTES).copy(this.#bytes, TIME_BYTES)
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
    const step = this.#draw(STEP_BYTES)
    let carry = 1
    for (let index = BYTES - 1; index >= TIME_BYTES; index -= 1) {
      const added = step[index - (BYTES - STEP_BYTES)] ?? 0
      const sum = (this.#bytes[index] ?? 0) + added + carry
      this.#bytes[index] = sum & 0xff
      carry = sum >> 8
    }
  }

  #draw(count: number): Buffer {
    if (this.#drawn + count > this.#random.length) {
      randomFillSync(this.#random)
      this.#drawn = 0
    }
    this.#drawn += count
    return this.#random.subarray(this.#drawn - count, this.#drawn)
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
  return KSUID.test(text) && text <= LARGEST
}

/** `msg_…` with a well-formed KSUID? */
export function isId(text: string, prefix: string): boolean {
  return text.startsWith(prefix) && isKsuid(text.slice(prefix.length))
}

/** Divides the 160 bits by 62³ again and again, in limbs of 16 bits: no product exceeds what a number holds exactly. */
function encode(bytes: Buffer): Ksuid {
  const limbs = new Uint16Array(BYTES / 2)
  for (let index = 0; index < limbs.length; index += 1) limbs[index] = bytes.readUInt16BE(index * 2)
  let text = ''
  for (let group = 0; group < LENGTH / 3; group += 1) {
    let rest = 0
    for (let index = 0; index < limbs.length; index += 1) {
      const value = rest * 65_536 + (limbs[index] ?? 0)
      limbs[index] = value / THREE_DIGITS
      rest = value % THREE_DIGITS
    }
    text = DIGITS.charAt(rest / 3_844) + DIGITS.charAt((rest / 62) % 62) + DIGITS.charAt(rest % 62) + text
  }
  return text
}

function decode(ksuid: Ksuid): Buffer {
  let value = 0n
  for (const digit of ksuid) value = value * 62n + BigInt(DIGITS.indexOf(digit))
  return Buffer.from(value.toString(16).padStart(BYTES * 2, '0'), 'hex')
}
