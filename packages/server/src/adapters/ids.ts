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
const KSUID = /^[0-9A-Za-z]{27}$/
/** The largest 20 bytes in base 62; 27 digits can encode more. */
const LARGEST = 'aWgEPTl1tmebfsQzFP4bxwgy80V'

export type Ksuid = string

export class IdSource {
  readonly #clock: Clock
  readonly #bytes = Buffer.alloc(BYTES)
  #lastTick = -1

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** A new KSUID of this moment; `at` is that moment cut to 4 ms, or the last one made when the clock went back. */
  next(now: Date = this.#clock.now()): { ksuid: Ksuid; at: Date } {
    const tick = Math.floor(now.getTime() / 4)
    if (tick > this.#lastTick) {
      this.#lastTick = tick
      randomFillSync(this.#bytes, 5)
      // room for counting up within the tick
      this.#bytes[5] = (this.#bytes[5] ?? 0) & 0x7f
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
    const step = randomFillSync(Buffer.alloc(8))
    let carry = 1
    for (let index = BYTES - 1; index >= 5; index -= 1) {
      const added = index >= BYTES - 8 ? (step[index - (BYTES - 8)] ?? 0) : 0
      const sum = (this.#bytes[index] ?? 0) + added + carry
      this.#bytes[index] = sum & 0xff
      carry = sum >> 8
    }
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

function encode(bytes: Buffer): Ksuid {
  let text = ''
  let value = BigInt(`0x${bytes.toString('hex')}`)
  while (value > 0n) {
    text = DIGITS.charAt(Number(value % 62n)) + text
    value /= 62n
  }
  return text.padStart(LENGTH, '0')
}

function decode(ksuid: Ksuid): Buffer {
  let value = 0n
  for (const digit of ksuid) value = value * 62n + BigInt(DIGITS.indexOf(digit))
  return Buffer.from(value.toString(16).padStart(BYTES * 2, '0'), 'hex')
}
