import type { Logger } from 'pino'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import type { Database, Queryable, TransactionOptions } from '#src/adapters/postgres/database.ts'
import { reasonOf } from '#src/adapters/reason.ts'
import type { LaneName } from './lanes.ts'

/** A bundle that is not recorded by then is unpacked: what takes longer waits as rows, which anybody can see. */
const PACKED_MS_MAX = 1_000
/** How often bundles of that age are looked for, also those of which this process never heard: their commit was in doubt. */
export const UNPACK_MS = 500
/** So much before the end of the last look a bundle may have been made that was committed after it. */
const UNSEEN_MS = 10_000
/** So often a look is at bundles of any age. */
const WHOLE_MS = 60_000

type Parts = {
  database: Database
  workerId: () => string
  clock: Clock
  log: Logger
  /** In these lanes deliveries became rows of `pending`; `tooSlow`: they were packed for too long. */
  unpacked: (lanes: readonly LaneName[], tooSlow: boolean) => void
  /** A look has ended. */
  done: () => void
}

/**
 * Unpacks bundles of this worker: deliveries that it sends straight from memory, of which the database holds one row for many. What is
 * let go of memory unsent, and what takes long, becomes rows of `pending`; else a bundle goes when all of it is recorded.
 */
export class Bundles {
  readonly #parts: Parts
  /** Not only what is packed for too long is to be unpacked. */
  #isWanted = false
  #looking = false
  /** Of this worker nothing is packed that was made before, but what was not committed then; when a look was last at bundles of any age. */
  #seen: { workerId: string; before: Date; wholeAt: Date } | null = null

  constructor(parts: Parts) {
    this.#parts = parts
  }

  /** Nothing is to be unpacked at once. */
  get isIdle(): boolean {
    return !this.#isWanted && !this.#looking
  }

  /** Some of what is packed is in memory no more: it is to be read. */
  unpackSoon(): void {
    if (this.#isWanted) return
    this.#isWanted = true
    setImmediate(() => void this.look())
  }

  /** To be called every `UNPACK_MS`. What could not be unpacked is left to the next. */
  async look(): Promise<void> {
    if (this.#looking) return
    this.#looking = true
    const everything = this.#isWanted
    this.#isWanted = false
    const { database, workerId, clock, log, unpacked, done } = this.#parts
    try {
      const now = clock.now()
      const before = addMs(now, everything ? UNPACK_MS : -PACKED_MS_MAX)
      const owner = workerId()
      const seen = this.#seenOf(owner, now)
      const lanes = await unpackOfWorker(database, owner, seen && addMs(seen.before, -UNSEEN_MS), before)
      this.#seen = { workerId: owner, before, wholeAt: seen?.wholeAt ?? now }
      if (lanes.length > 0) unpacked(lanes, !everything)
      if (this.#isWanted) setImmediate(() => void this.look())
    } catch (error) {
      this.#isWanted ||= everything
      log.warn({ event: 'delivery.unpack_failed', reason: reasonOf(error) })
    } finally {
      this.#looking = false
      done()
    }
  }

  /** Null: this look is at bundles of any age, also where the clock was set back. */
  #seenOf(workerId: string, now: Date) {
    const seen = this.#seen
    const isOld = !seen || Math.abs(now.getTime() - seen.wholeAt.getTime()) >= WHOLE_MS
    return isOld || seen.workerId !== workerId ? null : seen
  }
}

/** @param from  null: whenever they were made */
async function unpackOfWorker(db: Queryable, workerId: string, from: Date | null, before: Date): Promise<LaneName[]> {
  return await db.query<LaneName>`
    select distinct lane_account_id as "accountId", lane_endpoint_id as "endpointId", lane_shard as shard
      from unpack_bundles('{}', array[${workerId}::uuid], coalesce(${from}, '-infinity'::timestamptz), ${before})`
}

/** Makes rows of `pending` of all that is packed of these accounts: to be called before what they have pending is read or changed. */
export async function unpackAccounts(db: Queryable, accountIds: readonly string[]): Promise<void> {
  await db.query`select unpack_accounts(${accountIds}::text[])`
}

/** Reads of an account in one transaction, with all that it has pending in rows. */
export async function readWithPending<T>(
  database: Database,
  accountId: string,
  options: TransactionOptions,
  work: (tx: Queryable) => Promise<T>,
): Promise<T> {
  await unpackAccounts(database, [accountId])
  return await database.transaction({ ...options, readOnly: true }, work)
}
