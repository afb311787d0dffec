import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { subjectHash } from './rate-limit.ts'

/**
 * Wrong credentials at the token endpoint: 10 in 5 min per client id and per address, then a wait that grows from
 * block to block. Source: reliability-security 11.
 */
const FAILURES_MAX = 10
const WINDOW_MS = 5 * 60_000
const BLOCK_MS_MIN = WINDOW_MS
const BLOCK_MS_MAX = 60 * 60_000
/** Blocks are forgotten after this long without a failure. */
export const FORGIVEN_AFTER_MS = 2 * BLOCK_MS_MAX

/** What is known of one client id or one address. */
export type Failures = {
  /** Those of the last 5 min that have not led to a block, oldest first. */
  recent: readonly Date[]
  /** In a row. */
  blocks: number
  blockedUntil: Date | null
  failedAt: Date
}

/** The state after one more failure; a failure during a block changes nothing but the time of the last one. */
export function afterFailure(before: Failures | undefined, now: Date): Failures {
  if (!before || now.getTime() - before.failedAt.getTime() >= FORGIVEN_AFTER_MS) {
    return { recent: [now], blocks: 0, blockedUntil: null, failedAt: now }
  }
  if (isBlocked(before, now)) return { ...before, failedAt: now }
  const recent = [...before.recent.filter((moment) => isRecent(moment, now)), now]
  if (recent.length < FAILURES_MAX) return { recent, blocks: before.blocks, blockedUntil: null, failedAt: now }
  const blockMs = Math.min(BLOCK_MS_MAX, BLOCK_MS_MIN * 2 ** before.blocks)
  return { recent: [], blocks: before.blocks + 1, blockedUntil: addMs(now, blockMs), failedAt: now }
}

/**
 * Until when a request is refused unread. A blocked client id does not stop an address that has not failed lately:
 * the right secret from elsewhere still works.
 */
export function refusedUntil(client: Failures | undefined, address: Failures | undefined, now: Date): Date | undefined {
  if (isBlocked(address, now)) return address?.blockedUntil ?? undefined
  const hasFailed = address !== undefined && isRecent(address.failedAt, now)
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

function isRecent(moment: Date, now: Date): boolean {
  return now.getTime() - moment.getTime() < WINDOW_MS
}

type Row = { subject: Buffer; recent: Date[]; blocks: number; blocked_until: Date | null; failed_at: Date }

export type Subjects = { client: string; address: string }
export type FailuresOf = { client: Failures | undefined; address: Failures | undefined }

export async function readFailures(database: Queryable, subjects: Subjects): Promise<FailuresOf> {
  const [client, address] = [subjectHash(subjects.client), subjectHash(subjects.address)]
  const rows = await database.query<Row>`
    select subject, recent, blocks, blocked_until, failed_at
      from token_failure where subject in (${client}, ${address})`
  return { client: stateOf(rows, client), address: stateOf(rows, address) }
}

/**
 * Counts a failure for both, in the caller's transaction.
 * @returns both as they were before it
 */
export async function addFailure(tx: Queryable, subjects: Subjects, now: Date): Promise<FailuresOf> {
  const [client, address] = [subjectHash(subjects.client), subjectHash(subjects.address)]
  const hashes = [client, address].sort((one, other) => one.compare(other)) // one order of locking for all
  await tx.query`
    insert into token_failure (subject, failed_at)
    select subject, ${now} from unnest(${hashes}::bytea[]) as given (subject) order by subject
    on conflict (subject) do nothing`
  const rows = await tx.query<Row>`
    select subject, recent, blocks, blocked_until, failed_at
      from token_failure where subject = any (${hashes}::bytea[]) order by subject for update`
  for (const row of rows) {
    const after = afterFailure(toFailures(row), now)
    await tx.query`
      update token_failure
         set recent = ${after.recent}, blocks = ${after.blocks}, blocked_until = ${after.blockedUntil}, failed_at = ${after.failedAt}
       where subject = ${row.subject}`
  }
  return { client: stateOf(rows, client), address: stateOf(rows, address) }
}

function stateOf(rows: readonly Row[], subject: Buffer): Failures | undefined {
  const row = rows.find((candidate) => candidate.subject.equals(subject))
  return row && toFailures(row)
}

function toFailures(row: Row): Failures {
  return { recent: row.recent, blocks: row.blocks, blockedUntil: row.blocked_until, failedAt: row.failed_at }
}
