import type { Standing } from '#src/attempts/attempt.ts'
import { chicagoText } from './calendar.ts'
import type { Run } from './run.ts'
import { phasesOf } from './run-answers.ts'
import type { RunDay } from './run-day.ts'
import type { Told } from './run-day-store.ts'
import type { RunError } from './run-list-store.ts'

/** Lists of `/v2` that bring what a run has changed. Source: producersync-api 8, "Recommended client". */
const PULLED = [
  'addresses',
  'appointments',
  'contactInfos',
  'entities',
  'licenses',
  'otherNames',
  'regulatoryActions',
] as const

export type ShownDay = { day: RunDay; told: Told | null; standings: readonly Standing[] }

export function runDayOut({ day, told, standings }: ShownDay): object {
  const { run } = day
  return {
    runDate: day.runDate,
    state: day.state,
    reason: day.reason,
    coveredBy: day.coveredBy,
    runId: run?.id ?? null,
    late: run?.late ?? false,
    message: run?.message ?? null,
    ...moment('startedAt', run?.startedAt),
    ...moment('alertsTakenAt', run?.detailsAt),
    ...moment('publishedAt', run?.publishedAt),
    durationMs: durationOf(run),
    account: told && { producersChanged: told.producersChanged, recordsChanged: recordsOf(told) },
    event: told && {
      id: told.eventId,
      eventId: told.eventId.replace(/^msg_/, 'evt_'),
      timestamp: told.at.toISOString(),
    },
    deliveries: told && deliveriesOut(standings),
  }
}

export function runDayDetailOut(
  shown: ShownDay,
  publicUrl: string,
  own: { errors: readonly RunError[] } | null,
): object {
  const { run, runDate } = shown.day
  const urls = PULLED.map((list) => `${publicUrl}/v2/${list}?updatedSince=${runDate}`)
  return {
    ...runDayOut(shown),
    covers: run?.covers ?? [],
    phasesMs: run && phasesOf(run),
    recordsByKind: shown.told?.recordsByKind ?? null,
    pull: run?.state === 'published' ? { updatedSince: runDate, urls } : null,
    ...(run && own ? { counts: run.counts, errors: own.errors } : {}),
  }
}

function moment(name: 'startedAt' | 'alertsTakenAt' | 'publishedAt', at: Date | null | undefined): object {
  return { [name]: at?.toISOString() ?? null, [`${name}Central`]: at ? chicagoText(at) : null }
}

function durationOf(run: Run | null): number | null {
  const end = run?.publishedAt ?? run?.endedAt
  return run?.startedAt && end ? end.getTime() - run.startedAt.getTime() : null
}

function recordsOf({ recordsByKind }: Told): number {
  return Object.values(recordsByKind).reduce((sum, count) => sum + count, 0)
}

function deliveriesOut(standings: readonly Standing[]): object {
  const count = (...wanted: Standing[]) => standings.filter((standing) => wanted.includes(standing)).length
  return {
    total: standings.length,
    delivered: count('delivered'),
    waiting: count('waiting', 'retrying'),
    failed: count('failed'),
    canceled: count('canceled'),
  }
}
