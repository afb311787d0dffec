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
  if (verdict.pending > 0 || unacknowledged > 0)
    violations.push(`P2: ${verdict.pending} deliveries are pending, ${unacknowledged} events not acknowledged`)
  return { verdict, violations }
}
