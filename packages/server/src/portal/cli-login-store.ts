import type { Queryable } from '#src/adapters/postgres/database.ts'
import { grantOf, type Role } from './role.ts'

/**
 * What a person has approved by a code, and no device has fetched yet, follows the person's role.
 * @param role  null: the person has none any more, and nothing is given
 */
export async function changeLogins(tx: Queryable, accountId: string, person: string, role: Role | null): Promise<void> {
  const { scopes = null, capabilities = null } = role === null ? {} : grantOf(role)
  await tx.query`
    select change_cli_logins(${accountId}, ${person}, ${role}, ${scopes}::text[], ${capabilities}::text[])`
}
