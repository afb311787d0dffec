import type { Outcome } from '#src/adapters/outgoing/outcome.ts'
import type { NameAnswer, Question } from '../../test/receiver-zoo-names.ts'
import { brokenTls, met, responded } from '../../test/receiver-zoo-outcomes.ts'

/**
 * A class of receivers, and what every attempt at one has to end as, in the words of the attempt's record. `hangs`: it keeps an
 * attempt waiting and costs nothing else, as dead names do.
 */
export type Behaviour = { name: string; url: UrlOf; outcome: string; status: number; hangs: boolean }

/** Where it is found: a receiver of the zoo (`ok`, `status/503`), or a name that only the rig's name server knows, below `host`. */
export type UrlOf = { zoo: string; rest: string } | { host: string }

/** What becomes of these depends on an attempt before, on the same connection. */
const ON_REUSE = [
  'reset-on-reuse',
  'close-on-reuse',
  'idle-close',
  'response-too-many',
  'response-too-many-later',
] as const
const RETRY_AFTER = ['retry-after-seconds', 'retry-after-date', 'retry-after-nonsense'] as const
const RETRY_AFTER_STATUS: Record<(typeof RETRY_AFTER)[number], number> = {
  'retry-after-seconds': 503,
  'retry-after-date': 429,
  'retry-after-nonsense': 503,
}

const DOMAIN = 'receiver-zoo.com'
const SLOW_MS = 1_200

/** Names that lead nowhere, and names that lead where nobody may go (F42, F43). */
const NAMES: Record<
  string,
  { answer: (question: Question) => NameAnswer | { answer: NameAnswer; delayMs: number }; outcome: string }
> = {
  missing: { answer: () => 'missing', outcome: 'dns' },
  failing: { answer: () => 'servfail', outcome: 'dns' },
  refusing: { answer: () => 'refused', outcome: 'dns' },
  silent: { answer: () => 'silent', outcome: 'dns' },
  truncated: { answer: () => 'truncated', outcome: 'dns' },
  looping: { answer: () => 'looping', outcome: 'dns' },
  empty: { answer: () => [], outcome: 'dns' },
  'slow-missing': { answer: () => ({ answer: 'missing', delayMs: SLOW_MS }), outcome: 'dns' },
  oversized: { answer: () => Array.from({ length: 20 }, (_, index) => `11.0.0.${index + 1}`), outcome: 'dns' },
  'to-loopback': { answer: afterSaving(['127.0.0.1', '::1']), outcome: 'blocked' },
  'to-metadata': { answer: afterSaving(['169.254.169.254']), outcome: 'blocked' },
  mixed: { answer: afterSaving(['11.0.0.1', '127.0.0.1']), outcome: 'blocked' },
}

/** Every class of the receivers' part. A 410 is not among them: it ends its endpoint, and with it the load. */
export const BEHAVIOURS: readonly Behaviour[] = [
  ...met
    .filter(([name, rest]) => `${name}${rest}` !== 'status/410')
    .map(([name, rest, expected]) => receiver(name, rest, expected)),
  ...ON_REUSE.map((name) => receiver(name, '', responded(200))),
  ...RETRY_AFTER.map((name) => receiver(name, '', responded(RETRY_AFTER_STATUS[name]))),
  ...brokenTls.map(([name, expected]) => receiver(name, '', expected)),
  receiver('tls-stalled', '', 'timed_out'),
  receiver('tls', '', responded(200)),
  receiver('tls-1.2', '', responded(200)),
  ...Object.entries(NAMES).map(
    ([name, { outcome }]): Behaviour => ({
      name: `name-${name}`,
      url: { host: `${name}.${DOMAIN}` },
      outcome,
      status: 0,
      hangs: true,
    }),
  ),
]

/** A name without an answer may be saved; at the attempts it leads elsewhere. */
function afterSaving(addresses: readonly string[]) {
  return ({ count }: Question): NameAnswer => (count === 1 ? 'missing' : addresses)
}

/** What the name server of the run answers. */
export function answerName(question: Question): NameAnswer | { answer: NameAnswer; delayMs: number } {
  const [label = ''] = question.name.split('.')
  return NAMES[label]?.answer(question) ?? 'missing'
}

function receiver(zoo: string, rest: string, expected: Outcome | 'timed_out'): Behaviour {
  const outcome = expected === 'timed_out' ? expected : expected.kind === 'unreachable' ? expected.cause : expected.kind
  const status = typeof expected === 'object' && expected.kind === 'responded' ? expected.status : 0
  const hangs = expected === 'timed_out' && !zoo.endsWith('flood')
  return { name: `${zoo}${rest}`, url: { zoo, rest }, outcome, status, hangs }
}
