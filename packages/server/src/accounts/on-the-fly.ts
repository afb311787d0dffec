import type { FastifyRequest } from 'fastify'
import Type from 'typebox'
import { pathValue } from '#src/adapters/http/routes.ts'
import { memberOf, parseMember, type ScannedJson } from '#src/adapters/http/scan.ts'
import { faultsOf } from '#src/adapters/http/schema.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { invalidInput, notFound } from '#src/domain-error.ts'
import type { Access } from './access.ts'
import { isUid } from './account.ts'
import { applicationBody, toOnTheFly } from './body.ts'
import type { Account, Environment } from './principal.ts'
import { type AccountParts, createAccount, findAccount, type NewAccount, uidTaken } from './store.ts'

const TRIES_MAX = 3
const body = Type.Object({ application: applicationBody })

/**
 * `config.find` of a route that can make the account of its path: a uid may be new, anything else names an account that is
 * there, or nothing.
 * @param maxAgeMs  as of `Access.accountOf`
 */
export function findUnlessUid(access: Pick<Access, 'accountOf'>, options: { maxAgeMs?: number } = {}) {
  return async (request: FastifyRequest): Promise<void> => {
    const name = pathValue(request, 'app_id') ?? ''
    if (!isUid(name)) request.account = await access.accountOf(request.principal, name, options)
  }
}

/** Is there an application in the body that could be made? `null` is none. */
export function namesApplication(scanned: ScannedJson): boolean {
  const member = memberOf(scanned, 'application')
  return member !== undefined && parseMember(scanned, member) !== null
}

/**
 * The account that a path names; when it names none, it is made of the body's `application`, which is read only then
 * (webhook-api 9.1). In a transaction that sees the environment.
 * @throws DomainError not_found: there is none, and nothing to make it of; invalid_input
 */
export async function findOrMakeAccount(
  tx: Queryable,
  parts: AccountParts,
  wanted: { environment: Environment; idOrUid: string; scanned: ScannedJson },
): Promise<{ account: Account; isNew: boolean }> {
  const { environment, idOrUid, scanned } = wanted
  for (let tries = 0; tries < TRIES_MAX; tries += 1) {
    const found = await findAccount(tx, environment, idOrUid)
    if (found) return { account: found, isNew: false }
    const made = await createAccount(tx, parts, { ...newFields(scanned, idOrUid), environment })
    if (made) return { account: made, isNew: true }
    // made by somebody else in between
  }
  throw uidTaken()
}

function newFields(scanned: ScannedJson, idOrUid: string): Omit<NewAccount, 'environment'> {
  const member = memberOf(scanned, 'application')
  if (!member || !isUid(idOrUid)) throw notFound()
  const value = { application: parseMember(scanned, member) }
  if (value.application === null) throw notFound()
  const faults = faultsOf(value, body, 'body')
  if (faults.length > 0) throw invalidInput(...faults)
  // it fits the schema
  return toOnTheFly(value.application as Parameters<typeof toOnTheFly>[0], idOrUid)
}
