import { type Npn, parseNpn } from '#src/population/npn.ts'

const BLOCK = 4096
/** What is held of one report: four times the largest population. */
const NPNS_MAX = 4_000_000

/** NPNs in the order they came, 8 bytes each: those of a report that may not be used yet. */
export class NpnList {
  #blocks: Float64Array[] = []
  #length = 0

  get length(): number {
    return this.#length
  }

  /** @returns false when the list is full */
  add(npn: Npn): boolean {
    if (this.#length === NPNS_MAX) return false
    if (this.#length % BLOCK === 0) this.#blocks.push(new Float64Array(BLOCK))
    const block = this.#blocks.at(-1)
    if (block) block[this.#length % BLOCK] = Number(npn)
    this.#length += 1
    return true
  }

  /** What was added, in batches, and forgets it. */
  *take(): Generator<Npn[], void, void> {
    const [blocks, length] = [this.#blocks, this.#length]
    this.#blocks = []
    this.#length = 0
    for (const [index, block] of blocks.entries()) {
      const numbers = block.subarray(0, Math.min(BLOCK, length - index * BLOCK))
      yield Array.from(numbers, String).flatMap((text) => parseNpn(text) ?? [])
    }
  }
}
