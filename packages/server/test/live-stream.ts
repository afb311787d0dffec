import { createParser } from 'eventsource-parser'

export type StreamMessage = {
  id: string | undefined
  event: string | undefined
  // biome-ignore lint/suspicious/noExplicitAny: the data of any message
  data: any
}

/** A reader of a stream of server-sent events: what has come, and how it stands. */
export class StreamReader {
  readonly messages: StreamMessage[] = []
  status = 0
  ended = false
  comments = 0
  lastId: string | undefined
  readonly #cut = new AbortController()
  #closed: Promise<void> = Promise.resolve()

  readonly #messagesMax: number

  private constructor(lastId: string | undefined, messagesMax: number) {
    this.lastId = lastId
    this.#messagesMax = messagesMax
  }

  /**
   * Resolves when the stream is open, or refused.
   * @param messagesMax  the connection is cut right after so many, and what has come with them is gone
   */
  static async open(
    url: string,
    token: string,
    lastId?: string,
    messagesMax = Number.POSITIVE_INFINITY,
  ): Promise<StreamReader> {
    const reader = new StreamReader(lastId, messagesMax)
    const response = await fetch(url, {
      headers: { authorization: `Bearer ${token}`, ...(lastId === undefined ? {} : { 'last-event-id': lastId }) },
      signal: reader.#cut.signal,
    })
    reader.status = response.status
    reader.#closed = reader.#read(response)
    return reader
  }

  /** Cuts the connection, as a network does. */
  async cut(): Promise<void> {
    this.#cut.abort()
    await this.#closed
  }

  of(event: string): StreamMessage[] {
    return this.messages.filter((message) => message.event === event)
  }

  /** The changes that were told under an event, each with the id of its message. */
  // biome-ignore lint/suspicious/noExplicitAny: changes of any topic
  changes(event: string): any[] {
    return this.of(event).flatMap(({ data }) => data.changes)
  }

  async #read(response: Response): Promise<void> {
    const parser = createParser({
      onEvent: ({ id, event, data }) => {
        if (this.messages.length >= this.#messagesMax) return
        this.lastId = id ?? this.lastId
        this.messages.push({ id, event, data: JSON.parse(data) })
        if (this.messages.length >= this.#messagesMax) this.#cut.abort()
      },
      onComment: () => {
        this.comments += 1
      },
    })
    const decoder = new TextDecoder()
    try {
      for await (const chunk of response.body ?? []) parser.feed(decoder.decode(chunk, { stream: true }))
    } catch {
      // cut, by us or by the service
    }
    this.ended = true
  }
}
