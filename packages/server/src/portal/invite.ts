import { environments } from '#src/accounts/environments.ts'
import type { Operator } from '#src/accounts/operator.ts'
import type { Account, Environment, StaffRole } from '#src/accounts/principal.ts'
import { addMs } from '#src/adapters/clock.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import { LINK_SECONDS_MAX, loginUrl } from './link.ts'
import { createLink, createStaffLink, findLink, type Link, listLinks, revokeLink } from './link-store.ts'
import { grantOf, type Role } from './role.ts'

const PERSON_LENGTH_MAX = 256
const HOURS_MAX = LINK_SECONDS_MAX / 3_600

export type Invitation = { account: string; environment?: Environment; role: Role; person?: string; hours: number }

/**
 * An operator lets somebody into the portal of an account: a login link that works once and is shown once.
 * @param invitation  `account`: id or uid; `hours`: 1 to 168, how long the link can be used
 * @throws DomainError not_found, invalid_input
 */
export async function invite(
  operator: Operator,
  { role, person, hours, ...of }: Invitation,
  publicUrl: string,
): Promise<{ id: string; url: string; account: Account; expiresAt: Date }> {
  refuseFaulty(hours, person)
  const expiresAt = addMs(operator.parts.clock.now(), hours * 3_600_000)
  const rights = { capabilities: grantOf(role).capabilities, featureFlags: [], sessionId: null }
  return await operator.forAccount(of, async (tx, account) => {
    const link = { person: person ?? null, role, rights, expiresAt, sessionsEndAt: null }
    const { id, key } = await createLink(tx, operator.parts, account, link)
    await operator.parts.record(tx, {
      ...{ environment: account.environment, accountId: account.id, operation: 'admin.login-link.create' },
      ...{ target: { kind: 'link', id }, after: { person: link.person, role, expiresAt } },
    })
    return { id, url: loginUrl(publicUrl, key), account, expiresAt }
  })
}

/**
 * Lets somebody of the operator's staff into the portal, to all accounts of an environment.
 * @param invitation  `hours`: 1 to 168, how long the link can be used
 * @throws DomainError invalid_input
 */
export async function inviteStaff(
  operator: Operator,
  { role, person, hours, environment }: { role: StaffRole; person?: string; hours: number; environment: Environment },
  publicUrl: string,
): Promise<{ id: string; url: string; expiresAt: Date }> {
  refuseFaulty(hours, person)
  const expiresAt = addMs(operator.parts.clock.now(), hours * 3_600_000)
  return await operator.within(environment, async (tx) => {
    const { id, key } = await createStaffLink(tx, operator.parts, environment, {
      person: person ?? null,
      role,
      expiresAt,
    })
    await operator.parts.record(tx, {
      ...{ environment, accountId: null, operation: 'admin.operator-link' },
      ...{ target: { kind: 'link', id }, after: { person, role, expiresAt } },
    })
    return { id, url: loginUrl(publicUrl, key), expiresAt }
  })
}

/** @throws DomainError not_found */
export async function linksOf(operator: Operator, of: { account: string; environment?: Environment }): Promise<Link[]> {
  return await operator.forAccount(of, (tx, account) => listLinks(tx, account.id))
}

/** @throws DomainError invalid_input */
function refuseFaulty(hours: number, person: string | undefined): void {
  if (!Number.isInteger(hours) || hours < 1 || hours > HOURS_MAX) {
    throw invalidInput({ loc: ['options', 'hours'], msg: `must be 1 to ${HOURS_MAX}`, type: 'value_error' })
  }
  if (person !== undefined && (person === '' || person.length > PERSON_LENGTH_MAX || !person.isWellFormed())) {
    const msg = `must be 1 to ${PERSON_LENGTH_MAX} characters`
    throw invalidInput({ loc: ['options', 'person'], msg, type: 'value_error' })
  }
}

/** Ends a link and the session made from it. @throws DomainError not_found: unknown, or revoked before */
export async function withdraw(operator: Operator, id: string): Promise<void> {
  const now = operator.parts.clock.now()
  for (const environment of environments) {
    const isEnded = await operator.within(environment, async (tx) => {
      const link = await findLink(tx, environment, id, now)
      if (!link || !(await revokeLink(tx, environment, id, now))) return false
      const accountId = link.account?.id ?? null
      const target = { kind: 'link', id }
      await operator.parts.record(tx, { environment, accountId, operation: 'admin.login-link.revoke', target })
      return true
    })
    if (isEnded) return
  }
  throw notFound()
}
