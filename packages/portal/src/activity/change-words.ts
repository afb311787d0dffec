import type { AuditLine } from '@producersync/server/contract'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'

const VALUE_CHARS_MAX = 80

/** `disabled: false → true`, `name: Billing` of what there was not before; of what nobody should read only that it was changed. */
export function changeWords({ field, before, after, withheld }: AuditLine['changes'][number]): string {
  if (withheld) return accountText.activity.withheld(field)
  const change = isNothing(before) ? valueWords(after) : `${valueWords(before)} → ${valueWords(after)}`
  return `${field}: ${change}`
}

function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

function valueWords(value: unknown): string {
  if (isNothing(value)) return text.common.none
  const words = typeof value === 'string' ? value : JSON.stringify(value)
  return words.length > VALUE_CHARS_MAX ? `${words.slice(0, VALUE_CHARS_MAX)}…` : words
}
