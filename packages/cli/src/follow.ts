import { setTimeout as sleep } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import type { Api, Query } from './api.ts'
import { EXIT, Failure } from './failure.ts'

/** One message of a stream; `data` is its JSON, parsed. */
export type StreamMessage = { event: string; data: unknown }

export type FollowParts = {
  path: string
  query?: Query
  signal: AbortSignal
  /** Called for each message, in order; the stream waits for nothing. */
  onMessage: (message: StreamMessage) => void
  /** The stream is open. */
  onOpen?: () => void
  /** The connection is lost: the next try is in so many milliseconds. */
  onLost: (inMs: number) => void
  random?: () => number
}

const WAIT_MS_MIN = 1_000
const WAIT_MS_MAX = 30_000

/**
 * Reads a stream of the service until `signal` ends it: connects anew for ever, each time from where it stood.
 * @throws Failure: the service refuses the stream
 */
export async function follow(api: Api, parts: FollowParts): Promise<void> {
  const { signal, onLost, random = Math.random } = parts
  let lastId: string | undefined
  let failures = 0
  while (!signal.aborted) {
    try {
      await readOnce(api, parts, lastId, (id) => {
        failures = 0
        lastId = id ?? lastId
      })
    } catch (error) {
      if (signal.aborted) return
      if (!mayPass(error)) throw error
    }
    if (signal.aborted) return
    const waitMs = waitOf(failures, random())
    failures += 1
    onLost(waitMs)
    await sleep(waitMs, undefined, { signal }).catch(() => undefined)
  }
}

async function readOnce(
  api: Api,
  { path, query = {}, signal, onMessage, onOpen }: FollowParts,
  lastId: string | undefined,
  heard: (id: string | undefined) => void,
): Promise<void> {
  const body = await api.stream(path, { query, lastId, signal })
  onOpen?.()
  const parser = createParser({
    onEvent: ({ id, event = 'message', data }) => {
      heard(id)
      onMessage({ event, data: JSON.parse(data) })
    },
  })
  const decoder = new TextDecoder()
  for await (const chunk of body) parser.feed(decoder.decode(chunk, { stream: true }))
}

/** From 1 to 30 s, longer with each try that fails. */
export function waitOf(failures: number, random: number): number {
  const most = Math.min(WAIT_MS_MAX, 2 * WAIT_MS_MIN * 2 ** Math.min(failures, 10))
  return Math.round(WAIT_MS_MIN + random * (most - WAIT_MS_MIN))
}

/** Is it something that another try may not meet: the network, or a service that is restarted or busy? */
function mayPass(error: unknown): boolean {
  if (!(error instanceof Failure)) return error instanceof Error && !(error instanceof SyntaxError)
  const { exit } = error.details
  return exit === EXIT.unavailable || exit === EXIT.timedOut || exit === EXIT.rateLimited
}
