import { setTimeout as sleep } from 'node:timers/promises'

export type Json = Record<string, unknown>

/** Calls the public API with the tokens of an account's clients, each within its rate limit. */
export class Api {
  readonly #url: string
  readonly #tokens: readonly string[]
  #next = 0

  constructor(url: string, tokens: readonly string[]) {
    this.#url = url
    this.#tokens = tokens
  }

  async get(pathOrUrl: string): Promise<Json> {
    return await this.call('GET', pathOrUrl)
  }

  /** Waits for a service that starts again, and for the next window when all clients have used up theirs. */
  async call(method: string, pathOrUrl: string, body?: unknown): Promise<Json> {
    const url = pathOrUrl.startsWith('http') ? pathOrUrl : `${this.#url}${pathOrUrl}`
    for (let refused = 0; ; ) {
      const token = this.#tokens[this.#next % this.#tokens.length] ?? ''
      const response = await this.#ask(method, url, token, body)
      if (response === 'later') {
        await sleep(100)
        continue
      }
      if (response.status === 429) {
        refused += 1
        this.#next += 1
        if (refused % this.#tokens.length === 0) await sleep(1_000)
        continue
      }
      if (response.status >= 300) throw new Error(`${method} ${url}: ${response.status} ${response.text}`)
      return JSON.parse(response.text) as Json
    }
  }

  async #ask(method: string, url: string, token: string, body: unknown) {
    try {
      const response = await fetch(url, {
        method,
        headers: {
          authorization: `Bearer ${token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
      const text = await response.text()
      return response.status === 503 ? ('later' as const) : { status: response.status, text }
    } catch {
      return 'later' as const
    }
  }
}
