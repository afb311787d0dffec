import { randomUUID } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { curlOf } from './curl.ts'
import { EXIT, Failure, type FailureDetails, usageFailure } from './failure.ts'
import type { GlobalFlags, Settings } from './settings.ts'
import { note, type Terminal } from './terminal.ts'

export type Query = Record<string, string | number | boolean | undefined>
/** A body that is sent as it is. */
export class FileBody {
  readonly type: string
  readonly bytes: Uint8Array<ArrayBuffer>

  constructor(type: string, bytes: Uint8Array<ArrayBuffer>) {
    this.type = type
    this.bytes = bytes
  }
}

export type Call = { body?: unknown; query?: Query }
export type Json = { [name: string]: unknown }
/** One page of a list of the management API. */
export type Page = { data: Json[]; iterator: string | null; done: boolean }

/** What a token says about itself, and of which version the service is. */
export const WHOAMI = '/api/v1/auth/whoami'

const TRIES_MAX = 4 // one, and three repeats
const FIRST_WAIT_MS = 200
const TIMEOUT_SECONDS_DEFAULT = 30
const PAGE_ROWS_MAX = 250
const RETRIES_MAX = 100
/** Of what a service asks for that has had too many requests; more is not waited for. */
const RETRY_AFTER_SECONDS_MAX = 300

/** Speaks to the service: signs in, repeats what may be repeated, and turns every refusal into a Failure. */
export class Api {
  readonly #terminal: Terminal
  readonly #settings: Settings
  readonly #flags: GlobalFlags
  readonly #timeoutMs: number
  readonly #retries: number
  #token: string | undefined
  #environment: string | undefined

  constructor(terminal: Terminal, settings: Settings, flags: GlobalFlags) {
    this.#terminal = terminal
    this.#settings = settings
    this.#flags = flags
    this.#timeoutMs = timeoutMsOf(flags)
    this.#retries = retriesOf(flags)
    this.#token = settings.values.token?.value
    this.#environment = settings.values.environment?.value
  }

  /** `/api/v1/app/{account}` and `path` under it. @throws Failure usage without an account */
  underAccount(path = ''): string {
    return `/api/v1/app/${encodeURIComponent(this.account)}${path}`
  }

  get account(): string {
    return this.#required('account', 'Say --account or set PSAPI_ACCOUNT.')
  }

