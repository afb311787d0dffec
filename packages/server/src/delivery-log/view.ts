import type { FastifyRequest } from 'fastify'
import type { Environments } from '#src/accounts/environments.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { readWithPending } from '#src/delivery/bundles.ts'
import type { Shown } from './answers.ts'
import type { Scope } from './matching.ts'

export type DeliveryLogParts = {
  api: Database
  clock: Clock
  environments: Pick<Environments, 'settings'>
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

/** What one answer, or all of an export, looks at. Events of `kept` exist: from inclusive, until exclusive. */
export type View = { scope: Scope; shown: Shown; kept: { from: Date; until: Date } }

const LIST_MS_MAX = 10_000
const DAY_MS = 86_400_000
/** Events later than this from now are not shown, as in other lists. */
const AHEAD_MS = 3_600_000
/** Statements say in which order they look; the planner, who knows less here, keeps to it. */
const AS_WRITTEN = { join_collapse_limit: '1' }

export async function viewOf(request: FastifyRequest, parts: DeliveryLogParts): Promise<View> {
  const settings = await parts.environments.settings(request.principal.environment)
  const now = parts.clock.now()
  return {
    scope: { accountId: request.account.id, now, timeoutMs: settings.timeoutMs },
    shown: { docsUrl: docsUrlOf(parts), waits: settings.retrySchedule.length },
    kept: { from: addMs(now, -settings.messageRetentionDays * DAY_MS), until: addMs(now, AHEAD_MS) },
  }
}

function docsUrlOf({ publicUrl }: Pick<DeliveryLogParts, 'publicUrl'>): string {
  return `${publicUrl}/docs/troubleshooting`
}

/** Reads what the request may see. */
export async function within<T>(
  request: FastifyRequest,
  { api }: Pick<DeliveryLogParts, 'api'>,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  const settings = { ...settingsOf(request), ...AS_WRITTEN }
  return await readWithPending(api, request.account.id, { settings, timeoutMs: LIST_MS_MAX }, work)
}
