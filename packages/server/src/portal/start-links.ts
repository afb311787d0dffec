import { type Account, type StaffRole, visibleTo } from '#src/accounts/principal.ts'
import { actingFor, listAccounts } from '#src/accounts/store.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Page } from '#src/adapters/http/pages.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { loginUrl, type NewLink } from './link.ts'
import { createLink, createStaffLink } from './link-store.ts'
import { grantOf, type Role } from './role.ts'

/** Long enough to copy it from a terminal. */
const LIFE_MS = 3_600_000
const OLDEST: Page = { limit: 1, above: null, below: null, read: 'ascending', show: 'ascending' }

/** Two ways into the portal, for the person at the terminal in which the service was started. */
export type StartLinks = { account: Account; accountUrl: string; staffUrl: string }

/** What was done, for the audit. */
type Made = { accountId: string | null; linkId: string; role: Role | StaffRole; expiresAt: Date }

/**
 * Makes a login link of the oldest sandbox account, and one for staff of the sandbox. Each works once, within an hour.
 * @param record  notes them, in their transaction
 * @returns null when the sandbox has no account
 */
export async function makeStartLinks(
  database: Database,
  parts: { clock: Clock; ids: IdSource },
  publicUrl: string,
  record: (tx: Queryable, made: Made) => Promise<void>,
): Promise<StartLinks | null> {
  const environment = 'sandbox'
  return await database.transaction({ settings: visibleTo(environment) }, async (tx) => {
    const [account] = await listAccounts(tx, { environment, page: OLDEST })
    if (!account) return null
    const expiresAt = addMs(parts.clock.now(), LIFE_MS)
    const rights = { ...grantOf('admin'), featureFlags: [], sessionId: null }
    const link: NewLink = { person: null, role: 'admin', rights, expiresAt, sessionsEndAt: null }
    const own = await actingFor(tx, account.id, () => createLink(tx, parts, account, link))
    const staff = await createStaffLink(tx, parts, environment, { person: null, role: 'operator', expiresAt })
    await record(tx, { accountId: account.id, linkId: own.id, role: 'admin', expiresAt })
    await record(tx, { accountId: null, linkId: staff.id, role: 'operator', expiresAt })
    return { account, accountUrl: loginUrl(publicUrl, own.key), staffUrl: loginUrl(publicUrl, staff.key) }
  })
}
