import { type Dispatcher, Pool } from 'undici'

/** Why there is no answer, or no more of it; a word that a log may hold. */
export type LossCause = 'no connection' | 'connection lost' | 'timeout' | 'silence'

export class AnswerLost extends Error {
  readonly reason: LossCause

  constructor(reason: LossCause) {
    super(reason)
    this.name = 'AnswerLost'
    this.reason = reason
  }
}

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT' | 'DELETE'
  /** Below the base URL, with a slash at its start. */
  path: string
  headers: Record<string, string>
  body?: string
}

/** `silenceMs`: between two pieces of the answer, and before the first. `totalMs`: to the end of the answer. */
export type TimeLimits = { totalMs: number; silenceMs: number }

export type HttpAnswer = {
  status: number
  /** The header's first value; names in lower case. */
  header(name: string): string | undefined
  /** The body as it comes; whoever stops early ends the connection. @throws AnswerLost, or the reason of the caller's signal */
  body: AsyncGenerator<Buffer, void, void>
}

/** The server may keep what it gets for one connection; more calls wait. */
const CONNECTIONS_MAX = 64
const NO_CONNECTION: ReadonlySet<unknown> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
])

/**
 * A client of one server that the operator has named, with time limits and bodies as streams. It follows no redirects. Nothing in
 * its errors repeats what was sent or received.
 */
export class HttpClient {
  readonly #pool: Pool
  readonly #pathPrefix: string

  /** @param baseUrl http or https; its path is put before every path */
  constructor(baseUrl: URL, connectTimeoutMs: number) {
    this.#pathPrefix = baseUrl.pathname.replace(/\/+$/, '')
    // the limits of a call are kept here, to the millisecond and over waiting for a connection too
    this.#pool = new Pool(baseUrl.origin, {
      connections: CONNECTIONS_MAX,
      connect: { timeout: connectTimeoutMs },
      headersTimeout: 0,
      bodyTimeout: 0,
    })
  }

  /** @throws AnswerLost, or the reason of `signal` */
  async request(request: HttpRequest, limits: TimeLimits, signal: AbortSignal): Promise<HttpAnswer> {
    signal.throwIfAborted()
    const call = new Call(limits, signal)
    try {
      const { method, path, headers, body } = request
      const answer = await this.#pool.request({
        method,
        path: this.#pathPrefix + path,
        headers,
        body: body ?? null,
        signal: call.signal,
      })
      return {
        status: answer.statusCode,
        header: (name) => first(answer.headers[name]),
        body: readBody(answer.body, call),
      }
    } catch (error) {
      call.end()
      throw call.reasonOf(error)
    }
  }

  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}

/** The time of one call: it is over at its total limit, after silence, or when the caller says so. */
class Call {
  readonly #controller = new AbortController()
  readonly #total: NodeJS.Timeout
  readonly #silence: NodeJS.Timeout
  readonly #caller: AbortSignal
  readonly #onAbort: () => void

  constructor(limits: TimeLimits, caller: AbortSignal) {
    this.#caller = caller
    this.#onAbort = () => this.#controller.abort(caller.reason)
    caller.addEventListener('abort', this.#onAbort, { once: true })
    this.#total = setTimeout(() => this.#controller.abort(new AnswerLost('timeout')), limits.totalMs)
    this.#silence = setTimeout(() => this.#controller.abort(new AnswerLost('silence')), limits.silenceMs)
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** A piece has been asked for: silence is counted from now. */
  listen(): void {
    this.#silence.refresh()
  }

  end(): void {
    clearTimeout(this.#total)
    clearTimeout(this.#silence)
    this.#caller.removeEventListener('abort', this.#onAbort)
  }

  /** What undici throws, as this client's error; a bug stays what it is. */
  reasonOf(error: unknown): unknown {
    if (this.#controller.signal.aborted) return this.#controller.signal.reason
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === undefined || code === 'UND_ERR_INVALID_ARG') return error
    return new AnswerLost(NO_CONNECTION.has(code) ? 'no connection' : 'connection lost')
  }
}

async function* readBody(body: Dispatcher.ResponseData['body'], call: Call): AsyncGenerator<Buffer, void, void> {
  try {
    const pieces = body[Symbol.asyncIterator]()
    for (;;) {
      call.listen()
      const piece = await pieces.next()
      if (piece.done) return
      yield piece.value
    }
  } catch (error) {
    throw call.reasonOf(error)
  } finally {
    call.end()
    body.destroy()
  }
}

function first(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : value?.[0]
}
