import { setTimeout as sleep } from 'node:timers/promises'
import type { Api } from './api.ts'

/** How long reads took, and how many there were. */
export type ReadTimes = { reads: number; p50Ms: number; p90Ms: number; p99Ms: number }

/** Of the seconds before something, and of the time that it took. */
export type Reads = { before: ReadTimes; during: ReadTimes }

const BEFORE_MS = 15_000
const LOOPS = 2
const PAUSE_MS = 20

/**
 * Reads as clients do on any day: pages of what has changed, single producers with their licenses, records by id. Two at a
 * time, each after a pause.
 * @param apis  of one client each: they take turns, so that none meets its rate limit; without any, nobody reads
 */
export class Reading {
  readonly #apis: readonly Api[]
  readonly #npns: readonly string[]
  readonly #since: string
  #count = 0

  constructor(apis: readonly Api[], npns: readonly string[], since: string) {
    this.#apis = apis
    this.#npns = npns.filter((npn) => !npn.endsWith('000')) // those are unknown to NIPR, and answered so
    this.#since = since
  }

  /** Reads for some seconds, and then while `work` goes on. @returns how long that took, and what `work` has given */
  async around<T>(work: () => Promise<T>): Promise<{ reads: Reads | null; result: T }> {
    if (this.#apis.length === 0) return { reads: null, result: await work() }
    const { times: before } = await this.#during(() => sleep(BEFORE_MS))
    const { times: during, result } = await this.#during(work)
    return { reads: { before, during }, result }
  }

  async #during<T>(work: () => Promise<T>): Promise<{ times: ReadTimes; result: T }> {
    let isOver = false
    const took: number[] = []
    const loop = async () => {
      while (!isOver) {
        const startedAt = performance.now()
        await this.#read()
        took.push(performance.now() - startedAt)
        await sleep(PAUSE_MS)
      }
    }
    const loops = Array.from({ length: LOOPS }, loop)
    const result = await work().finally(() => {
      isOver = true
    })
    await Promise.all(loops)
    took.sort((a, b) => a - b)
    return { times: { reads: took.length, p50Ms: at(took, 0.5), p90Ms: at(took, 0.9), p99Ms: at(took, 0.99) }, result }
  }

  async #read(): Promise<void> {
    this.#count += 1
    const api = this.#apis[this.#count % this.#apis.length]
    const npn = this.#npns[(this.#count * 7_919) % this.#npns.length]
    const paths = [
      `/v2/licenses?updatedSince=${this.#since}&size=250`,
      `/v2/entities/${npn}`,
      `/v2/entities/${npn}/licenses`,
      `/v2/appointments?npns=${npn}`,
    ]
    await api?.get(paths[this.#count % paths.length] ?? '')
  }
}

/** How much longer the longest reads took. */
export function slowdown({ before, during }: Reads): number {
  return Math.round((during.p99Ms / before.p99Ms) * 100) / 100
}

/** Nine reads of ten are answered within a second while a run goes on. Source: producersync-api 6, "Expected speed". */
export function isSoon({ during }: Reads): boolean {
  return during.p90Ms < 1_000
}

function at(sorted: readonly number[], share: number): number {
  return Math.round((sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0) * 10) / 10
}
