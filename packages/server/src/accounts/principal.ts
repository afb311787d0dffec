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

/** Who a request's bearer token speaks for. An environment key is bound to no account; the others to exactly one. */
export type Principal =
  | { kind: 'environment_key'; tokenId: string; environment: Environment; accountId: null }
  | {
      kind: 'app' | 'access'
      tokenId: string
      environment: Environment
      accountId: string
      clientId: string | null
      scopes: ReadonlySet<Scope>
      capabilities: ReadonlySet<Capability>
      featureFlags: ReadonlySet<string>
      sessionId: string | null
      /** Of the portal, that the token was made for. */
      portalSessionId: string | null
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
