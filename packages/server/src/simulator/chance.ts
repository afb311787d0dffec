import { hash } from 'node:crypto'

/** Random numbers that are a function of a text: the same on every machine, in every process, in any order of asking. */
export class Chance {
  #a: number
  #b: number
  #c: number
  #counter = 1

  /** Seeded by SHA-256 of the parts. */
  constructor(...parts: readonly (string | number)[]) {
    const digest = hash('sha256', parts.join('\n'), 'buffer')
    this.#a = digest.readInt32LE(0)
    this.#b = digest.readInt32LE(4)
    this.#c = digest.readInt32LE(8)
  }

  /** From 0 (inclusive) to 1. sfc32 (PractRand): 32 good bits are plenty for made-up producers. */
  next(): number {
    const sum = (((this.#a + this.#b) | 0) + this.#counter) | 0
    this.#counter = (this.#counter + 1) | 0
    this.#a = this.#b ^ (this.#b >>> 9)
    this.#b = (this.#c + (this.#c << 3)) | 0
    this.#c = (this.#c << 21) | (this.#c >>> 11)
    this.#c = (this.#c + sum) | 0
    return (sum >>> 0) / 4_294_967_296
  }

  /** A whole number from `least` to `most`, both included. */
  whole(least: number, most: number): number {
    return least + Math.floor(this.next() * (most - least + 1))
  }

  /** True in this share of cases. */
  is(share: number): boolean {
    return this.next() < share
  }

  /** @throws RangeError for an empty list */
  pick<T>(list: readonly T[]): T {
    const item = list[this.whole(0, list.length - 1)]
    if (item === undefined) throw new RangeError('nothing to pick from')
    return item
  }

  /** In another order. */
  shuffled<T>(list: readonly T[]): T[] {
    const rest = [...list]
    const shuffled: T[] = []
    while (rest.length > 0) shuffled.push(...rest.splice(this.whole(0, rest.length - 1), 1))
    return shuffled
  }
}
