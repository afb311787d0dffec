/** sandbox and production share nothing: credentials, accounts, data, endpoints, secrets, rate counters. */
export type Environment = 'sandbox' | 'production'

export type Scope = 'producersync.read' | 'producersync.write' | 'producersync.operate' | 'webhooks'

/** What an app token has unless it names others. Source: webhook-api 2.2. */
export const DEFAULT_CAPABILITIES = [
  'ViewBase',
  'ViewEndpointSecret',
  'ManageEndpointSecret',
  'ManageTransformations',
  'CreateAttempts',
  'ManageEndpoint',
] as const

/** All there are; the last two are held only when named (portal 2). */
export const CAPABILITIES = [...DEFAULT_CAPABILITIES, 'ManagePopulation', 'ManageAccount'] as const

/** What an app token may do beyond being one; `ViewBase` is reading. */
export type Capability = (typeof CAPABILITIES)[number]

/** Who works for the operator: `support` reads all accounts and makes login links, `operator` does everything. Source: portal 2. */
export const STAFF_ROLES = ['support', 'operator'] as const
export type StaffRole = (typeof STAFF_ROLES)[number]

export function isStaffRole(text: string | null): text is StaffRole {
  return text === 'support' || text === 'operator'
}

/** Who a request's bearer token speaks for. Keys and staff of an environment are bound to no account; the others to exactly one. */
export type Principal =
  | {
      kind: 'environment_key'
      tokenId: string
      environment: Environment
      accountId: null
      name?: string
      expiresAt?: Date | null
    }
  | {
      kind: 'staff'
      tokenId: string
      environment: Environment
      accountId: null
      role: StaffRole
      person: string | null
      portalSessionId: string
      expiresAt?: Date | null
    }
  | {
      kind: 'app' | 'access'
      tokenId: string
      environment: Environment
      accountId: string
      clientId: string | null
      /** Of the client or key, as it was called; '' for what has none. */
      name?: string
      /** Whose it is: who came in by the link that the token was made for, or has let it in by a code. */
      person?: string | null
      role?: string | null
      scopes: ReadonlySet<Scope>
      capabilities: ReadonlySet<Capability>
      featureFlags: ReadonlySet<string>
      sessionId: string | null
      /** Of the portal, that the token was made for. */
      portalSessionId: string | null
      expiresAt?: Date | null
    }

/** Who can have done something. `link`: somebody who came by a link that names nobody; `token`: an app token of the operator's. */
export const ACTOR_KINDS = ['person', 'link', 'key', 'client', 'token', 'staff', 'command_line', 'service'] as const

/** Whom the audit names for what was done. */
export type Actor = { kind: (typeof ACTOR_KINDS)[number]; id: string | null; name: string | null; role: string | null }

export function actorOf(principal: Principal): Actor {
  const { kind, tokenId } = principal
  if (kind === 'environment_key') return { kind: 'key', id: tokenId, name: principal.name || null, role: null }
  if (kind === 'staff') return visitor(principal.portalSessionId, principal)
  const { clientId, portalSessionId, name = null, role = null } = principal
  if (clientId !== null) return { kind: 'client', id: clientId, name, role: null }
  if (portalSessionId !== null) return visitor(portalSessionId, principal)
  if (isKey(tokenId)) return { kind: 'key', id: tokenId, name, role }
  if (principal.person) return visitor(tokenId, principal)
  return { kind: 'token', id: tokenId, name: null, role: null }
}

/** Somebody in a session of the portal, or by a token that this person has let in. */
export function visitor(
  id: string,
  { person = null, role = null }: { person?: string | null; role?: string | null },
): Actor {
  const kind = isStaffRole(role) ? 'staff' : person === null ? 'link' : 'person'
  return { kind, id, name: person, role }
}

const KEY_PREFIX = 'key_'

/** Is it the id of a key, and not of a token that somebody was given for a while? */
export function isKey(tokenId: string): boolean {
  return tokenId.startsWith(KEY_PREFIX)
}

/** An account as requests see it once access is granted. */
export type Account = {
  id: string
  environment: Environment
  uid: string | null
  name: string
  throttleRate: number | null
  metadata: Record<string, string>
  populationMax: number
  autoSubscribe: boolean
  createdAt: Date
  updatedAt: Date
}

/** The settings that row-level security reads in a transaction of the `api` role (migration 001). */
export function visibleTo(environment: Environment, accountId?: string): Record<string, string> {
  return { 'psapi.environment': environment, 'psapi.account_id': accountId ?? '' }
}
