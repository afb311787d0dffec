import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { subjectHash } from './rate-limit.ts'

/**
 * Wrong credentials at the token endpoint: 10 in 5 min per client id and per address, then a wait that grows from
 * block to block. Source: reliability-security 11.
 */
export const FAILURES_MAX = 10
const WINDOW_MS = 5 * 60_000
const BLOCK_MS_MIN = WINDOW_MS
const BLOCK_MS_MAX = 60 * 60_000
/** Blocks are forgotten after this long without a failure. */
export const FORGIVEN_AFTER_MS = 2 * BLOCK_MS_MAX

/** What is known of one client id or one address. */
export type Failures = {
  windowAt: Date // first failure of the window
  failures: number // in the window
  blocks: number // in a row
  blockedUntil: Date | null
  failedAt: Date
}

/** The state after one more failure; a failure during a block changes nothing but the time of the last one. */
export function afterFailure(before: Failures | undefined, now: Date): Failures {
  const fresh = { windowAt: now, failures: 1, blocks: 0, blockedUntil: null, failedAt: now }
  if (!before || now.getTime() - before.failedAt.getTime() >= FORGIVEN_AFTER_MS) return fresh
  if (isBlocked(before, now)) return { ...before, failedAt: now }
  if (before.blockedUntil || !inWindow(before, now)) return { ...fresh, blocks: before.blocks }
  const failures = before.failures + 1
  if (failures < FAILURES_MAX) return { ...before, failures, failedAt: now }
  const blocks = before.blocks + 1
  const blockMs = Math.min(BLOCK_MS_MAX, BLOCK_MS_MIN * 2 ** (blocks - 1))
  return { ...before, failures, blocks, blockedUntil: addMs(now, blockMs), failedAt: now }
}

/**
 * Until when a request is refused unread. A blocked client id does not stop an address that has not failed lately:
 * the right secret from elsewhere still works.
 */
export function refusedUntil(client: Failures | undefined, address: Failures | undefined, now: Date): Date | undefined {
  if (isBlocked(address, now)) return address?.blockedUntil ?? undefined
  const hasFailed = address !== undefined && inWindow(address, now)
  return hasFailed && isBlocked(client, now) ? (client?.blockedUntil ?? undefined) : undefined
}

/** Until when a failed request says "too many" instead of "wrong": either was blocked before it. */
export function blockedUntil(client: Failures | undefined, address: Failures | undefined, now: Date): Date | undefined {
  const ends = [client, address].flatMap((state) =>
    state?.blockedUntil && isBlocked(state, now) ? [state.blockedUntil] : [],
  )
  return ends.length > 0 ? new Date(Math.max(...ends.map((end) => end.getTime()))) : undefined
}

function isBlocked(state: Failures | undefined, now: Date): boolean {
  return state?.blockedUntil != null && state.blockedUntil > now
}

function inWindow(state: Failures, now: Date): boolean {
  return now.getTime() - state.windowAt.getTime() < WINDOW_MS
}

type Row = {
  subject: Buffer
  window_at: Date
  failures: number
  blocks: number
  blocked_until: Date | null
  failed_at: Date
}

export type Subjects = { client: string; address: string }
export type FailuresOf = { client: Failures | undefined; address: Failures | undefined }

export async function readFailures(database: Queryable, subjects: Subjects): Promise<FailuresOf> {
  const [client, address] = [subjectHash(subjects.client), subjectHash(subjects.address)]
  const rows = await database.query<Row>`
    select subject, window_at, failures, blocks, blocked_until, failed_at
      from token_failure where subject in (${client}, ${address})`
  return { client: stateOf(rows, client), address: stateOf(rows, address) }
}

/**
 * Counts a failure for both, in the caller's transaction.
 * @returns both as they were before it
 */
export async function addFailure(tx: Queryable, subjects: Subjects, now: Date): Promise<FailuresOf> {
  const [client, address] = [subjectHash(subjects.client), subjectHash(subjects.address)]
  const hashes = [client, address].sort(Buffer.compare) // one order of locking for all
  await tx.query`
    insert into token_failure (subject, window_at, failures, failed_at)
    select subject, ${now}, 0, ${now} from unnest(${hashes}::bytea[]) as given (subject) order by subject
    on conflict (subject) do nothing`
  const rows = await tx.query<Row>`
    select subject, window_at, failures, blocks, blocked_until, failed_at
      from token_failure where subject = any (${hashes}::bytea[]) order by subject for update`
  const before = { client: stateOf(rows, client), address: stateOf(rows, address) }
  const after = [
    { subject: client, ...afterFailure(before.client, now) },
    { subject: address, ...afterFailure(before.address, now) },
  ]
  await tx.query`
    update token_failure f
       set window_at = n.window_at, failures = n.failures, blocks = n.blocks, blocked_until = n.blocked_until, failed_at = n.failed_at
      from unnest(${after.map((state) => state.subject)}::bytea[], ${after.map((state) => state.windowAt)}::timestamptz[],
                  ${after.map((state) => state.failures)}::integer[], ${after.map((state) => state.blocks)}::integer[],
                  ${after.map((state) => state.blockedUntil)}::timestamptz[], ${after.map((state) => state.failedAt)}::timestamptz[])
        as n (subject, window_at, failures, blocks, blocked_until, failed_at)
     where f.subject = n.subject`
  return before
}

function stateOf(rows: readonly Row[], subject: Buffer): Failures | undefined {
  const row = rows.find((candidate) => candidate.subject.equals(subject))
  if (!row || row.failures === 0) return undefined
  return {
    windowAt: row.window_at,
    failures: row.failures,
    blocks: row.blocks,
    blockedUntil: row.blocked_until,
    failedAt: row.failed_at,
  }
}
