import { randomUUID } from 'node:crypto'
import { type Environment, visibleTo } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { JobRequest } from './job.ts'
import { insertJob } from './job-store.ts'
import type { Transactions } from './work.ts'

/**
 * Accepts a job for an account: once this resolves, it is on disk and will be worked on.
 * @param written  what else belongs into the transaction
 * @returns the job's id
 */
export async function acceptJob(
  parts: { api: Transactions; clock: Clock },
  account: { environment: Environment; accountId: string },
  request: JobRequest,
  written: (tx: Queryable, jobId: string) => Promise<void> = async () => undefined,
): Promise<string> {
  const { environment, accountId } = account
  const jobId = randomUUID()
  await parts.api.transaction({ settings: visibleTo(environment, accountId) }, async (tx) => {
    await insertJob(tx, accountId, jobId, request, parts.clock)
    await written(tx, jobId)
  })
  return jobId
}
