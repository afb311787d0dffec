import Type, { type Static } from 'typebox'
import { readAliases } from '#src/adapters/http/body.ts'
import { nullable, patternText, plainText } from '#src/adapters/http/schema.ts'
import { invalidInput } from '#src/domain-error.ts'
import { metadataFault, UID } from './account.ts'
import type { Account } from './principal.ts'
import type { AccountChanges, NewAccount } from './store.ts'

const uid = patternText(UID, '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not beginning with app_')
const throttleRate = nullable(Type.Integer({ minimum: 1, maximum: 65_535 }))

/** What every body about an application may hold. Source: webhook-api 4.1, 9.1. */
const fields = {
  name: plainText(256, 1),
  uid: Type.Optional(nullable(uid)),
  throttleRate: Type.Optional(throttleRate),
  rateLimit: Type.Optional(throttleRate),
  // not `Type.Record`: its pattern of names passes over those with a line break, and their values
  metadata: Type.Optional(
    Type.Unsafe<Record<string, string>>({ type: 'object', additionalProperties: { type: 'string' } }),
  ),
}

/** ApplicationIn: POST and PUT, and the `application` of a message or of app-portal-access. */
export const applicationBody = Type.Object(fields, { title: 'ApplicationIn' })
export const applicationPatchBody = Type.Object(
  { ...fields, name: Type.Optional(fields.name) },
  { title: 'ApplicationPatch' },
)

type Fields = Omit<NewAccount, 'environment'>

/**
 * A new or replacing application, under one name per field.
 * @param at  where it stands
 * @throws DomainError invalid_input
 */
export function toNew(body: Static<typeof applicationBody>, at: readonly string[] = ['body']): Fields {
  return { ...toChanges(body, at), name: body.name }
}

/** PUT: a missing field takes its default, except the uid, which stays. A uid of null says nothing: PATCH clears it. */
export function toReplacement(body: Static<typeof applicationBody>): AccountChanges {
  const { name, uid: given, throttleRate: rate, metadata } = toNew(body)
  return { name, uid: given ?? undefined, throttleRate: rate ?? null, metadata: metadata ?? {} }
}

/** PATCH: what is absent stays, null clears. @throws DomainError invalid_input */
export function toChanges(body: Static<typeof applicationPatchBody>, at: readonly string[] = ['body']): AccountChanges {
  const changes = readAliases(body, { rateLimit: 'throttleRate' }, at)
  const fault = changes.metadata && metadataFault(changes.metadata)
  if (fault) throw invalidInput({ loc: [...at, 'metadata'], msg: fault, type: 'value_error' })
  return changes
}

/**
 * The account to make on the fly for a path that names none.
 * @param idOrUid   the path's value
 * @param application the body's `application`
 * @throws DomainError invalid_input: its uid is missing, or is not the path's value (webhook-api 9.1)
 */
export function toOnTheFly(application: Static<typeof applicationBody>, idOrUid: string): Fields {
  const at = ['body', 'application']
  const fields = toNew(application, at)
  const loc = [...at, 'uid']
  if (fields.uid == null) throw invalidInput({ loc, msg: 'is required', type: 'application_uid_missing' })
  if (fields.uid !== idOrUid) {
    throw invalidInput({ loc, msg: 'must equal the application of the path', type: 'application_uid_mismatch' })
  }
  return fields
}

/** ApplicationOut. */
export function toAnswer(account: Account) {
  const { id, uid: name, throttleRate: rate, metadata, createdAt, updatedAt } = account
  return {
    id,
    uid: name,
    name: account.name,
    throttleRate: rate,
    rateLimit: rate,
    metadata,
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  }
}
