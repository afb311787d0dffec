import type { Dispatcher } from 'undici'
import { codeOf, tlsDetail } from './dial.ts'
import { InterimHeads } from './interim-heads.ts'
import { type Outcome, unreachable } from './outcome.ts'
import type { ReceivedHeaders } from './response-headers.ts'

/** What is read of one response, head included; the rest stays in the kernel and the socket is destroyed. */
const READ_BYTES_MAX = 65_536
/** What is kept of its body. */
const KEPT_BYTES_MAX = 16_384
/** One head, the final one or an interim one. */
export const HEAD_BYTES_MAX = 16_384

export type ExchangeEnd =
  /** `whole`: the response was read to its end, so that the connection can carry another. */
  | { kind: 'responded'; whole: boolean }
  | { kind: 'failed'; outcome: Outcome }
  /** The connection was lost before a byte of the response. */
  | { kind: 'lost_before_response' }
  /** `mayWrite` said no; nothing was written. */
  | { kind: 'held_back' }
  /** The request could not be built from what the caller gave: a bug of the caller. */
  | { kind: 'misused'; error: Error }

const EMPTY = new Uint8Array(0)
const MISUSED: ReadonlySet<unknown> = new Set([
  'UND_ERR_INVALID_ARG',
  'UND_ERR_NOT_SUPPORTED',
  'UND_ERR_REQ_CONTENT_LENGTH_MISMATCH',
])
const LOST: ReadonlySet<unknown> = new Set([
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'ECONNABORTED',
  'ENOTCONN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ENETDOWN',
  'ERR_STREAM_DESTROYED',
  'ERR_STREAM_WRITE_AFTER_END',
  'LINE_CLOSED',
])
/** undici's words, in an error of one code, for a connection that went away; its other words are about bad bytes. */
const LOST_MESSAGES: ReadonlySet<string> = new Set(['other side closed', 'closed', 'destroyed'])

/** One request and what comes back, on a connection that carries nothing else meanwhile. */
export class Exchange implements Dispatcher.DispatchHandler {
  /** Bytes of the response, head included, after TLS. */
  bytesRead = 0
  /** Monotonic ms; undefined while nothing has come. */
  firstByteAt: number | undefined
  /** Of the final head; 0 while there is none. */
  status = 0
  headers: ReceivedHeaders = {}
  readonly #mayWrite: (() => boolean) | undefined
  readonly #done: (end: ExchangeEnd) => void
  readonly #interim = new InterimHeads()
  #kept: Uint8Array[] = []
  #keptBytes = 0
  #headBytes = 0
  #ended = false
  #tlsError: Error | undefined

  /** @param done called once, unless `stop` comes first */
  constructor(mayWrite: (() => boolean) | undefined, done: (end: ExchangeEnd) => void) {
    this.#mayWrite = mayWrite
    this.#done = done
  }

  /** The first 16 KiB of the body, as received. */
  get body(): Uint8Array {
    const [first = EMPTY, ...rest] = this.#kept
    return rest.length === 0 ? first : Buffer.concat(this.#kept)
  }

  /** Forgets the exchange: `done` will not be called. */
  stop() {
    this.#ended = true
  }

  /** Has reading come to its bound? Then nothing more may be handed to the parser. */
  get isFull(): boolean {
    return this.#ended || this.bytesRead === READ_BYTES_MAX || this.#headBytes > HEAD_BYTES_MAX
  }

  /** Counts bytes on their way to the parser, and cuts them at the bound. */
  take(chunk: Buffer): Buffer {
    if (this.bytesRead === 0) this.firstByteAt = performance.now()
    const taken = chunk.subarray(0, READ_BYTES_MAX - this.bytesRead)
    this.bytesRead += taken.length
    if (this.status === 0) {
      this.#headBytes += taken.length
      this.#interim.patch(taken)
    }
    return taken
  }

  /** The parser wants more than the bound. A flood of interim heads is left to the deadline. */
  readPastBound() {
    if (this.status !== 0) this.#end({ kind: 'responded', whole: false })
    else if (this.#headBytes > HEAD_BYTES_MAX) this.#end({ kind: 'failed', outcome: { kind: 'invalid_response' } })
  }

  /** A connection's own error, which undici replaces by that of its closing. */
  noteError(error: Error) {
    if (isTlsError(error)) this.#tlsError ??= error
  }

  onRequestStart(controller: Dispatcher.DispatchController) {
    if (this.#mayWrite === undefined || this.#mayWrite()) return
    this.#end({ kind: 'held_back' })
    controller.abort(new Error('held back'))
  }

  onResponseStart(controller: Dispatcher.DispatchController, status: number, headers: ReceivedHeaders) {
    if (status >= 100 && status < 200) {
      this.#headBytes = 0
      return
    }
    if (status < 200 || status > 599) {
      this.#end({ kind: 'failed', outcome: { kind: 'invalid_response' } })
      controller.abort(new Error('impossible status'))
      return
    }
    this.status = status
    this.headers = headers
    this.#headBytes = 0
  }

  onResponseData(_controller: Dispatcher.DispatchController, chunk: Buffer) {
    const room = KEPT_BYTES_MAX - this.#keptBytes
    if (room === 0) return
    // a copy: the chunk is a part of a read buffer that may be much larger
    const part = Buffer.from(chunk.subarray(0, room))
    this.#kept.push(part)
    this.#keptBytes += part.length
  }

  onResponseEnd() {
    this.#end({ kind: 'responded', whole: true })
  }

  onResponseError(_controller: Dispatcher.DispatchController, error: Error) {
    if (this.status !== 0) this.#end({ kind: 'responded', whole: false })
    else this.#end(this.#classify(error))
  }

  #end(end: ExchangeEnd) {
    if (this.#ended) return
    this.#ended = true
    this.#done(end)
  }

  #classify(error: Error): ExchangeEnd {
    const code = codeOf(error)
    if (MISUSED.has(code)) return { kind: 'misused', error }
    // with TLS 1.3 a server refuses a client, for want of a certificate, when the client's handshake is over
    const tlsError = isTlsError(error) ? error : this.#tlsError
    if (tlsError) return { kind: 'failed', outcome: unreachable(tlsDetail(codeOf(tlsError))) }
    if (LOST.has(code) || (code === 'UND_ERR_SOCKET' && LOST_MESSAGES.has(error.message))) {
      if (this.bytesRead === 0) return { kind: 'lost_before_response' }
      return { kind: 'failed', outcome: unreachable('connection_reset') }
    }
    return { kind: 'failed', outcome: { kind: 'invalid_response' } }
  }
}

function isTlsError(error: Error): boolean {
  const code = codeOf(error)
  return typeof code === 'string' && code.startsWith('ERR_SSL_')
}
