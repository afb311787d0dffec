import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { Pool } from 'undici'
import { percentile } from '../chaos/figures.ts'

/** How healthy endpoints fared for some seconds: from the call that published to the first byte at the receiver. */
export type Window = { published: number; delivered: number; p99Ms: number }

const TICK_MS = 10
const CONNECTIONS = 32
/** What has not arrived by then counts as not delivered in its window. */
const ARRIVE_MS_MAX = 3_000

/** Receivers that answer at once, and a publisher at a steady rate: what hostile neighbours must not disturb. */
export class Healthy {
  readonly #server: Server
  readonly #pool: Pool
  readonly #key: string
  readonly #sentAtMs = new Map<string, number>()
  #arrivedMs: number[] = []
  #number = 0
  /** Ids of the accounts whose only endpoint is the receiver here. */
  accounts: readonly string[] = []

  private constructor(server: Server, url: string, key: string) {
    this.#server = server
    this.#pool = new Pool(url, { connections: CONNECTIONS })
    this.#key = key
    server.on('request', (request, response) => {
      const arrivedAtMs = performance.now()
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        response.writeHead(200).end()
        const name = /"healthy":"([^"]+)"/.exec(Buffer.concat(chunks).toString())?.[1] ?? ''
        const sentAtMs = this.#sentAtMs.get(name)
        if (sentAtMs !== undefined) this.#arrivedMs.push(arrivedAtMs - sentAtMs)
        this.#sentAtMs.delete(name)
      })
    })
  }

  /** Its receiver, which has to be known before the service starts. */
  static async listen(): Promise<{ address: string; open: (url: string, key: string) => Healthy; close: () => void }> {
    const server = createServer({ keepAliveTimeout: 300_000 })
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // listening on a port
    return {
      address: `127.0.0.1:${port}`,
      open: (url, key) => new Healthy(server, url, key),
      close: () => {
        server.close()
        server.closeAllConnections()
      },
    }
  }

  get url(): string {
    const { port } = this.#server.address() as AddressInfo
    return `http://127.0.0.1:${port}/healthy`
  }

  /** Publishes for some seconds, open-loop, and waits for what is on its way. */
  async measure(durationMs: number, perSecond: number, signal: AbortSignal): Promise<Window> {
    this.#sentAtMs.clear()
    this.#arrivedMs = []
    const startedAtMs = performance.now()
    const total = Math.round((durationMs / 1_000) * perSecond)
    const calls: Promise<void>[] = []
    while (calls.length < total && !signal.aborted) {
      const due = Math.min(total, Math.ceil(((performance.now() - startedAtMs) / 1_000) * perSecond))
      while (calls.length < due) calls.push(this.#publish())
      await sleep(TICK_MS)
    }
    await Promise.all(calls)
    const endsAtMs = performance.now() + ARRIVE_MS_MAX
    while (this.#sentAtMs.size > 0 && performance.now() < endsAtMs && !signal.aborted) await sleep(TICK_MS)
    return { published: total, delivered: this.#arrivedMs.length, p99Ms: percentile(this.#arrivedMs, 0.99) }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }

  async #publish(): Promise<void> {
    this.#number += 1
    const name = `h${this.#number}`
    const account = this.accounts[this.#number % this.accounts.length]
    this.#sentAtMs.set(name, performance.now())
    const answer = await this.#pool.request({
      method: 'POST',
      path: `/api/v1/app/${account}/msg`,
      headers: { authorization: `Bearer ${this.#key}`, 'content-type': 'application/json' },
      body: `{"eventType":"hostile.happened","payload":{"healthy":"${name}"}}`,
    })
    await answer.body.dump()
  }
}
