import { settingNames } from '#src/accounts/environment-settings.ts'
import type { Actor, Environment } from '#src/accounts/principal.ts'

/** One field of what was written; its values are left out where nobody but its owner should read them. */
export type Change = { field: string; before: unknown; after: unknown } | { field: string; withheld: true }

/** A line before it is in the audit. */
export type NewAuditLine = {
  environment: Environment
  /** null: the environment's own. */
  accountId: string | null
  actor: Actor
  operation: string
  target: { kind: string; id: string } | null
  changes: readonly Change[]
  reason: string | null
  address: string | null
  requestId: string | null
}

/** A line as it is kept. */
export type AuditLine = NewAuditLine & { id: string; at: Date }

/** What says nothing about a change: it says when, repeats another name, or never changes. */
const SILENT = new Set([
  ...['id', 'accountId', 'environment', 'shard', 'createdAt', 'updatedAt', 'version', 'failingSince'],
  ...['filterTypes', 'rateLimit', 'featureFlag'],
])

/** Whose values are kept. Anything else may hold a secret, a payload or something about a person. */
const SHOWN: ReadonlySet<string> = new Set([
  ...settingNames,
  ...['name', 'uid', 'url', 'description', 'disabled', 'disabledReason', 'eventTypes', 'channels', 'throttleRate'],
  ...[
    'timeoutMs',
    'retrySchedule',
    'maxConcurrency',
    'ordering',
    'groupName',
    'archived',
    'deprecated',
    'featureFlags',
  ],
  ...['person', 'role', 'kind', 'scopes', 'capabilities', 'expiresAt', 'revokedAt', 'state', 'status', 'rate'],
  ...['autoSubscribe', 'timeZone', 'accent', 'radius', 'runDate', 'feedId', 'fullRefresh', 'scenario', 'now', 'type'],
  ...['requested', 'gracePeriodSeconds', 'fingerprint', 'since', 'until', 'everywhere'],
])
const VALUE_LENGTH_MAX = 1_000

/**
 * What differs between an object before and after a write, both as the API shows them.
 * @param before  null: it was made; then only what is set is named, and nothing that is withheld
 * @param after   null: it is gone
 */
export function changesOf(before: object | null, after: object | null): Change[] {
  const [one, other] = [new Map(Object.entries(before ?? {})), new Map(Object.entries(after ?? {}))]
  const isWhole = before === null || after === null
  return [...new Set([...one.keys(), ...other.keys()])].flatMap((field): Change[] => {
    const [old, now] = [shownOf(field, one.get(field)), shownOf(field, other.get(field))]
    if (SILENT.has(field) || JSON.stringify(one.get(field) ?? null) === JSON.stringify(other.get(field) ?? null))
      return []
    const isKept = SHOWN.has(field) && JSON.stringify([old, now]).length <= VALUE_LENGTH_MAX
    if (isKept) return [{ field, before: old, after: now }]
    return isWhole ? [] : [{ field, withheld: true }]
  })
}

function shownOf(field: string, value: unknown): unknown {
  if (value === undefined) return null
  return field === 'url' && typeof value === 'string' ? withoutQuery(value) : value
}

/** A URL whose query is hidden: receivers put keys there. */
function withoutQuery(url: string): string {
  const end = url.search(/[?#]/)
  return end === -1 ? url : `${url.slice(0, end)}?…`
}
