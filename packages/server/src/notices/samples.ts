import { addMs } from '#src/adapters/clock.ts'
import { chicagoDay } from '#src/updates/calendar.ts'
import { CERTIFICATE_DAYS, NOTICE_RULES, type NoticeRule } from './rules.ts'
import { type NoticeDetails, wordsOf } from './words.ts'

const DAY_MS = 86_400_000
const EXAMPLE = { endpointId: `ep_${'0'.repeat(27)}`, url: 'https://hooks.example.com/in' }
const FAILURES = 12

/** What notices of each rule read like: of an endpoint of the account, or of an example where it has none yet. */
export function sampleNotices(
  endpoint: { id: string; url: string } | undefined,
  portal: string,
  now: Date,
): { rule: NoticeRule; subject: string; text: string; resolved: { subject: string; text: string } | null }[] {
  const of = endpoint ? { endpointId: endpoint.id, url: endpoint.url } : EXAMPLE
  const read = (details: NoticeDetails) => {
    const { subject, text } = wordsOf(details, portal)
    return { subject, text }
  }
  return NOTICE_RULES.map((rule) => {
    const after = afterwards(rule, of, now)
    return { rule, ...read(sample(rule, of, now)), resolved: after && read(after) }
  })
}

type Of = { endpointId: string; url: string }

function issueOf(of: Of, now: Date, exhausted: number) {
  const issueId = `iss_${'0'.repeat(27)}`
  return {
    ...of,
    issueId,
    failureClass: 'http_busy',
    at: textOf(now),
    statusCode: 503,
    failures: FAILURES,
    exhausted,
  } as const
}

function sample(rule: NoticeRule, of: Of, now: Date): NoticeDetails {
  switch (rule) {
    case 'first_failure':
    case 'failure_rate':
      return { rule, ...issueOf(of, now, 0) }
    case 'exhausted':
      return { rule, ...issueOf(of, now, 1) }
    case 'disabling_50':
    case 'disabling_70':
    case 'disabling_90':
      return { rule, ...of, at: textOf(now) }
    case 'disabled':
      return { rule, ...of, at: textOf(now), reason: 'failures' }
    case 'daily_signal_late':
      return { rule, runDate: chicagoDay(now) }
    case 'certificate_ending':
      return { rule, ...of, at: textOf(addMs(now, CERTIFICATE_DAYS * DAY_MS)) }
  }
}

/** What is told when it is over; null: nothing. */
function afterwards(rule: NoticeRule, of: Of, now: Date): NoticeDetails | null {
  if (rule === 'certificate_ending') return { rule: 'certificate_renewed', ...of, at: textOf(addMs(now, 90 * DAY_MS)) }
  const isOfIssue = rule === 'first_failure' || rule === 'failure_rate' || rule === 'exhausted'
  return isOfIssue ? { rule: 'resolved', ...issueOf(of, now, 0) } : null
}

function textOf(at: Date): string {
  return at.toISOString()
}
