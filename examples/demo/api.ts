import { setTimeout as sleep } from 'node:timers/promises'
import { listOf, memberOf, numberOf, textOf } from './answers.ts'
import { DemoFailure } from './failure.ts'
import type { AcceptedEvent, RecordedAttempt } from './reckoning.ts'
import type { Credentials } from './service-process.ts'

/** Two a second: a client may make 300 requests a minute. */
const JOB_POLL_MS = 500
const RETRY_MS = 250
const ROWS_PER_PAGE = 250
const FINAL = ['succeeded', 'partly_failed', 'failed']

export type Job = { id: string; state: string; added: number; removed: number }

type Request = { method: 'GET' | 'PUT' | 'POST' | 'DELETE'; path: string; body?: unknown }

/** The API as the account's own program uses it: a token, the population, the endpoint, and what became of the events. */
export class AccountApi {
  readonly #url: () => string
  readonly #signal: AbortSignal
  readonly #accountId: string
  readonly #token: string

  private constructor(url: () => string, accountId: string, token: string, signal: AbortSignal) {
    this.#url = url
    this.#accountId = accountId
    this.#token = token
    this.#signal = signal
  }

  /** @param url  where the service is now: it moves with each start */
  static async signIn(url: () => string, credentials: Credentials, signal: AbortSignal): Promise<AccountApi> {
    const { accountId, clientId, clientSecret } = credentials
    const form = { grant_type: 'client_credentials', client_id: clientId, client_secret: clientSecret }
    const response = await fetch(`${url()}/oauth2/token`, { method: 'POST', body: new URLSearchParams(form), signal })
    const answer: unknown = await response.json()
    if (!response.ok) throw new DemoFailure(`POST /oauth2/token answered ${response.status}.`)
    return new AccountApi(url, accountId, textOf(answer, 'access_token'), signal)
  }

  /** @returns the endpoint's id */
  async createEndpoint(endpoint: {
    url: string
    eventTypes: string[]
    secret: string
    retrySchedule: number[]
  }): Promise<string> {
    return textOf(await this.#send({ method: 'POST', path: `${this.#app}/endpoint`, body: endpoint }), 'id')
  }

  /** @returns the id of the job that does it */
  async addNpns(npns: readonly string[]): Promise<string> {
    return textOf(await this.#send({ method: 'PUT', path: '/v1/accounts/subscriptions', body: npns }), 'job_id')
  }

  /** @returns the id of the job that does it */
  async removeNpns(npns: readonly string[]): Promise<string> {
    return textOf(await this.#send({ method: 'DELETE', path: '/v1/accounts/subscriptions', body: npns }), 'job_id')
  }

  /** Resolves when the job has ended, however often the service is killed meanwhile. */
  async jobEnded(id: string): Promise<Job> {
    for (;;) {
      const answer = await this.#read(`/v1/accounts/subscriptions/status/${id}`)
      const state = textOf(answer, 'state')
      const details = memberOf(answer, 'details')
      if (FINAL.includes(state))
        return { id, state, added: numberOf(details, 'added'), removed: numberOf(details, 'removed') }
      await sleep(JOB_POLL_MS, undefined, { signal: this.#signal })
    }
  }

  /** All events about NPNs that the service has accepted for the account. */
  async npnEvents(): Promise<AcceptedEvent[]> {
    const events: AcceptedEvent[] = []
    for await (const message of this.#all(`${this.#app}/msg`, 'event_types=producersync')) {
      const npn = textOf(memberOf(memberOf(message, 'payload'), 'data'), 'npn')
      events.push({ messageId: textOf(message, 'id'), type: textOf(message, 'eventType'), npn })
    }
    return events
  }

  /** All attempts that the service has recorded for the endpoint. */
  async attempts(endpointId: string): Promise<RecordedAttempt[]> {
    const attempts: RecordedAttempt[] = []
    for await (const attempt of this.#all(`${this.#app}/attempt/endpoint/${endpointId}`, 'with_content=false')) {
      attempts.push({
        messageId: textOf(attempt, 'msgId'),
        at: new Date(textOf(attempt, 'timestamp')),
        status: numberOf(attempt, 'responseStatusCode'),
      })
    }
    return attempts
  }

  get #app(): string {
    return `/api/v1/app/${this.#accountId}`
  }

  async *#all(path: string, filter: string): AsyncGenerator<unknown> {
    for (let query = `?limit=${ROWS_PER_PAGE}&${filter}`; ; ) {
      const page = await this.#read(path + query)
      yield* listOf(page, 'data')
      if (memberOf(page, 'done') === true) return
      query = `?limit=${ROWS_PER_PAGE}&${filter}&iterator=${textOf(page, 'iterator')}`
    }
  }

  /** A GET, asked again while the service is away. */
  async #read(path: string): Promise<unknown> {
    for (;;) {
      try {
        return await this.#send({ method: 'GET', path })
      } catch (error) {
        if (!(error instanceof Away) || this.#signal.aborted) throw error
        await sleep(RETRY_MS, undefined, { signal: this.#signal })
      }
    }
  }

  async #send({ method, path, body }: Request): Promise<unknown> {
    const response = await this.#fetch(method, path, body)
    const answer: unknown = await response.json().catch(() => {
      throw new Away(`${method} ${path}: the answer broke off.`)
    })
    if (response.ok) return answer
    const failure = `${method} ${path} answered ${response.status}: ${JSON.stringify(answer)}`
    throw response.status === 503 ? new Away(failure) : new DemoFailure(failure)
  }

  async #fetch(method: string, path: string, body: unknown): Promise<Response> {
    try {
      return await fetch(this.#url() + path, {
        method,
        headers: {
          authorization: `Bearer ${this.#token}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        body: body === undefined ? undefined : JSON.stringify(body),
        signal: this.#signal,
      })
    } catch {
      throw new Away(`${method} ${path}: no answer.`)
    }
  }
}

/** The service is not there at the moment. */
class Away extends DemoFailure {}