  get url(): string {
    const url = this.#required('url', 'Say --url or set PSAPI_URL, or sign in with psapi login.')
    if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol))
      throw usageFailure(`url: ${url} is no web address.`)
    return url.replace(/\/+$/, '')
  }

  /** Calls an operation that answers with an object. */
  async object(method: string, path: string, call: Call = {}): Promise<Json> {
    const answer = await this.call(method, path, call)
    if (isJson(answer)) return answer
    throw unexpected('an object')
  }

  /** Calls an operation. @returns the parsed body; undefined without one */
  async call(method: string, path: string, call: Call = {}): Promise<unknown> {
    const { answer } = await this.#send(method, path, call, { authorization: `Bearer ${await this.token()}` })
    return answer
  }

  /** Asks once, quietly, with the token that was used: undefined where there is none, and for whatever is no answer in time. */
  async glance(path: string, timeoutMs: number): Promise<Json | undefined> {
    if (this.#token === undefined) return undefined
    const headers = { accept: 'application/json', 'user-agent': 'psapi', authorization: `Bearer ${this.#token}` }
    try {
      const signal = AbortSignal.timeout(timeoutMs)
      const response = await fetch(this.#target(path, {}), { redirect: 'manual', headers, signal })
      const answer = parseBody(await response.text())
      return response.ok && isJson(answer) ? answer : undefined
    } catch {
      return undefined
    }
  }

  /** Calls an operation that asks for no token. */
  async openCall(method: string, path: string, call: Call = {}): Promise<Json> {
    const { answer } = await this.#send(method, path, call, {})
    if (isJson(answer)) return answer
    throw unexpected('an object')
  }

  /**
   * Opens a stream of server-sent events, once.
   * @param lastId  of the last message that was read
   * @throws Failure: no connection, or a refusal; a token of a client that has ended is exchanged for a new one first
   */
  async stream(
    path: string,
    { query = {}, lastId, signal }: { query?: Query; lastId?: string; signal: AbortSignal },
  ): Promise<AsyncIterable<Uint8Array>> {
    const target = this.#target(path, query)
    for (let isAgain = false; ; isAgain = true) {
      const headers = {
        accept: 'text/event-stream',
        'user-agent': 'psapi',
        authorization: `Bearer ${await this.token()}`,
        ...(lastId === undefined ? {} : { 'last-event-id': lastId }),
      }
      const response = await this.#attempt(target, { method: 'GET', redirect: 'manual', headers, signal }, true)
      if (response?.ok && response.body) return response.body
      if (response?.status === 401 && !isAgain && this.#forgetToken()) continue
      if (response) throw refusal(response, parseBody(await response.text()))
    }
  }

  /** Rows of a list, page by page, at most `limit`. */
  async *rows(path: string, query: Query, limit: number): AsyncGenerator<Json> {
    let left = limit
    let iterator: string | undefined
    while (left > 0) {
      const rows = Math.min(left, PAGE_ROWS_MAX)
      const page = parsePage(await this.object('GET', path, { query: { ...query, limit: rows, iterator } }))
      yield* page.data
      left -= page.data.length
      if (page.done || page.iterator === null) return
      iterator = page.iterator
    }
  }

  /** The bearer token: the one that is set, or a new one for the client. */
  async token(): Promise<string> {
    if (this.#token !== undefined) return this.#token
    const clientId = this.#settings.values.client_id?.value
    const secret = this.#settings.values.client_secret?.value
    if (clientId === undefined || secret === undefined) {
      throw new Failure(`Not signed in: profile ${this.#settings.profile.value} has no credentials.`, {
        exit: EXIT.notAllowed,
        code: 'not_signed_in',
        hint: 'psapi login',
      })
    }
    const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
    const { answer } = await this.#send('POST', '/oauth2/token', { body: form }, {})
    if (!isJson(answer) || typeof answer.access_token !== 'string') throw unexpected('a token')
    this.#token = answer.access_token
    return this.#token
  }

  /** `sandbox` or `production`: the credentials decide, and every answer of the population's API says it. */
  async environment(): Promise<string> {
    if (this.#environment !== undefined) return this.#environment
    const authorization = `Bearer ${await this.token()}`
    const { headers } = await this.#send('GET', '/v1/accounts/settings', {}, { authorization }, [403, 404])
    this.#environment = headers.get('producersync-environment') ?? 'production' // in doubt, with care
    return this.#environment
  }

  async #send(
    method: string,
    path: string,
    { body, query = {} }: Call,
    headers: Record<string, string>,
    accepted: readonly number[] = [],
  ): Promise<{ answer: unknown; headers: Headers }> {
    const target = this.#target(path, query)
    const isForm = body instanceof URLSearchParams
    const isFile = body instanceof FileBody
    const init = {
      method,
      redirect: 'manual',
      headers: {
        accept: 'application/json',
        'user-agent': 'psapi',
        ...(body === undefined || isForm ? {} : { 'content-type': isFile ? body.type : 'application/json' }),
        ...(method === 'POST' && !isForm ? { 'idempotency-key': `auto_${randomUUID()}` } : {}),
        ...(this.#flags.reason === undefined ? {} : { 'x-staff-reason': encodeURIComponent(this.#flags.reason) }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: isForm ? body : isFile ? body.bytes : JSON.stringify(body) }),
    } as const
    if (this.#flags.curl && !isForm) note(this.#terminal, curlOf(target, init))
    const mayRepeat = method === 'GET' || method === 'POST'
    let retriesLeft = this.#retries
    for (let tries = 1; ; tries += 1) {
      const isLast = !mayRepeat || tries >= TRIES_MAX
      const response = await this.#attempt(target, init, isLast)
      const retryAfter = Number(response?.status === 429 ? response.headers.get('retry-after') : Number.NaN)
      if (retriesLeft > 0 && retryAfter <= RETRY_AFTER_SECONDS_MAX) {
        retriesLeft -= 1
        note(this.#terminal, `too many requests; again in ${retryAfter} s`)
        await wait(retryAfter * 1_000)
        continue
      }
      if (response !== undefined && (response.status !== 503 || isLast)) {
        const text = await response.text()
        const answer = parseBody(text)
        if (response.ok || accepted.includes(response.status)) return { answer, headers: response.headers }
        throw refusal(response, answer)
      }
      await wait(FIRST_WAIT_MS * 2 ** (tries - 1))
    }
  }

  /** @returns undefined when there was no answer and another try may follow */
  async #attempt(target: URL, init: RequestInit, isLast: boolean): Promise<Response | undefined> {
    const said = `${init.method} ${target.pathname}${target.search}`
    try {
      const response = await fetch(target, { signal: AbortSignal.timeout(this.#timeoutMs), ...init })
      if (this.#flags.verbose) note(this.#terminal, `${said} → ${response.status}`)
      return response
    } catch (error) {
      if (error instanceof DOMException && error.name === 'TimeoutError') {
        const hint = 'Give it more with --timeout SECONDS.'
        throw new Failure(`No answer within ${this.#timeoutMs / 1000} s.`, {
          exit: EXIT.timedOut,
          code: 'timed_out',
          hint,
        })
      }
      if (this.#flags.verbose) note(this.#terminal, `${said} → no answer`)
      if (!isLast) return undefined
      const cause =
        error instanceof Error && error.cause instanceof Error ? Reflect.get(error.cause, 'code') : undefined
      const why = typeof cause === 'string' ? ` (${cause})` : ''
      const hint = 'psapi doctor looks at it step by step.'
      throw new Failure(`${target.origin} cannot be reached${why}.`, {
        exit: EXIT.unavailable,
        code: 'unreachable',
        hint,
      })
    }
  }

  #target(path: string, query: Query): URL {
    const target = new URL(this.url + path)
    for (const [name, value] of Object.entries(query))
      if (value !== undefined) target.searchParams.set(name, String(value))
    return target
  }

  /** @returns whether the client's credentials can get another one */
  #forgetToken(): boolean {
    if (this.#settings.values.token !== undefined) return false
    this.#token = undefined
    return true
  }

  #required(name: 'url' | 'account', hint: string): string {
    const value = this.#settings.values[name]?.value
    if (value === undefined) throw usageFailure(`No ${name} is set.`, hint)
    return value
  }
}

/** @throws Failure usage */
function retriesOf({ retries = '0' }: GlobalFlags): number {
  if (/^\d{1,3}$/.test(retries) && Number(retries) <= RETRIES_MAX) return Number(retries)
  throw usageFailure(`--retries takes a whole number, at most ${RETRIES_MAX}.`)
}

/** @throws Failure usage */
export function timeoutMsOf({ timeout }: GlobalFlags, secondsDefault = TIMEOUT_SECONDS_DEFAULT): number {
  const seconds = timeout === undefined ? secondsDefault : Number(timeout)
  if (seconds > 0 && seconds <= 3_600) return seconds * 1000
  throw usageFailure('--timeout takes seconds, more than 0 and at most 3600.')
}

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function parsePage({ data, iterator, done }: Json): Page {
  if (!Array.isArray(data) || !data.every(isJson)) throw unexpected('a page of a list')
  return { data, iterator: typeof iterator === 'string' ? iterator : null, done: done === true }
}

function parseBody(text: string): unknown {
  if (text === '') return undefined
  try {
    return JSON.parse(text)
  } catch {
    return undefined // a proxy's page
  }
}

function unexpected(what: string): Failure {
  const hint = 'Is the address right? Is this psapi as new as the service?'
  return new Failure(`The answer is not ${what}.`, { exit: EXIT.unavailable, code: 'unexpected_answer', hint })
}

function refusal(response: Response, answer: unknown): Failure {
  const { status, headers } = response
  const requestId = headers.get('x-request-id') ?? undefined
  const body = isJson(answer) ? answer : {}
  const { exit, word, hint } = meaningOf(status, headers)
  const code = firstText(body.code, typeof body.error_description === 'string' ? body.error : undefined) ?? word
  const message =
    firstText(body.message, body.error_description, body.detail) ?? faultsOf(body.detail) ?? `HTTP ${status}`
  return new Failure(message, { exit, code, hint, requestId, status })
}

function meaningOf(status: number, headers: Headers): { exit: FailureDetails['exit']; word: string; hint?: string } {
  if (status === 401) return { exit: EXIT.notAllowed, word: 'not_signed_in', hint: 'Sign in again: psapi login.' }
  if (status === 403) return { exit: EXIT.notAllowed, word: 'not_allowed', hint: 'These credentials may not do this.' }
  if (status === 404)
    return { exit: EXIT.notFound, word: 'not_found', hint: 'See the id, the account and the environment.' }
  if (status === 429) {
    const after = headers.get('retry-after')
    return { exit: EXIT.rateLimited, word: 'rate_limited', hint: after ? `Try again in ${after} s.` : undefined }
  }
  if (status >= 500 && status !== 501) return { exit: EXIT.unavailable, word: 'unavailable' }
  if (status >= 300 && status < 400) {
    return { exit: EXIT.usage, word: 'redirected', hint: 'The service never redirects: correct the url.' }
  }
  return { exit: EXIT.refused, word: 'refused' }
}

function firstText(...values: unknown[]): string | undefined {
  return values.find((value) => typeof value === 'string' && value !== '') as string | undefined
}

/** The faults of a 422: where, and what. */
function faultsOf(detail: unknown): string | undefined {
  if (!Array.isArray(detail)) return undefined
  const faults = detail.filter(isJson).map(({ loc, msg }) => {
    const where = Array.isArray(loc) ? loc.slice(1).join('.') : ''
    return `${where === '' ? '' : `${where}: `}${String(msg)}`
  })
  return faults.join('; ') || undefined
}
