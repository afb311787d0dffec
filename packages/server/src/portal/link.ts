import type { StaffRole } from '#src/accounts/principal.ts'
import type { Rights } from '#src/accounts/tokens.ts'
import type { Role } from './role.ts'

/** Longest life of a link that an operator or an environment key makes. Source: reliability-security 12. */
export const LINK_SECONDS_MAX = 604_800
export const LINK_SECONDS_MIN = 3_600

/** What has become of a link. */
export const LINK_STATES = ['unused', 'used', 'expired', 'revoked'] as const
export type LinkState = (typeof LINK_STATES)[number]

/** Who a link lets in, to what, and until when. Its key stands in no row and no log. */
export type NewLink = {
  /** Whom it is for; null: whoever holds it. */
  person: string | null
  /** null: the rights say all. */
  role: Role | StaffRole | null
  rights: Omit<Rights, 'scopes'>
  /** The last moment at which it can be spent. */
  expiresAt: Date
  /** Sessions made from it end then at the latest. */
  sessionsEndAt: Date | null
}

/**
 * Where a link leads. The key stands in the fragment, which browsers send to nobody; query parameters may be added before it.
 * @param publicUrl  the service's own, without a slash at its end
 */
export function loginUrl(publicUrl: string, key: string): string {
  return `${publicUrl}/portal/login#key=${key}`
}
