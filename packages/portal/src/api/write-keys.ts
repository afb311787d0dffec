import { useState } from 'react'

/**
 * The Idempotency-Keys of one dialog or form. The same write has the same key: pressed twice, or again after its answer was lost, it
 * is done once. What says something else is another write.
 */
export class WriteKeys {
  readonly #byBody = new Map<string, string>()

  keyFor(body: unknown): string {
    const written = JSON.stringify(body)
    const key = this.#byBody.get(written) ?? crypto.randomUUID()
    this.#byBody.set(written, key)
    return key
  }

  /** It has been answered: the next press means another one. */
  done(): void {
    this.#byBody.clear()
  }
}

export function useWriteKeys(): WriteKeys {
  return useState(() => new WriteKeys())[0]
}
