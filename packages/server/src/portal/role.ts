import type { Capability, Scope } from '#src/accounts/principal.ts'

/** What somebody is in an account; a link can also say single capabilities instead. Source: portal 2. */
export const ROLES = ['viewer', 'developer', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** Who works for the operator: `support` reads all accounts and makes login links, `operator` does everything. */
export const STAFF_ROLES = ['support', 'operator'] as const
export type StaffRole = (typeof STAFF_ROLES)[number]

type Grant = { capabilities: readonly Capability[]; scopes: readonly Scope[] }

const developer: Grant = {
  capabilities: [
    'ViewBase',
    'ViewEndpointSecret',
    'ManageEndpointSecret',
    'ManageEndpoint',
    'CreateAttempts',
    'ManagePopulation',
  ],
  scopes: ['producersync.read', 'producersync.write'],
}

const GRANTS: Readonly<Record<Role, Grant>> = {
  viewer: { capabilities: ['ViewBase'], scopes: ['producersync.read'] },
  developer,
  admin: { ...developer, capabilities: [...developer.capabilities, 'ManageAccount'] },
}

export function grantOf(role: Role): Grant {
  return GRANTS[role]
}
