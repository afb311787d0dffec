import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'

/** What a notice is of, as it was when it was planned. `at`: since when, or when. */
export type NoticeDetails =
  | (OfIssue & { rule: 'first_failure' | 'failure_rate' | 'exhausted' })
  | (OfIssue & { rule: 'resolved' })
  | { rule: 'disabling_50' | 'disabling_70' | 'disabling_90'; endpointId: string; url: string; at: string }
  | { rule: 'disabled'; endpointId: string; url: string; at: string; reason: string }
  | { rule: 'certificate_ending' | 'certificate_renewed'; endpointId: string; url: string; at: string }
  | { rule: 'daily_signal_late'; runDate: string }
  | { rule: 'test' }

type OfIssue = {
  issueId: string
  endpointId: string
  url: string
  failureClass: FailureClass
  at: string
  statusCode: number // 0: no answer
  failures: number
  exhausted: number
}

/** A notice in words, and where it leads. */
export type Words = { subject: string; text: string; link: string }

const REASONS: Readonly<Record<string, string>> = {
  failures: 'it has failed for days',
  gone: 'it answered 410 Gone',
  receiver_request: 'its receiver asked for it',
}

/** @param portal  the account's pages, without a slash at the end */
export function wordsOf(details: NoticeDetails, portal: string): Words {
  switch (details.rule) {
    case 'first_failure':
    case 'failure_rate':
    case 'exhausted':
      return issueWords(details, portal)
    case 'resolved': {
      const { title } = FAILURE_CLASSES[details.failureClass]
      const subject = `Works again: ${hostOf(details)}`
      return written(subject, [`"${plain(title, details)}" is resolved.`], `${portal}/issues/${details.issueId}`)
    }
    case 'disabling_50':
    case 'disabling_70':
    case 'disabling_90': {
      const percent = details.rule.slice('disabling_'.length)
      const subject = `${hostOf(details)} will be disabled unless a delivery succeeds`
      const line = `It has failed since ${details.at}: ${percent}% of the time after which it is disabled.`
      return written(subject, [line], `${portal}/endpoints/${details.endpointId}`)
    }
    case 'disabled': {
      const reason = REASONS[details.reason] ?? details.reason
      const lines = [
        `Disabled at ${details.at}, as ${reason}.`,
        'What was planned for it is cancelled, and can be replayed.',
      ]
      return written(`${hostOf(details)} has been disabled`, lines, `${portal}/endpoints/${details.endpointId}`)
    }
    case 'certificate_ending':
    case 'certificate_renewed': {
      const isEnding = details.rule === 'certificate_ending'
      const subject = `The certificate of ${hostOf(details)} ${isEnding ? 'ends soon' : 'is renewed'}`
      const line = isEnding
        ? `It ends at ${details.at}. Until it is renewed, nothing can be delivered there from then on.`
        : `The new one ends at ${details.at}.`
      return written(subject, [line], `${portal}/endpoints/${details.endpointId}`)
    }
    case 'daily_signal_late':
      return written(
        `The daily signal of ${details.runDate} is late`,
        ['It comes once the run is published.'],
        `${portal}/`,
      )
    case 'test':
      return written('Test of a notification channel', ['Notices will come here.'], `${portal}/settings/notifications`)
  }
}

function issueWords(details: OfIssue, portal: string): Words {
  const { failureClass, failures, exhausted, at, endpointId } = details
  const { title, advice } = FAILURE_CLASSES[failureClass]
  const givenUp = exhausted > 0 ? `, given up: ${exhausted}` : ''
  const counts = `Failed attempts since ${at}: ${failures}${givenUp}.`
  const query = new URLSearchParams({ endpoint: endpointId, class: failureClass, from: at })
  return written(
    `${plain(title, details)}: ${hostOf(details)}`,
    [plain(advice, details), counts],
    `${portal}/log?${query.toString()}`,
  )
}

function plain(text: string, details: OfIssue): string {
  const filled = text.replace('HOST', hostOf(details)).replace('STATUS', String(details.statusCode))
  return filled.replace('within LIMIT', 'in time').replaceAll('`', '')
}

/** No path: it may be a secret. */
function hostOf({ url }: { url: string }): string {
  return new URL(url).host
}

function written(subject: string, lines: readonly string[], link: string): Words {
  return { subject, text: [...lines, '', link].join('\n'), link }
}
