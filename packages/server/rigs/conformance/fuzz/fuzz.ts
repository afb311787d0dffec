import { type Dispatcher, Pool } from 'undici'
import { oneOf, type Random, randomOf } from '../../chaos/chance.ts'
import type { Evidence } from '../evidence.ts'
import { patiently } from '../patiently.ts'
import { type FuzzedOperation, type FuzzedRequest, Requests } from './requests.ts'
import { type Schema, Schemas } from './schema.ts'
import { Values } from './values.ts'
import { World } from './world.ts'

export type FuzzFigures = {
  requests: number
  seed: number
  seconds: number
  /** Operations that gave a 2xx at least once: a run that is only ever refused proves little. */
  succeeded: number
  byStatus: Record<string, number>
  serverErrors: number
  faults: number
}

export type FuzzDocument = {
  paths: Record<string, Record<string, DocumentOperation>>
  components: { schemas: Record<string, Schema>; parameters?: Record<string, DocumentParameter> }
}
type DocumentParameter = { $ref?: string; in?: string; name?: string; required?: boolean; schema?: Schema }
type DocumentOperation = {
  operationId: string
  security: readonly object[]
  parameters?: readonly DocumentParameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}

export type FuzzParts = {
  document: FuzzDocument
  url: string
  /** An environment key, an app token, the token of a portal session; access tokens of an account's clients. */
  tokens: { operator: string; app: string; session: string; account: readonly string[] }
  /** Values for paths of the ProducerSync API, by their names. */
  named: Readonly<Record<string, readonly string[]>>
  evidence: Evidence
  /** Where endpoints may be. */
  receiverUrl: string
  seed: number
  requests: number
  secondsMax: number
  signal: AbortSignal
}

const CLIENT = 'fuzz'
const CONNECTIONS = 16
const RENEW_EVERY = 400
/** A client has 300 a minute. */
const PER_ACCOUNT_TOKEN = 290
const ANSWER_MS_MAX = 30_000
/** It does not end: what begins it is its answer. */
const STREAM = 'text/event-stream'

/** Sends requests made from the description; whatever comes back must be described, and what the description forbids refused. */
export async function fuzz(parts: FuzzParts): Promise<{ figures: FuzzFigures; faults: string[] }> {
  const pool = new Pool(parts.url, {
    connections: CONNECTIONS,
    headersTimeout: ANSWER_MS_MAX,
    bodyTimeout: ANSWER_MS_MAX,
  })
  try {
    return await new FuzzRun(parts, pool).run()
  } finally {
    await pool.destroy()
  }
}

class FuzzRun {
  readonly #parts: FuzzParts
  readonly #pool: Pool
  readonly #random: Random
  readonly #world: World
  readonly #requests: Requests
  readonly #faults = new Map<string, number>()
  readonly #byStatus: Record<string, number> = {}
  readonly #succeeded = new Set<string>()
  #sent = 0
  #accountRequests = 0
  #serverErrors = 0

