import type { SealingKey } from '#src/accounts/encryption.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import type { AnnouncedLane } from '#src/events/announce.ts'
import { announceChange, newSecretId } from './save.ts'
import { type Owner, openSecret, sealSecret } from './sealed.ts'
import { OLD_SECRETS_MAX, type SigningSecret, successorOf } from './signing-secret.ts'
import { addSecret, lockEndpoint, readSecrets, retireSecrets, touchEndpoint } from './store.ts'

/**
 * Gives an endpoint another current secret, in the caller's transaction; the former one signs beside it for the grace.
 * Rotations of one endpoint go one after the other. A secret that is current already stays as it is.
 * @param given  null: a generated one, of the kind of the current one
 * @throws DomainError too_many_old_keys; not_found when the endpoint has just been deleted
 */
export async function rotateSecret(
  tx: Queryable,
  owner: Owner,
  { given, graceSeconds }: { given: SigningSecret | null; graceSeconds: number },
  { key, ids, clock }: { key: SealingKey; ids: IdSource; clock: Clock },
): Promise<AnnouncedLane[]> {
  const endpoint = await lockEndpoint(tx, owner.accountId, owner.id)
  if (!endpoint) throw notFound()
  const now = clock.now()
  const sealed = await readSecrets(tx, owner.accountId, owner.id, now)
  const held = sealed.map(({ id, secret }) => ({ id, secret: openSecret(key, owner, secret) }))
  const [current, ...old] = held
  if (!current) throw new Error('an endpoint without a current secret')
  if (given === current.secret) return []
  const next = given ?? successorOf(current.secret)
  const kept = old.filter((former) => former.secret !== next)
  if (graceSeconds > 0) kept.push(current)
  if (kept.length > OLD_SECRETS_MAX) {
    throw new DomainError('too_many_old_keys', `At most ${OLD_SECRETS_MAX} former secrets may still sign.`)
  }
  const removed = held.filter((former) => !kept.includes(former))
  await retireSecrets(
    tx,
    owner,
    removed.map((former) => former.id),
    addMs(now, graceSeconds * 1000),
    now,
  )
  await addSecret(tx, owner, { id: newSecretId(ids, now), sealed: sealSecret(key, owner, next) }, now)
  await touchEndpoint(tx, owner, now)
  return await announceChange(tx, endpoint, ['endpoint.updated'], { ids, clock })
}
