import type { AuditLine } from '@producersync/server/contract'
import { text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'

const VALUE_CHARS_MAX = 80

/** `disabled: false → true`; of what nobody should read only that it was changed. */
export function changeWords({ field, before, after, withheld }: AuditLine['changes'][number]): string {
  return withheld ? accountText.activity.withheld(field) : `${field}: ${valueWords(before)} → ${valueWords(after)}`
}

function valueWords(value: unknown): string {
  if (value === null || value === undefined || value === '') return text.common.none
  const words = typeof value === 'string' ? value : JSON.stringify(value)
  return words.length > VALUE_CHARS_MAX ? `${words.slice(0, VALUE_CHARS_MAX)}…` : words
}