  constructor(parts: FuzzParts, pool: Pool) {
    this.#parts = parts
    this.#pool = pool
    this.#random = randomOf('fuzz', parts.seed)
    this.#world = new World((method, path, body) => this.#prepare(method, path, body), parts.receiverUrl, parts.named)
    const schemas = new Schemas(parts.document.components.schemas)
    const values = new Values(this.#random, schemas, { urls: [parts.receiverUrl], now: new Date() })
    this.#requests = new Requests({ random: this.#random, schemas, values, world: this.#world })
  }

  async run(): Promise<{ figures: FuzzFigures; faults: string[] }> {
    const startedAt = performance.now()
    const { seed, requests, secondsMax, signal } = this.#parts
    const operations = operationsOf(this.#parts.document)
    const isOver = () => signal.aborted || performance.now() - startedAt > secondsMax * 1_000
    if (requests > 0) await this.#world.build()
    let planned = 0
    const work = async () => {
      while (planned < requests && !isOver()) {
        planned += 1
        if (planned % RENEW_EVERY === 0) await this.#world.renew()
        const operation = this.#choose(operations)
        await this.#send(this.#requests.make(operation))
      }
    }
    await Promise.all(Array.from({ length: CONNECTIONS }, work))
    const faults = [...this.#faults].map(([fault, count]) => `fuzz: ${fault} (${count} times, seed ${seed})`)
    if (this.#sent < requests) faults.push(`fuzz: ${this.#sent} requests instead of ${requests} in ${secondsMax} s`)
    const figures = {
      requests: this.#sent,
      seed,
      seconds: Math.round((performance.now() - startedAt) / 100) / 10,
      succeeded: this.#succeeded.size,
      byStatus: this.#byStatus,
      serverErrors: this.#serverErrors,
      faults: faults.length,
    }
    return { figures, faults }
  }

  /** Rate limits of clients bound how often the ProducerSync API can be asked. */
  #choose(operations: readonly FuzzedOperation[]): FuzzedOperation {
    const operation = oneOf(this.#random, operations)
    if (!isLimited(operation)) return operation
    const left = this.#parts.tokens.account.length * PER_ACCOUNT_TOKEN - this.#accountRequests
    if (left <= 0) return this.#choose(operations.filter((other) => !isLimited(other)))
    this.#accountRequests += 1
    return operation
  }

  async #send(request: FuzzedRequest): Promise<void> {
    const { operation, method, target, headers, body } = request
    const token = this.#tokenFor(operation)
    const authorization = token === null ? {} : { authorization: `Bearer ${token}` }
    const origin = operation.path.startsWith('/portal/') ? { origin: this.#parts.url } : {}
    const sent = { ...headers, ...authorization, ...origin }
    const ask = () => this.#pool.request({ method, path: target, headers: sent, body })
    const answer = await patiently(ask, toldS, ({ body: unread }) => unread.dump())
    const { statusCode: status } = answer
    const contentType = answer.headers['content-type']
    const text = contentType === STREAM ? leave(answer.body) : await answer.body.text()
    this.#sent += 1
    this.#byStatus[status] = (this.#byStatus[status] ?? 0) + 1
    if (status < 300) this.#succeeded.add(operation.id)
    const type = contentType === undefined ? null : String(contentType)
    this.#parts.evidence.saw(CLIENT, { method, url: target, status, contentType: type, text })
    if (status >= 500) {
      this.#serverErrors += 1
      this.#fault(`${operation.id}: ${status} to ${shown(request)}`)
    }
    if (request.wrong !== null && status < 400) this.#fault(`${operation.id}: ${status} to a wrong ${shown(request)}`)
  }

  #tokenFor({ path, isOpen }: FuzzedOperation): string | null {
    if (isOpen) return null
    const { operator, app, session, account } = this.#parts.tokens
    if (path.startsWith('/portal/')) return session
    if (path.startsWith('/v')) return oneOf(this.#random, account)
    const draw = this.#random()
    if (draw < 0.03) return oneOf(this.#random, ['sk_wrong', 'a.b.c', `appsk_${'x'.repeat(43)}`])
    if (draw < 0.06) return oneOf(this.#random, account)
    return draw < 0.1 ? app : operator
  }

  async #prepare(
    method: string,
    path: string,
    body?: object,
  ): Promise<{ status: number; body: Record<string, unknown> }> {
    const answer = await this.#pool.request({
      method,
      path,
      headers: {
        authorization: `Bearer ${this.#parts.tokens.operator}`,
        ...(body ? { 'content-type': 'application/json' } : {}),
      },
      body: body ? JSON.stringify(body) : null,
    })
    const parsed: unknown = JSON.parse(await answer.body.text())
    return { status: answer.statusCode, body: typeof parsed === 'object' && parsed !== null ? { ...parsed } : {} }
  }

  #fault(fault: string): void {
    this.#faults.set(fault, (this.#faults.get(fault) ?? 0) + 1)
  }
}

/** Limits are answers like others here; a service that has no time at the moment is asked again. */
function toldS({ statusCode, headers }: Dispatcher.ResponseData<null>): string | null {
  const after = headers['retry-after']
  return statusCode === 503 && after !== undefined ? String(after) : null
}

/** Nothing of a stream is read: it goes on for as long as somebody listens. */
function leave(stream: Dispatcher.ResponseData['body']): string {
  stream.on('error', () => {}).destroy() // to be left is an error for it
  return ''
}

/** How often a client may ask the ProducerSync API is limited. */
function isLimited({ path }: FuzzedOperation): boolean {
  return path.startsWith('/v')
}

function operationsOf({ paths, components }: FuzzDocument): FuzzedOperation[] {
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]): FuzzedOperation => {
      const parameters = (operation.parameters ?? []).map((each) => {
        const found =
          each.$ref === undefined ? each : (components.parameters?.[each.$ref.split('/').at(-1) ?? ''] ?? {})
        return {
          in: found.in ?? '',
          name: found.name ?? '',
          schema: found.schema ?? {},
          required: found.required ?? false,
        }
      })
      const [content] = Object.entries(operation.requestBody?.content ?? {})
      return {
        id: operation.operationId,
        method: method.toUpperCase(),
        path,
        parameters,
        body: content ? { type: content[0], schema: content[1].schema } : null,
        isOpen: operation.security.length === 0,
      }
    }),
  )
}

/** A request in short; secrets are not in it, as tokens are chosen later. */
function shown({ wrong, method, target, headers, body }: FuzzedRequest): string {
  const text = body === null ? '' : body.toString('latin1').slice(0, 300)
  return `${wrong ?? 'request'}: ${method} ${target.slice(0, 300)} ${JSON.stringify(headers)} ${text}`
}
