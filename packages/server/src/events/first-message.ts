import type { FastifyRequest } from 'fastify'
import type { Access } from '#src/accounts/access.ts'
import { findOrMakeAccount, namesApplication } from '#src/accounts/on-the-fly.ts'
import { visibleTo } from '#src/accounts/principal.ts'
import { type AccountParts, actingFor } from '#src/accounts/store.ts'
import { type IdempotencyKey, idempotencyKeyOf } from '#src/adapters/http/idempotency.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError } from '#src/domain-error.ts'
import { type NewEvent, storeIn } from './accept.ts'
import { keptAnswer } from './accept-store.ts'
import { readMessage } from './message.ts'
import type { SchemaEnforcement } from './schema-enforcement.ts'

export type FirstMessageParts = AccountParts & {
  database: Database // role `api`
  schemas: SchemaEnforcement
  /** Told of a commit beside the queue of messages. */
  onCommit: (events: number, seconds: number) => void
}

/** Is there an `application` in the body, and does the path name no account, as far as is remembered? */
export async function makesAccount(
  { access }: { access: Pick<Access, 'accountOf'> },
  request: FastifyRequest,
  options: { maxAgeMs: number },
): Promise<boolean> {
  if (!namesApplication(request.scanned)) return false
  try {
    await access.accountOf(request.principal, pathValue(request, 'app_id') ?? '', options)
    return false
  } catch (error) {
    if (error instanceof DomainError && error.code === 'not_found') return true
    throw error
  }
}

/**
 * Accepts a message whose `application` makes the account that the path names: both commit together, or neither (webhook-api
 * 9.1, 10.1). A new account has no endpoints, so nothing is planned.
 * @returns undefined when there is such an account by now: nothing was done
 * @throws DomainError not_found, invalid_input; idempotency_key_reuse when the key was used for an account that is gone
 */
export async function acceptFirstMessage(
  parts: FirstMessageParts,
  request: FastifyRequest,
): Promise<{ event: NewEvent; ignored: string[] } | undefined> {
  const { scanned, principal } = request
  const { environment } = principal
  const idOrUid = pathValue(request, 'app_id') ?? ''
  const key = idempotencyKeyOf(request)
  const startedAt = performance.now()
  const accepted = await parts.database.transaction({ settings: visibleTo(environment) }, async (tx) => {
    const { account, isNew } = await findOrMakeAccount(tx, parts, { environment, idOrUid, scanned })
    if (!isNew) return undefined
    const message = readMessage(scanned, account, parts.clock.now(), parts.ids)
    await parts.schemas.refuseMisfit(message.event)
    await actingFor(tx, account.id, async () => {
      const { event } = message
      if (key) await keepKey(tx, key, event)
      if (event.uid !== undefined) {
        await tx.query`
          insert into event_uid (account_id, uid, event_id) values (${event.accountId}, ${event.uid}, ${event.id})`
      }
      await storeIn(tx, [event])
    })
    return message
  })
  if (accepted) parts.onCommit(1, (performance.now() - startedAt) / 1000)
  return accepted
}

async function keepKey(tx: Queryable, { key, requestHash }: IdempotencyKey, event: NewEvent): Promise<void> {
  const answer = Buffer.from(keptAnswer({ events: [event], items: null }))
  const kept = await tx.query`
    insert into idempotency (key, environment, account_id, request_hash, status, answer, created_at)
    values (${key}, ${event.environment}, ${event.accountId}, ${requestHash}, 202, ${answer}, ${event.createdAt})
    on conflict do nothing
    returning 1`
  if (kept.length > 0) return
  throw new DomainError('idempotency_key_reuse', 'This Idempotency-Key was used for an application that is gone.')
}
