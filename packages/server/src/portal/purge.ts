import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'

/** Ended links and sessions are kept this long, for who asks who came in. Source: reliability-security 13. */
const KEPT_MS = 30 * 86_400_000
const BATCH = 5_000

/** Removes links and sessions whose end lies long back, one batch of each. @returns how many rows went */
export async function purgePortal(database: Queryable, now: Date): Promise<number> {
  const before = addMs(now, -KEPT_MS)
  const links = await database.query`
    delete from login_link
     where hash = any (array(select hash from login_link where expires_at < ${before} limit ${BATCH}))
    returning 1`
  const sessions = await database.query`
    delete from portal_session
     where id = any (array(select id from portal_session where ends_at < ${before} limit ${BATCH}))
    returning 1`
  return links.length + sessions.length
}
