import { HttpClient } from '#src/adapters/http-client/http-client.ts'
import type { Npn } from '#src/population/npn.ts'
import type { LocalDate } from '../updates/local-date.ts'
import type { Scenario } from './business-days.ts'
import { CONTROL_PATH } from './control.ts'
import type { FeedDefinition } from './feed-definition.ts'
import type { Producer } from './world.ts'

const CONNECT_MS = 5_000
const LIMITS = { totalMs: 60_000, silenceMs: 60_000 }

/** The simulator said no: `status` 409 for what has passed, 404 for a feed that is not defined, 400 for bad input. */
export class ControlRefused extends Error {
  readonly status: number

  constructor(status: number) {
    super(`the simulator answers ${status}`)
    this.name = 'ControlRefused'
    this.status = status
  }
}

/** What a feed's owner asks of a simulator. Every call throws ControlRefused, or AnswerLost when the simulator has gone. */
export class SimulatorControl {
  readonly #http: HttpClient
  readonly #token: string

  constructor(url: string, token: string) {
    this.#http = new HttpClient(new URL(url), CONNECT_MS)
    this.#token = token
  }

  /** Makes a feed, or changes what it is; its clock and its targets stay. A new one runs by the real clock, without targets. */
  async defineFeed(user: string, definition: FeedDefinition): Promise<void> {
    await this.#call('PUT', user, definition)
  }

  async removeFeed(user: string): Promise<void> {
    await this.#call('DELETE', user)
  }

  async now(user: string): Promise<Date> {
    return readNow(await this.#call('GET', `${user}/clock`))
  }

  /** Forward only. @param stopped the clock stands there until it is set again */
  async setClock(user: string, now: Date, stopped = false): Promise<Date> {
    return readNow(await this.#call('PUT', `${user}/clock`, { now: now.toISOString(), stopped }))
  }

  async setScenario(user: string, day: LocalDate, scenario: Scenario): Promise<void> {
    await this.#call('PUT', `${user}/scenarios/${day}`, { scenario })
  }

  /** What these producers are at the end of a day, null for what NIPR does not know; at most 1,000 at a time. */
  async truth(user: string, day: LocalDate, npns: readonly Npn[]): Promise<(Producer | null)[]> {
    const answer = (await this.#call('POST', `${user}/truth`, { day, npns })) as { producers: (Producer | null)[] }
    return answer.producers
  }

  close(): Promise<void> {
    return this.#http.close()
  }

  async #call(method: 'GET' | 'PUT' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<unknown> {
    const headers = { authorization: `Bearer ${this.#token}`, 'content-type': 'application/json' }
    const text = body === undefined ? {} : { body: JSON.stringify(body) }
    const request = { method, path: CONTROL_PATH + path, headers, ...text }
    const answer = await this.#http.request(request, LIMITS, AbortSignal.timeout(LIMITS.totalMs))
    const pieces: Buffer[] = []
    for await (const piece of answer.body) pieces.push(piece)
    if (answer.status >= 300) throw new ControlRefused(answer.status)
    const received = Buffer.concat(pieces)
    return received.length === 0 ? undefined : JSON.parse(received.toString())
  }
}

function readNow(answer: unknown): Date {
  return new Date((answer as { now: string }).now)
}
