import { eitherOf, text } from '#src/text.ts'
import { deliveryText } from '#src/text-deliveries.ts'
import type { Filters } from './filters.ts'

const words = deliveryText.log

/** A filter as one would say it; undefined when it lets everything pass. */
export function filterWords(filters: Filters): string | undefined {
  const { state, type, class: classes, code, npn, q, test, trigger, slow } = filters
  const parts = [
    state && eitherOf(state.map((one) => text.states[one as 'waiting'] ?? one)),
    type && eitherOf(type),
    classes && eitherOf(classes.map((one) => deliveryText.classes[one] ?? one)),
    code && codeWords(code),
    npn && words.npn(npn),
    q && words.searched(q),
    test === 'true' || test === 'false' ? words.test[test] : undefined,
    trigger && words.trigger(eitherOf(trigger.map((one) => deliveryText.triggers[one] ?? one))),
    slow && words.slow,
  ].filter((part) => part !== undefined)
  return parts.length === 0 ? undefined : parts.join(', ')
}

/** `0` is no answer at all. */
function codeWords(codes: readonly string[]): string {
  const answered = codes.filter((code) => code !== '0')
  const parts = [answered.length > 0 && words.code(eitherOf(answered)), codes.includes('0') && words.noAnswer]
  return eitherOf(parts.filter((part) => part !== false))
}
