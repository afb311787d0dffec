import { accountText } from '#src/text-account.ts'

const ROLES = ['viewer', 'developer', 'admin'] as const
export type Role = (typeof ROLES)[number]

/** The roles of people and keys, to choose of. */
export const ROLE_OPTIONS = ROLES.map((value) => ({ value, label: accountText.members.roles[value] }))

/** A role as people call it, of staff too; of one that is not known here its own name. */
export function roleWords(role: string): string {
  return ROLE_OPTIONS.find(({ value }) => value === role)?.label ?? accountText.members.staffRoles[role] ?? role
}
