import type { SealingKey } from '#src/accounts/encryption.ts'
import type { EnvironmentSettings } from '#src/accounts/environment-settings.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, type Fault, notFound } from '#src/domain-error.ts'
import { acceptIn, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'
import { type Sight, unknownEventTypes } from '#src/events/event-type-store.ts'
import { settingsFaults } from './body.ts'
import { effectsOf } from './change.ts'
import { ENDPOINT_ID_PREFIX, type Endpoint, type EndpointSettings } from './endpoint.ts'
import { fault, refuseFaulty } from './faults.ts'
import type { Headers } from './headers.ts'
import { type Owner, openHeaders, sealHeaders, sealSecret } from './sealed.ts'
import type { SigningSecret } from './signing-secret.ts'
import { addEndpoint, addSecret, endEndpoint, lockEndpoint, readHeaders, saveEndpoint, saveHeaders } from './store.ts'
import { ping } from './test-request.ts'

/** An endpoint as it was written, and the deliveries to hand to `Wake` after the commit. */
export type Saved = { endpoint: Endpoint; created: boolean; planned: PlannedDelivery[] }

/** What a save needs to know of the caller and the environment. */
export type SaveContext = {
  account: { id: string; environment: Environment }
  /** Event types that the caller may choose. */
  sight: Sight
  settings: Pick<EnvironmentSettings, 'endpointsMax' | 'testRequestOnSave'>
  ids: IdSource
  now: Date
  /** Found before the transaction; refused together with those found inside. */
  faults: readonly Fault[]
}

export type NewEndpointInput = { settings: EndpointSettings; headers: Headers; secret: SigningSecret }

/**
 * Adds an endpoint with its secret, its headers and a test request, in the caller's transaction.
 * @returns 'uid_taken' when another endpoint of the account has the uid: the constraint decides between callers
 * @throws DomainError invalid_input, limit_reached; not_found when the account has just been deleted
 */
export async function createEndpoint(
  tx: Queryable,
  { settings, headers, secret }: NewEndpointInput,
  key: SealingKey,
  context: SaveContext,
): Promise<Saved | 'uid_taken'> {
  await checkSettings(tx, settings, null, context)
  const { account, ids } = context
  const { ksuid, at } = ids.next(context.now)
  const now = at > context.now ? at : context.now // later ids have been made: this one tells their time
  const owner = { accountId: account.id, id: `${ENDPOINT_ID_PREFIX}${ksuid}` }
  const added = await addEndpoint(
    tx,
    { ...owner, environment: account.environment, settings, sealedHeaders: sealHeaders(key, owner, headers), now },
    context.settings.endpointsMax,
  )
  if (added === 'no_account') throw notFound()
  if (added === 'limit_reached') {
    throw new DomainError('limit_reached', `An application has at most ${context.settings.endpointsMax} endpoints.`)
  }
  if (added === 'uid_taken') return added
  await addSecret(tx, owner, { id: newSecretId(ids, now), sealed: sealSecret(key, owner, secret) }, now)
  return {
    endpoint: added,
    created: true,
    planned: settings.disabled ? [] : await test(tx, ping(added, now, ids), context),
  }
}

/**
 * Changes the settings of an endpoint, in the caller's transaction.
 * @param change  the settings wanted, made from those that the row has now
 * @throws DomainError invalid_input, conflict (uid); not_found when it has just been deleted
 */
export async function changeEndpoint(
  tx: Queryable,
  id: string,
  change: (before: Endpoint) => EndpointSettings,
  context: SaveContext,
): Promise<Saved> {
  const { account, ids, now } = context
  const before = await lockEndpoint(tx, account.id, id)
  if (!before) throw notFound()
  const settings = change(before)
  await checkSettings(tx, settings, before, context)
  const effects = effectsOf(before, settings)
  const endpoint = await saveEndpoint(tx, { accountId: account.id, id }, settings, effects, now)
  if (!endpoint) throw notFound()
  return {
    endpoint,
    created: false,
    planned: effects.tested ? await test(tx, ping(endpoint, now, ids), context) : [],
  }
}

/** @throws DomainError not_found when it has just been deleted */
export async function deleteEndpoint(tx: Queryable, accountId: string, id: string, now: Date): Promise<void> {
  if (!(await endEndpoint(tx, accountId, id, now))) throw notFound()
}

export function newSecretId(ids: IdSource, now: Date): string {
  return `sec_${ids.next(now).ksuid}`
}

async function checkSettings(
  tx: Queryable,
  settings: EndpointSettings,
  before: EndpointSettings | null,
  { account, sight, faults }: SaveContext,
): Promise<void> {
  // what the endpoint has already may be archived or hidden by now
  const chosen = (settings.eventTypes ?? []).filter((name) => !before?.eventTypes?.includes(name))
  const unknown = chosen.length > 0 ? await unknownEventTypes(tx, account.environment, sight, chosen) : []
  const found = [...faults, ...settingsFaults(settings)]
  if (unknown.length > 0) found.push(fault('eventTypes', `does not exist: ${unknown.join(', ')}`))
  refuseFaulty(found)
}

async function test(tx: Queryable, request: NewEvent, { settings }: SaveContext): Promise<PlannedDelivery[]> {
  return settings.testRequestOnSave ? await acceptIn(tx, [request]) : []
}

/**
 * Replaces or merges the headers of an endpoint, in the caller's transaction.
 * @param change  the headers wanted, made from those there are now
 * @throws what `change` throws; DomainError not_found when the endpoint has just been deleted
 */
export async function changeHeaders(
  tx: Queryable,
  owner: Owner,
  change: (current: Headers) => Headers,
  key: SealingKey,
  now: Date,
): Promise<void> {
  if (!(await lockEndpoint(tx, owner.accountId, owner.id))) throw notFound()
  const current = openHeaders(key, owner, await readHeaders(tx, owner.accountId, owner.id))
  await saveHeaders(tx, owner, sealHeaders(key, owner, change(current)), now)
}
