import { pino } from 'pino'
import { addMs } from '#src/adapters/clock.ts'
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
  runner.look()
  await runner.settled()
  await runner.close()
}
