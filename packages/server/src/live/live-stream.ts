import { setTimeout as sleep } from 'node:timers/promises'
import type { EventStream } from '#src/adapters/http/event-stream.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { eventOfTopic, type Message, TOPICS, type Topic, toMessages } from './change.ts'
import type { Step } from './open-streams.ts'
import { type Position, positionText } from './position.ts'
import { readChanges, type Watched } from './store.ts'

/** Of one stream: so that there are at most four a second. Source: portal 10. */
const MESSAGE_MS_MIN = 250
/** What has changed more than this since the last message is no longer told one by one. */
const CHANGES_MAX = 5_000
/** Of the messages of one look. */
const ORDER: readonly string[] = TOPICS

/**
 * Writes what has changed in an account since a position, merged: at most one message for each topic, then the next look. The
 * id of a message is the position after it, so that a reader that comes back with it misses nothing and sees nothing twice.
 */
export function liveStream({
  api,
  account,
  stream,
  topics,
  position: start,
}: {
  api: Database
  account: Watched
  stream: EventStream
  topics: readonly Topic[]
  position: Position
}): Step {
  let position = start
  let waiting: Message[] = []
  let lastAtMs = Number.NEGATIVE_INFINITY

  async function paced(): Promise<void> {
    const waitMs = lastAtMs + MESSAGE_MS_MIN - performance.now()
    if (waitMs > 0) await sleep(waitMs)
    lastAtMs = performance.now()
  }

  function say(event: string, data: unknown, next: Position): void {
    position = next
    stream.send({ event, data, id: positionText(next) })
  }

  /** What is new since `position` becomes what waits to be said, up to `until`. */
  let until = position.seen
  async function look(): Promise<void> {
    const next = 1 + ORDER.indexOf(position.within?.after ?? '') // nothing was said of those from here on
    const wanted = topics.filter((topic) => ORDER.indexOf(topic) >= next)
    const { seen, changes } = await readChanges(api, account, position, wanted, CHANGES_MAX)
    until = seen
    if (typeof changes === 'string') say('resync', { topics, reason: changes }, { seen, within: null })
    else waiting = toMessages(changes)
    if (waiting.length === 0) position = { seen, within: null }
  }

  return async () => {
    await paced()
    if (waiting.length === 0) await look()
    const message = waiting.shift()
    if (!message) return 'idle'
    const { topic, changes } = message
    const next: Position =
      waiting.length === 0 ? { seen: until, within: null } : { seen: position.seen, within: { until, after: topic } }
    say(eventOfTopic(topic), { changes }, next)
    return 'more'
  }
}
