import type { Clock } from '#src/adapters/clock.ts'
import type { EventStream } from '#src/adapters/http/event-stream.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { requestHeaders, type Signer } from '#src/delivery/request.ts'
import type { Step } from '#src/live/open-streams.ts'
import { NOWHERE, type Position, parsePosition, positionText } from '#src/live/position.ts'
import type { CliSession } from './cli-session.ts'
import { type ArrivedEvent, readArrived, readLatest } from './store.ts'

/** Bodies are large: few are held at a time. */
const EVENTS_PER_LOOK = 20
const NO_HEADERS: ReadonlyMap<string, string> = new Map()
/** The id of a message about an event of before the session, but for the last of them. */
const LATEST = /^latest[.](msg_[0-9A-Za-z]{27})$/

/** Where a reader of a session stands: what of the events of before it has not had, and its position in those of since. */
export type CliPosition = { latestIds: readonly string[]; position: Position }

/** @param lastId  of the last message that the reader has had; without one it begins at the session's beginning */
export function cliPositionOf({ latestIds, startsAt }: CliSession, lastId: string | undefined): CliPosition {
  const start = { seen: startsAt, within: null }
  if (lastId === undefined) return { latestIds, position: start }
  const latest = LATEST.exec(lastId)?.[1]
  if (latest !== undefined) return { latestIds: latestIds.filter((id) => id > latest), position: start }
  return { latestIds: [], position: parsePosition(lastId) ?? NOWHERE }
}

/**
 * Writes the events of a session as they are committed, each once, signed as it is written. The id of a message is the position
 * after it.
 */
export function cliStream({
  api,
  clock,
  session,
  signer,
  stream,
  from,
}: {
  api: Database
  clock: Clock
  session: CliSession
  /** By the session's secret. */
  signer: Signer
  stream: EventStream
  from: CliPosition
}): Step {
  let { position } = from
  let waiting: { event: ArrivedEvent; id: string }[] = []
  let latestIds = from.latestIds

  async function lookBack(): Promise<void> {
    const events = await readLatest(api, session, latestIds)
    latestIds = []
    const start = positionText(position)
    waiting = events.map((event, index) => ({ event, id: index === events.length - 1 ? start : `latest.${event.id}` }))
  }

  /** @returns whether there may be more at once */
  async function look(): Promise<boolean> {
    const { seen, events } = await readArrived(api, session, position, EVENTS_PER_LOOK)
    const from = position.seen
    const last = events?.at(-1)
    const hasMore = events?.length === EVENTS_PER_LOOK
    const whole: Position = { seen, within: null }
    const upTo = (event: ArrivedEvent): Position =>
      event === last && !hasMore ? whole : { seen: from, within: { until: seen, after: event.place } }
    position = last ? upTo(last) : whole
    if (events === null) stream.send({ event: 'gap', data: { reason: 'gap_too_old' }, id: positionText(whole) })
    waiting = (events ?? []).map((event) => ({ event, id: positionText(upTo(event)) }))
    return hasMore
  }

  function write({ event, id }: { event: ArrivedEvent; id: string }): void {
    const { id: msgId, type: eventType, createdAt: timestamp, payload, contentType, isTest } = event
    const delivery = { eventId: msgId, cause: isTest ? 'test' : 'event', contentType, payload } as const
    const headers = pairs(requestHeaders(delivery, NO_HEADERS, signer, clock.now()))
    const body = payload.toString('base64')
    stream.send({ event: 'event', data: { msgId, eventType, timestamp, body, headers }, id })
  }

  return async () => {
    let mayHaveMore = true
    if (waiting.length === 0) {
      if (latestIds.length > 0) await lookBack()
      else mayHaveMore = await look()
    }
    const next = waiting.shift()
    if (!next) return mayHaveMore ? 'more' : 'idle'
    write(next)
    return 'more'
  }
}

/** Names and values in turn, as an object. */
function pairs(flat: readonly string[]): Record<string, string> {
  return Object.fromEntries(flat.flatMap((name, at) => (at % 2 === 0 ? [[name, flat[at + 1] ?? '']] : [])))
}
