import type { SealingKey } from '#src/accounts/encryption.ts'
import type { EnvironmentSettings } from '#src/accounts/environment-settings.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, type Fault, notFound } from '#src/domain-error.ts'
import { acceptIn, type NewEvent, type PlannedDelivery } from '#src/events/accept.ts'
import {
  type AnnouncedLane,
  announce,
  announcement,
  OPERATIONAL_TYPES,
  type OperationalType,
} from '#src/events/announce.ts'
import { type Sight, unknownEventTypes } from '#src/events/event-type-store.ts'
import { settingsFaults } from './body.ts'
import { type Effects, effectsOf } from './change.ts'
import { ENDPOINT_ID_PREFIX, type Endpoint, type EndpointSettings } from './endpoint.ts'
import { fault, refuseFaulty } from './faults.ts'
import type { Headers } from './headers.ts'
import { type Owner, openHeaders, sealHeaders, sealSecret } from './sealed.ts'
import type { SigningSecret } from './signing-secret.ts'
import { addEndpoint, addSecret, endEndpoint, lockEndpoint, readHeaders, saveEndpoint, saveHeaders } from './store.ts'
import { ping } from './test-request.ts'

/** An endpoint as it was written, and the deliveries to hand to `Wake` after the commit. */
export type Saved = {
  /** null: it was made. */
  before: Endpoint | null
  endpoint: Endpoint
  created: boolean
  planned: PlannedDelivery[]
  /** Where operators are to hear of it. */
  announced: AnnouncedLane[]
}

/** What a save needs to know of the caller and the environment. */
export type SaveContext = {
  account: { id: string; environment: Environment }
  /** Event types that the caller may choose; of an operational endpoint, those of webhook-api 11. */
  sight: Sight | 'operational'
  settings: Pick<EnvironmentSettings, 'endpointsMax' | 'testRequestOnSave'>
  ids: IdSource
  clock: Clock
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
    before: null,
    endpoint: added,
    created: true,
    planned: settings.disabled ? [] : await test(tx, ping(added, now, ids), context),
    announced: await announceChange(tx, added, ['endpoint.created'], context),
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
    before,
    endpoint,
    created: false,
    planned: effects.tested ? await test(tx, ping(endpoint, now, ids), context) : [],
    announced: await announceChange(tx, before, changesOf(effects), context),
  }
}

/** @throws DomainError not_found when it has just been deleted */
export async function deleteEndpoint(
  tx: Queryable,
  endpoint: Endpoint,
  parts: AnnounceParts,
): Promise<AnnouncedLane[]> {
  if (!(await endEndpoint(tx, endpoint.accountId, endpoint.id, parts.clock.now()))) throw notFound()
  return await announceChange(tx, endpoint, ['endpoint.deleted'], parts)
}

/** Endpoints that ended with their account. */
export async function announceDeleted(
  tx: Queryable,
  endpoints: readonly AnnouncedLane[],
  parts: AnnounceParts,
): Promise<AnnouncedLane[]> {
  return await announce(
    tx,
    endpoints.map(({ accountId, endpointId }) =>
      announcement('endpoint.deleted', { accountId, endpointId }, {}, parts),
    ),
  )
}

export type AnnounceParts = { ids: IdSource; clock: Clock }
type ChangeType = Extract<OperationalType, `endpoint.${string}`>

function changesOf({ turned }: Effects): ChangeType[] {
  return turned === null ? ['endpoint.updated'] : ['endpoint.updated', `endpoint.${turned}`]
}

/** @param endpoint  as it was before the change */
export async function announceChange(
  tx: Queryable,
  endpoint: Pick<Endpoint, 'accountId' | 'id' | 'failingSince'>,
  types: readonly ChangeType[],
  parts: AnnounceParts,
): Promise<AnnouncedLane[]> {
  const named = { accountId: endpoint.accountId, endpointId: endpoint.id }
  const disabled = { failSince: endpoint.failingSince, trigger: 'manual' }
  return await announce(
    tx,
    types.map((type) => announcement(type, named, type === 'endpoint.disabled' ? disabled : {}, parts)),
  )
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
  const unknown = await unknownOf(tx, account.environment, sight, chosen)
  const found = [...faults, ...settingsFaults(settings)]
  if (unknown.length > 0) found.push(fault('eventTypes', `does not exist: ${unknown.join(', ')}`))
  refuseFaulty(found)
}

async function unknownOf(
  tx: Queryable,
  environment: Environment,
  sight: SaveContext['sight'],
  chosen: readonly string[],
): Promise<string[]> {
  if (chosen.length === 0) return []
  if (sight !== 'operational') return await unknownEventTypes(tx, environment, sight, chosen)
  const known: ReadonlySet<string> = new Set(OPERATIONAL_TYPES)
  return chosen.filter((name) => !known.has(name))
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
  parts: AnnounceParts,
): Promise<AnnouncedLane[]> {
  const endpoint = await lockEndpoint(tx, owner.accountId, owner.id)
  if (!endpoint) throw notFound()
  const current = openHeaders(key, owner, await readHeaders(tx, owner.accountId, owner.id))
  await saveHeaders(tx, owner, sealHeaders(key, owner, change(current)), parts.clock.now())
  return await announceChange(tx, endpoint, ['endpoint.updated'], parts)
}
