import { pino } from 'pino'
import { vi } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { TallyRunner } from '#src/tally/tally-runner.ts'
import { ManualClock } from './manual-clock.ts'
import type { TestDatabase } from './postgres.ts'

/** So late that it is counted hour by hour. */
const LATER_MS = 30 * 3_600_000

/** Counts all that was attempted from one full hour to another, as the service does where it has to catch up. */
export async function countAll(database: TestDatabase, from: Date, until: Date): Promise<void> {
  const worker = database.open('worker')
  await worker.query`
    insert into tally_progress (covers_from, covers_until, next_until, next_after)
    values (${from}, ${from}, ${until}, pg_current_xact_id())`
  const clock = new ManualClock(addMs(until, LATER_MS))
  const runner = new TallyRunner({ database: worker, clock, log: pino({ level: 'warn' }) })
  await countToTheEnd(worker, runner)
  await runner.close()
}

/** The runner waits for transactions under way, and those of other tests are of the same server: it looks until nothing is left. */
export async function countToTheEnd(db: Queryable, runner: TallyRunner): Promise<void> {
  // not expect.poll, which sets nothing up
  await vi.waitUntil(
    async () => {
      runner.look()
      await runner.settled()
      const [progress] = await db.query<{ is_whole: boolean }>`
        select covers_until >= next_until as is_whole from tally_progress`
      return progress?.is_whole
    },
    { timeout: 60_000 },
  )
}
