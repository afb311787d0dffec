import type { Run, RunCounts } from './run.ts'
import type { RunAnnouncement, RunError } from './run-list-store.ts'

// The bodies of producersync-api 13. HAL keys have no underscores here, and hrefs are absolute.

export function startedAnswer(publicUrl: string, runId: string): object {
  return {
    success: true,
    message: 'Run is in progress',
    run_id: runId,
    links: { self: { href: `${publicUrl}/v1/runs/${runId}` } },
  }
}

/** What an account of production sees: what a run has come to, not of what it consists. */
export function runAnswer(run: Run): object {
  return {
    id: run.id,
    runDate: run.runDate,
    state: run.state,
    late: run.late,
    startedAt: textOf(run.startedAt),
    publishedAt: textOf(run.publishedAt),
    message: run.message,
  }
}

/** In sandbox, where the feed is the account's own. */
export function ownRunAnswer(run: Run, errors: readonly RunError[]): object {
  return { ...runAnswer(run), counts: run.counts satisfies RunCounts, errors }
}

export function operatorRunAnswer(run: Run, errors: readonly RunError[]): object {
  return {
    id: run.id,
    feedId: run.feedId,
    runDate: run.runDate,
    state: run.state,
    late: run.late,
    trigger: run.trigger,
    scenario: run.scenario,
    fullRefresh: run.fullRefresh,
    covers: run.covers,
    scheduledAt: textOf(run.scheduledAt),
    startedAt: textOf(run.startedAt),
    collectedAt: textOf(run.collectedAt),
    publishedAt: textOf(run.publishedAt),
    endedAt: textOf(run.endedAt),
    message: run.message,
    durationsMs: phasesOf(run),
    counts: run.counts,
    errors,
  }
}

export function announcementAnswer({ messageId, isWaiting, recordsByKind, ...told }: RunAnnouncement): object {
  const eventId = messageId.replace(/^msg_/, 'evt_')
  return { ...told, recordsByKind, event: { id: messageId, eventId }, waiting: isWaiting }
}

/** How long each step took. */
export function phasesOf(run: Run) {
  return {
    alerts: between(run.startedAt, run.detailsAt),
    details: between(run.detailsAt, run.collectedAt),
    publish: between(run.collectedAt, run.publishedAt),
  }
}

function textOf(moment: Date | null): string | null {
  return moment?.toISOString() ?? null
}

/** Null for a step that the run has not come through. */
function between(from: Date | null, until: Date | null): number | null {
  return from && until ? until.getTime() - from.getTime() : null
}
