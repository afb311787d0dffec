/** Order statistics of some durations, in ms. */
export type Spread = { count: number; p50: number; p95: number; p99: number; max: number }

function spreadOf(values: Float64Array): Spread {
  const sorted = values.toSorted()
  const at = (share: number) => rounded(sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0, 2)
  return { count: sorted.length, p50: at(0.5), p95: at(0.95), p99: at(0.99), max: at(1) }
}

export function rounded(value: number, digits: number): number {
  return Number(value.toFixed(digits))
}

/** Durations, as many as come. */
export class Durations {
  #values = new Float64Array(65_536)
  #size = 0

  add(ms: number): void {
    if (this.#size === this.#values.length) {
      const larger = new Float64Array(this.#values.length * 2)
      larger.set(this.#values)
      this.#values = larger
    }
    this.#values[this.#size] = ms
    this.#size += 1
  }

  spread(): Spread {
    return spreadOf(this.#values.subarray(0, this.#size))
  }
}
