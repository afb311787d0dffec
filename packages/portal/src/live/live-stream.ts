import { createParser } from 'eventsource-parser'
import { ofAccount, withQuery } from '#src/api/client.ts'
import { ApiError } from '#src/api/request.ts'
import { bearerFor, forgetBearer, sessionEnded } from '#src/session/session.ts'
import { TOPICS } from './topics.ts'

/** One message of the stream: what kind it is, its JSON, and where the stream stands after it. */
export type LiveMessage = { type: string; data: unknown; id: string | null }

/** How a stream ended: the other side has none, the session is over, or it may be opened again. */
export type StreamEnd = 'not_there' | 'signed_out' | 'cut'

const RETRY_MS_MIN = 1_000
const RETRY_MS_MAX = 30_000
/** The service says something every 15 s; silence for longer is a broken connection. */
const SILENCE_MS_MAX = 40_000

/**
 * Reads the account's live stream until it ends.
 * @param after  the id of the last message that was seen, null for none
 * @param onOpen it has been accepted
 */
export async function readStream(
  account: string,
  after: string | null,
  on: { open: () => void; message: (message: LiveMessage) => void },
  signal: AbortSignal,
): Promise<StreamEnd> {
  const silence = new AbortController()
  let timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
  try {
    const response = await fetch(withQuery(ofAccount(account, 'live'), { topics: TOPICS.join(',') }), {
      headers: {
        accept: 'text/event-stream',
        authorization: `Bearer ${await bearerFor(account)}`,
        ...(after !== null && { 'last-event-id': after }),
      },
      cache: 'no-store',
      signal: AbortSignal.any([signal, silence.signal]),
    })
    if (response.status === 401) {
      forgetBearer(account)
      return 'cut'
    }
    if (!response.ok || !response.body) return response.status === 404 || response.status === 501 ? 'not_there' : 'cut'
    on.open()
    let hasEnded = false
    const parser = createParser({
      onEvent: ({ event = 'message', data, id }) => {
        if (event === 'bye' && data.includes('session_ended')) hasEnded = true
        on.message({ type: event, data: parseJson(data), id: id ?? null })
      },
    })
    const decoder = new TextDecoder()
    for await (const bytes of chunks(response.body)) {
      clearTimeout(timer)
      timer = setTimeout(() => silence.abort(), SILENCE_MS_MAX)
      parser.feed(decoder.decode(bytes, { stream: true }))
    }
    if (hasEnded) sessionEnded()
    return hasEnded ? 'signed_out' : 'cut'
  } catch (error) {
    if (error instanceof ApiError && error.status === 401) return 'signed_out'
    return 'cut' // a lost connection has no other name in a browser
  } finally {
    clearTimeout(timer)
  }
}

/** Safari cannot iterate a stream. */
async function* chunks(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    reader.releaseLock()
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * How long to wait before the next try: doubling from a second to half a minute, a random half of it less.
 * @param failures  in a row, from 1
 * @param chance    0 to 1
 */
export function retryMs(failures: number, chance: number): number {
  const whole = Math.min(RETRY_MS_MAX, RETRY_MS_MIN * 2 ** Math.min(failures - 1, 10))
  return Math.max(RETRY_MS_MIN, whole * (1 - chance / 2))
}
