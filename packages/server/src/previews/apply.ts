import { randomUUID } from 'node:crypto'
import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import { ELEMENTS_MAX } from '#src/population/job.ts'
import { takeNumber } from '#src/population/job-store.ts'
import { hasOpenJob } from '#src/population/shown-job-store.ts'
import { insertPart } from './change-store.ts'
import { mustConfirm, wishesOf } from './difference.ts'
import { compare } from './make.ts'
import { holdPreview, type Preview, readCounted, readParts, saveApplied, savePreview } from './store.ts'

/** What became of it: the id of the job, or of the preview of another difference. */
export type Applied = { kind: 'accepted'; jobId: string } | { kind: 'changed'; previewId: string }

/**
 * Accepts exactly the difference that was shown, as jobs of at most 50,000 NPNs: those that leave first, as they make room.
 * If the population has changed since so that the list would do something else, nothing is done but the new difference made.
 * Applied again, it answers the job of the first time.
 * @param confirmRemovals  how many the caller knows to be removed
 * @throws DomainError not_found; conflict, while another job is under way; invalid_input
 */
export async function applyPreview(
  tx: Queryable,
  clock: Clock,
  account: { id: string; populationMax: number },
  { previewId, confirmRemovals }: { previewId: string; confirmRemovals: number | null },
): Promise<Applied> {
  const preview = await holdPreview(tx, account.id, previewId, clock.now())
  if (!preview) throw notFound()
  if (preview.changeId) return { kind: 'accepted', jobId: preview.changeId }
  const { mode, counts, sizeBefore } = preview
  if (counts.add + counts.remove === 0) throw refused('previewId', 'would change nothing')
  if (mustConfirm(mode, counts.remove, sizeBefore) && confirmRemovals !== counts.remove) {
    throw refused('confirmRemovals', `must be ${counts.remove}, the number of NPNs that it removes`)
  }
  await takeNumber(tx, account.id) // from here to the commit no other job is accepted
  if (await hasOpenJob(tx, account.id)) {
    throw new DomainError('conflict', 'A job that changes the population is under way. Wait for its end, or cancel it.')
  }
  const other = await differenceNow(tx, clock, account, preview)
  if (other) return { kind: 'changed', previewId: other }
  const jobId = await insertJobs(tx, clock, account.id, preview)
  await saveApplied(tx, account.id, previewId, jobId)
  return { kind: 'accepted', jobId }
}

/** The preview of what the list would do now; undefined when that is what was shown. */
async function differenceNow(
  tx: Queryable,
  clock: Clock,
  account: { id: string; populationMax: number },
  preview: Preview,
): Promise<string | undefined> {
  const { changes } = await readCounted(tx, account.id)
  if (changes === preview.populationChange) return undefined
  const shown = await readParts(tx, account.id, preview)
  const now = await compare(tx, clock, account, {
    ...preview,
    wishes: wishesOf(preview.mode, shown),
    repeated: shown.repeated,
    invalid: shown.invalid.filter(({ reason }) => reason !== 'limit_reached'),
  })
  if (now.preview.digest.equals(preview.digest)) return undefined
  await savePreview(tx, account.id, now.preview, now.parts)
  return now.preview.id
}

/** @returns the id of the first job, by which all are known */
async function insertJobs(tx: Queryable, clock: Clock, accountId: string, preview: Preview): Promise<string> {
  const { counts } = preview
  const changeId = randomUUID()
  let id = changeId
  for (const part of ['remove', 'add'] as const) {
    for (let from = 0; from < counts[part]; from += ELEMENTS_MAX) {
      const count = Math.min(ELEMENTS_MAX, counts[part] - from)
      await insertPart(tx, accountId, { id, changeId, preview, part, from, count }, clock.now())
      id = randomUUID()
    }
  }
  return changeId
}

function refused(field: string, msg: string): DomainError {
  return invalidInput({ loc: ['body', field], msg, type: 'value_error' })
}
