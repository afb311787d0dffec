import { setTimeout as wait } from 'node:timers/promises'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Attempt } from '#src/attempts/attempt.ts'
import { readAttempt } from '#src/attempts/store.ts'
import { firstAttempts } from './store.ts'

const LOOK_MS = 50

/**
 * The first attempts at events that were accepted just now, as soon as all are made, or those that are after the time. Events
 * without one are missing.
 * @param within  runs work in a transaction that sees the account; each look is one
 * @param isGone  nobody waits for the answer any more
 */
export async function attemptsMade(
  within: <T>(work: (tx: Queryable) => Promise<T>) => Promise<T>,
  { accountId, eventIds }: { accountId: string; eventIds: readonly string[] },
  { msMax, isGone }: { msMax: number; isGone: () => boolean },
): Promise<Map<string, Attempt>> {
  const until = performance.now() + msMax
  for (;;) {
    const made = await within((tx) => firstAttempts(tx, accountId, eventIds))
    if (made.size < eventIds.length && performance.now() < until && !isGone()) {
      await wait(LOOK_MS)
      continue
    }
    return await within(async (tx) => {
      const attempts = new Map<string, Attempt>()
      for (const [eventId, id] of made) {
        const attempt = await readAttempt(tx, accountId, eventId, id)
        if (attempt) attempts.set(eventId, attempt)
      }
      return attempts
    })
  }
}
