import { type Capability, isStaffRole, type Scope, type StaffRole } from '#src/accounts/principal.ts'

/** What somebody is in an account; a link can also say single capabilities instead. Source: portal 2. */
export const ROLES = ['viewer', 'developer', 'admin'] as const
export type Role = (typeof ROLES)[number]

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

/** What a role of staff allows is judged by the role itself: staff act in every account. */
const STAFF: Grant = { capabilities: [], scopes: [] }

export function grantOf(role: Role | StaffRole): Grant {
  return isStaffRole(role) ? STAFF : GRANTS[role]
}
