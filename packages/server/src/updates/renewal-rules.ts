import type { RenewalRule } from './feed/normalise-renewal.ts'

/** What renewals an operator has set for states, by their two letters. */
export type RenewalRules = { readonly [state: string]: RenewalRule }

const RULE = /^([A-Z]{2})=([0-9]{1,4})(?:\+([0-9]{1,4}))?$/
const DAYS_MAX = 3_660

/**
 * Reads `CO=30+365,TX=90`: for so many days after its expiry a license of the state can be renewed late, and for so many more
 * be reinstated.
 * @throws Error that says what is wrong
 */
export function parseRenewalRules(text: string): RenewalRules {
  const rules: Record<string, RenewalRule> = {}
  for (const part of text.split(',').flatMap((each) => each.trim() || [])) {
    const [, state, late, reinstated = '0'] = RULE.exec(part) ?? []
    const rule = { lateRenewalDays: Number(late), reinstatementDays: Number(reinstated) }
    if (state === undefined || Object.values(rule).some((days) => days > DAYS_MAX))
      throw new Error(`"${part}" is not a state with its days, at most ${DAYS_MAX}, such as CO=30+365 or TX=90`)
    if (rules[state]) throw new Error(`${state} has two rules`)
    rules[state] = rule
  }
  return rules
}
