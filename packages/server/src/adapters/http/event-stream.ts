import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'

/** A message of a stream of server-sent events; `data` is made JSON. */
export type ServerSentEvent = { event: string; data: unknown; id?: string }

/** What a reader has not taken may grow to this; then its connection is cut. Source: portal 10. */
const UNREAD_BYTES_MAX = 1_000_000
/** A writer that waits for its reader goes on below this. */
const UNREAD_BYTES_LOW = 64_000
/** A reader that has not taken the end by then is cut off. */
const END_MS_MAX = 2_000

/** An answer that does not end: server-sent events, for as long as the reader and the service want. */
export class EventStream {
  readonly #body = new Readable({ read: () => this.#wake() })
  #waiting: (() => void)[] = []
  #ended = false

  constructor() {
    this.#body.once('close', () => {
      this.#ended = true
      this.#wake()
    })
  }

  /** Nothing more can be written. */
  get ended(): boolean {
    return this.#ended
  }

  /** @param action  run once, when the stream has ended, whoever has ended it */
  onEnd(action: () => void): void {
    this.#body.once('close', action)
  }

  send({ event, data, id }: ServerSentEvent): void {
    this.#write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** Says nothing, so that nobody in between takes the connection for dead. */
  comment(): void {
    this.#write(':\n\n')
  }

  /** Resolves when the reader has taken most of what was written, or the stream has ended. */
  async taken(): Promise<void> {
    while (!this.#ended && this.#body.readableLength > UNREAD_BYTES_LOW) {
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
  }

  /** Ends it after what was written. */
  end(last?: ServerSentEvent): void {
    if (this.#ended) return
    if (last) this.send(last)
    this.#ended = true
    this.#body.push(null)
    setTimeout(() => this.#body.destroy(), END_MS_MAX).unref()
  }

  /** It is not to be an answer after all. */
  abandon(): void {
    this.#body.destroy()
  }

  answer(reply: FastifyReply): FastifyReply {
    this.comment() // the headers go out with it
    return withStreamHeaders(reply).send(this.#body)
  }

  #write(text: string): void {
    if (this.#ended) return
    this.#body.push(text)
    if (this.#body.readableLength > UNREAD_BYTES_MAX) this.#body.destroy()
  }

  #wake(): void {
    const waiting = this.#waiting
    this.#waiting = []
    for (const resolve of waiting) resolve()
  }
}

/** The `id` of the last message that a reader has had, when it comes back. */
export function lastEventIdOf({ headers }: FastifyRequest): string | undefined {
  const id = headers['last-event-id']
  return typeof id === 'string' && id !== '' ? id : undefined
}

/** What a HEAD of a stream gets. */
export function answerHeadOfStream(reply: FastifyReply): FastifyReply {
  return withStreamHeaders(reply).send()
}

function withStreamHeaders(reply: FastifyReply): FastifyReply {
  // a proxy that gathers before it hands on would hold every message back
  return reply.header('content-type', 'text/event-stream').header('x-accel-buffering', 'no')
}
