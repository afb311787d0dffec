import { check, type Evidence, type Rule, type Verdict } from '../chaos/check.ts'

/** When the database's clock is set, P6 and P7 hold but for the jump (F23), and requests and records cannot be matched by it. */
const RULES_OF_TIME: readonly Rule[] = ['early', 'late', 'overlaps', 'unexcused', 'repeated']
/** What may not be broken for a moment either; the rest is judged when all has come to its end. */
const HELD_ALWAYS: readonly Rule[] = [
  'lost',
  'doubledEvents',
  'foreign',
  'early',
  'overlaps',
  'staleWrites',
  'badSignatures',
  'bodyMismatches',
]

/** When all faults are over: the longest look for lost hints, and the lag of P7, and some. */
const FIRST_ATTEMPT_MS_MAX = 15_000

type Moment = {
  /** All has come to its end; before that, only what may not be broken for a moment is judged. */
  atEnd: boolean
  clocksWereSet: boolean
  /** Events that nobody has acknowledged yet. */
  unacknowledged: number
}

/** P1–P7 over everything so far, by the checker of the chaos rig. */
export function judge(evidence: Evidence, moment: Moment): { verdict: Verdict; violations: string[] } {
  const { atEnd, clocksWereSet, unacknowledged } = moment
  const verdict = check(evidence)
  const breaches = verdict.breaches.filter(
    ({ rule }) => (atEnd || HELD_ALWAYS.includes(rule)) && !(clocksWereSet && RULES_OF_TIME.includes(rule)),
  )
  const violations = breaches.map(({ rule, subject, detail }) => `${rule}: ${subject}: ${detail}`)
  if (!atEnd) return { verdict, violations }
  if (verdict.duplicates > verdict.duplicatesBound && !clocksWereSet)
    violations.push(`P4: ${verdict.duplicates} duplicates, bound ${verdict.duplicatesBound}`)
  violations.push(...forgotten(evidence, verdict))
  if (verdict.pending > 0 || unacknowledged > 0)
    violations.push(`P2: ${verdict.pending} deliveries are pending, ${unacknowledged} events not acknowledged`)
  return { verdict, violations }
}

/** However much a fault excuses: what has been accepted is begun soon after it is over. */
function forgotten({ faults }: Evidence, { lateInFault }: Verdict): string[] {
  const overMs = Math.max(0, ...faults.map(({ untilMs }) => untilMs))
  return lateInFault.flatMap(({ delivery: { uid, endpoint, createdAtMs, requests } }) => {
    const [first] = requests
    const waitedMs = first && createdAtMs !== null ? first.line.beginMs - Math.max(overMs, createdAtMs) : 0
    return waitedMs > FIRST_ATTEMPT_MS_MAX
      ? [`P5: ${uid} at endpoint ${endpoint} is begun ${Math.round(waitedMs)} ms after the last fault`]
      : []
  })
}
