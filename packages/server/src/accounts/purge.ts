import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { FORGIVEN_AFTER_MS } from './token-failures.ts'

const WINDOWS_KEPT_MS = 5 * 60_000
const EXPIRED_TOKENS_KEPT_MS = 24 * 3_600_000
const BATCH = 5_000

/**
 * Removes what time has made meaningless: past rate windows, forgiven failures, tokens that expired a day ago. One
 * batch of each; called every ten minutes by the worker role.
 * @returns how many rows went: a full batch means that more may be waiting
 */
export async function purgeAccess(database: Queryable, now: Date): Promise<number> {
  const windows = await database.query`
    delete from rate_window
     where ctid = any (array(select ctid from rate_window where window_at < ${addMs(now, -WINDOWS_KEPT_MS)} limit ${BATCH}))
    returning 1`
  const failures = await database.query`
    delete from token_failure
     where ctid = any (array(select ctid from token_failure where failed_at < ${addMs(now, -FORGIVEN_AFTER_MS)} limit ${BATCH}))
       and failed_at < ${addMs(now, -FORGIVEN_AFTER_MS)}
    returning 1`
  const tokens = await database.query`
    delete from token
     where hash = any (array(select hash from token where expires_at < ${addMs(now, -EXPIRED_TOKENS_KEPT_MS)} limit ${BATCH}))
    returning 1`
  return windows.length + failures.length + tokens.length
}
