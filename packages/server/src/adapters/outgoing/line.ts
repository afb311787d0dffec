import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { Client } from 'undici'
import type { Security } from './dial.ts'
import { type Exchange, HEAD_BYTES_MAX } from './exchange.ts'

/** Idle longer than this, undici closes a line; a shorter `Keep-Alive` of the receiver counts. */
const IDLE_MS_MAX = 55_000

export type RequestParts = {
  path: string
  /** Names and values in turn. */
  headers: string[]
  body: Uint8Array
}

/** One open connection and the HTTP client that speaks on it: one exchange at a time, and never another connection. */
export class Line {
  readonly address: string
  /** Null for plain http. */
  readonly security: Security | null
  readonly openedAt = performance.now()
  /** Has it carried an exchange before? */
  isUsed = false
  readonly #socket: Socket
  readonly #client: Client
  #exchange: Exchange | undefined

  /**
   * @param at     the address that it is connected to, and what its TLS says
   * @param origin scheme, host and port as in the URL; the `Host` header is made of it
   * @param onClosed called once, when the connection is gone
   */
  constructor(
    socket: Socket,
    at: { address: string; security: Security | null },
    origin: string,
    onClosed: (line: Line) => void,
  ) {
    this.address = at.address
    this.security = at.security
    this.#socket = socket
    let isTaken = false
    this.#client = new Client(origin, {
      allowH2: false,
      pipelining: 1,
      maxHeaderSize: HEAD_BYTES_MAX,
      // both start again with every byte and bound nothing; the attempt's deadline bounds everything
      headersTimeout: 0,
      bodyTimeout: 0,
      keepAliveTimeout: IDLE_MS_MAX,
      keepAliveMaxTimeout: IDLE_MS_MAX,
      connect: (_options, callback) => {
        // undici expects the answer later, and would connect again when the socket is gone
        if (isTaken) queueMicrotask(() => callback(new LineClosedError(), null))
        else queueMicrotask(() => callback(null, socket))
        isTaken = true
      },
    })
    // undici's declaration leaves out the event that it emits when an error meets no handler
    const events: EventEmitter = this.#client
    events.on('error', () => socket.destroy())
    socket.on('error', (error) => this.#exchange?.noteError(error))
    socket.once('close', () => onClosed(this))
    this.#meter()
  }

  get isOpen(): boolean {
    return !this.#socket.destroyed
  }

  /** May another exchange follow? Not while bytes of the last request wait to be written. */
  get isReusable(): boolean {
    return this.isOpen && this.#socket.writableLength === 0
  }

  /** Sends a POST; everything that comes of it goes to the exchange. */
  send(request: RequestParts, exchange: Exchange) {
    this.#exchange = exchange
    this.#client.dispatch(
      { path: request.path, method: 'POST', headers: request.headers, body: request.body },
      exchange,
    )
  }

  /** The exchange has ended; bytes that come now are unasked, and undici closes the connection for them. */
  rest() {
    this.#exchange = undefined
    this.isUsed = true
  }

  destroy() {
    this.#exchange?.stop()
    this.#socket.destroy()
  }

  /** undici takes what it parses by `socket.read()`: the only place where all bytes of a response pass. */
  #meter() {
    const socket = this.#socket
    const read: (size?: number) => unknown = socket.read.bind(socket)
    socket.read = (size) => {
      const exchange = this.#exchange
      if (exchange === undefined || size === 0) return read(size)
      if (exchange.isFull) {
        exchange.readPastBound()
        return null
      }
      const chunk = read(size)
      return chunk instanceof Buffer ? exchange.take(chunk) : null
    }
  }
}

class LineClosedError extends Error {
  readonly code = 'LINE_CLOSED'

  constructor() {
    super('the connection was closed')
  }
}
