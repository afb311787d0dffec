import { setTimeout } from 'node:timers/promises'

/** A transaction that has not ended so long after a stop was asked for is cut with its connection. */
export const TRANSACTIONS_END_MS_MAX = 2_000

type End = () => unknown

/** Ends a process in order and within its time, whatever the database or the network does. */
export class Closing {
  readonly #working: End[] = []
  readonly #opened: End[] = []

  /**
   * What takes on work is told to end first, all of it at once.
   * @param msMax  the longest wait for its end; without it, the part sees to that itself
   */
  working(end: End, msMax?: number): void {
    this.#working.push(msMax === undefined ? end : () => noLongerThan(msMax, end()))
  }

  /** What others lean on is ended after that, in reverse order. */
  opened(end: End): void {
    this.#opened.push(end)
  }

  async close(): Promise<void> {
    await Promise.all(this.#working.splice(0).map((end) => end()))
    for (const end of this.#opened.splice(0).reverse()) await end()
  }
}

async function noLongerThan(msMax: number, ending: unknown): Promise<void> {
  const enough = new AbortController()
  await Promise.race([ending, setTimeout(msMax, undefined, { signal: enough.signal }).catch(() => undefined)])
  enough.abort()
}
