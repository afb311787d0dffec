import type { Capability, Environment, StaffRole } from '#src/accounts/principal.ts'
import type { Role } from './role.ts'

/** Without a sign of the person a session ends after this. Source: portal 1. */
export const IDLE_MS = 30 * 60_000
/** A session ends then, whatever happens. */
export const SESSION_MS_MAX = 12 * 3_600_000
/** A bearer token that a session is given; it never outlives the session. */
export const TOKEN_MS = 15 * 60_000
/** Live tokens of one session: each tab renews its own. */
export const TOKENS_MAX = 100

/** Somebody who has come in by a link, in the account of that link; staff, in the internal account of their environment. */
export type PortalSession = {
  id: string // session_…; not a secret
  environment: Environment
  accountId: string
  person: string | null
  role: Role | StaffRole | null
  capabilities: readonly Capability[]
  featureFlags: readonly string[]
  sessionId: string | null
  createdAt: Date
  idleEndsAt: Date
  endsAt: Date
}
