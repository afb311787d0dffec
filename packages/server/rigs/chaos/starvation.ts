import { readFileSync } from 'node:fs'

const LOOK_MS = 250
const LOOKS = 8

/** Watches how long processes wait for a processor although they have something to do: what they do late then is not theirs. */
export class Starvation {
  readonly #processIds: () => readonly number[]
  readonly #timer: NodeJS.Timeout
  #waited = new Map<number, number[]>()
  #longestMs = 0

  constructor(processIds: () => readonly number[]) {
    this.#processIds = processIds
    this.#timer = setInterval(() => this.#look(), LOOK_MS)
  }

  /** The longest that one of them has waited within two seconds. */
  get longestMs(): number {
    return Math.round(this.#longestMs)
  }

  close(): void {
    clearInterval(this.#timer)
  }

  #look(): void {
    const waited = new Map<number, number[]>()
    for (const processId of this.#processIds()) {
      const looks = [...(this.#waited.get(processId) ?? []), waitingMs(processId)].slice(-LOOKS - 1)
      waited.set(processId, looks)
      this.#longestMs = Math.max(this.#longestMs, (looks.at(-1) ?? 0) - (looks[0] ?? 0))
    }
    this.#waited = waited
  }
}

/** What the main thread of a process has waited for a processor since its start, by the kernel's count; 0 where that keeps none. */
export function waitingMs(processId: number | 'self'): number {
  try {
    return Number(readFileSync(`/proc/${processId}/schedstat`, 'utf8').split(' ')[1]) / 1e6
  } catch {
    return 0 // it has ended
  }
}
