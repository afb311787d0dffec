import { randomInt } from 'node:crypto'
import { credentialHash } from '#src/accounts/credentials.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Rights } from '#src/accounts/tokens.ts'
import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Role } from '#src/portal/role.ts'

/** A device that asks to be let in has this long to find somebody who approves. */
export const LOGIN_MS = 600_000
const KEPT_MS = 86_400_000
const BATCH = 5_000
/** No vowels, so that no code is a word, and nothing that is read as something else. */
const LETTERS = 'BCDFGHJKLMNPQRSTVWXZ'
const CODE = /^[BCDFGHJKLMNPQRSTVWXZ]{8}$/

/** What a device asks for, as the person sees it who decides. */
export type LoginRequest = { userCode: string; deviceName: string | null; requestedAt: Date; expiresAt: Date }

/** How a login stands, as its device learns it. */
export type LoginAnswer =
  | { status: 'pending' }
  | { status: 'denied' }
  | ({ status: 'approved'; environment: Environment; accountId: string } & Approval)

/** What whoever approves gives, and who that is. `staffSession`: of the portal, of the operator's staff, with which it ends. */
export type Approval = { rights: Rights; person: string | null; role: Role | null; staffSession: string | null }

/** `BCDF-GHJK`: 8 of 20 letters, good for ten minutes and of use to signed-in people alone. */
export function newUserCode(): string {
  const letters = Array.from({ length: 8 }, () => LETTERS.charAt(randomInt(LETTERS.length))).join('')
  return `${letters.slice(0, 4)}-${letters.slice(4)}`
}

/** A code as people type it: in any case, with or without what stands between; undefined for what is none. */
export function parseUserCode(text: string): string | undefined {
  const letters = text.toUpperCase().replaceAll(/[\s-]/g, '')
  return CODE.test(letters) ? `${letters.slice(0, 4)}-${letters.slice(4)}` : undefined
}

/** @returns false when a code is taken */
export async function startLogin(
  database: Queryable,
  login: { deviceCode: string; userCode: string; deviceName: string | null },
  now: Date,
): Promise<boolean> {
  const [row] = await database.query<{ started: boolean | null }>`
    select start_cli_login(${credentialHash(login.deviceCode)}, ${login.userCode}, ${login.deviceName}, ${now}::timestamptz,
                           ${addMs(now, LOGIN_MS)}::timestamptz) as started`
  return row?.started === true
}

/** A login that waits for its decision. */
export async function readLogin(tx: Queryable, userCode: string, now: Date): Promise<LoginRequest | undefined> {
  const [row] = await tx.query<{ user_code: string; device_name: string | null; created_at: Date; expires_at: Date }>`
    select user_code, device_name, created_at, expires_at from cli_login_by_code(${userCode}, ${now}::timestamptz)`
  return (
    row && {
      userCode: row.user_code,
      deviceName: row.device_name,
      requestedAt: row.created_at,
      expiresAt: row.expires_at,
    }
  )
}

/** @returns false when there is nothing (any more) to decide */
export async function decideLogin(
  tx: Queryable,
  userCode: string,
  { approve, account }: { approve: boolean; account: { id: string; environment: Environment } },
  { rights, person, role, staffSession }: Approval,
  now: Date,
): Promise<boolean> {
  const [row] = await tx.query<{ decided: boolean | null }>`
    select decide_cli_login(${userCode}, ${now}::timestamptz, ${approve}::boolean, ${account.environment}, ${account.id},
                            ${rights.scopes}::text[], ${rights.capabilities}::text[], ${rights.featureFlags}::text[],
                            ${rights.sessionId}, ${person}, ${role}, ${staffSession}) as decided`
  return row?.decided === true
}

type SpentRow = {
  decided: boolean
  approved: boolean | null
  environment: Environment
  account_id: string
  scopes: Rights['scopes']
  capabilities: Rights['capabilities']
  feature_flags: Rights['featureFlags']
  session_id: string | null
  person: string | null
  role: Role | null
  staff_session: string | null
}

/** How a login stands; a decision is told once. @returns undefined for an unknown, expired or spent code */
export async function spendLogin(tx: Queryable, deviceCode: string, now: Date): Promise<LoginAnswer | undefined> {
  const [row] = await tx.query<SpentRow>`
    select decided, approved, environment, account_id, scopes, capabilities, feature_flags, session_id, person, role,
           staff_session
      from spend_cli_login(${credentialHash(deviceCode)}, ${now}::timestamptz)`
  if (!row) return undefined
  if (!row.decided) return { status: 'pending' }
  if (!row.approved) return { status: 'denied' }
  return {
    status: 'approved',
    environment: row.environment,
    accountId: row.account_id,
    rights: {
      scopes: row.scopes,
      capabilities: row.capabilities,
      featureFlags: row.feature_flags,
      sessionId: row.session_id,
    },
    person: row.person,
    role: row.role,
    staffSession: row.staff_session,
  }
}

/** Removes logins that have long expired, one batch. @returns how many */
export async function purgeLogins(database: Queryable, now: Date): Promise<number> {
  const rows = await database.query`
    delete from cli_login
     where hash = any (array(select hash from cli_login where expires_at < ${addMs(now, -KEPT_MS)} limit ${BATCH}))
    returning 1`
  return rows.length
}
