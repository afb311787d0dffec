import type { AuditLine } from '@producersync/server/contract'
import { roleWords } from '#src/session/roles.ts'
import { count, text } from '#src/text.ts'
import { accountText } from '#src/text-account.ts'
import { endpointText } from '#src/text-endpoints.ts'
import { issueText } from '#src/text-issues.ts'
import { producerText } from '#src/text-producers.ts'
import { durationWords } from '#src/time/words.ts'

export type Change = AuditLine['changes'][number]

const words = accountText.activity
const VALUE_CHARS_MAX = 80
const MOMENT = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?Z$/

/** A field as the pages call it: `Retries after`, `Disable failing endpoints`. */
export function fieldWords(field: string): string {
  return words.fields[field] ?? inWords(field)
}

/** What a line is about: `Endpoint`, `Login link`. */
export function targetWords(kind: string): string {
  return words.targets[kind] ?? inWords(kind)
}

/** An instant is drawn as every other one. */
export function isMoment(value: unknown): value is string {
  return typeof value === 'string' && MOMENT.test(value)
}

/** Was there nothing before, or is there nothing now? */
export function isNothing(value: unknown): boolean {
  return value === null || value === undefined || value === ''
}

/** A value as the page of its object says it. */
export function valueWords(field: string, value: unknown): string {
  if (isNothing(value)) return text.common.none
  const known = ofField(field, value)
  if (known !== undefined) return known
  if (typeof value === 'number') return count(value)
  if (typeof value === 'boolean') return value ? text.common.yes : text.common.no
  const texts = textsIn(value)
  if (texts) return cut(texts.join(', '))
  return cut(typeof value === 'string' ? value : JSON.stringify(value))
}

function ofField(field: string, value: unknown): string | undefined {
  switch (field) {
    case 'timeoutMs':
      return typeof value === 'number' ? durationWords(value) : undefined
    case 'gracePeriodSeconds':
      return typeof value === 'number' ? durationWords(value * 1_000) : undefined
    case 'retrySchedule':
      return Array.isArray(value) ? value.map((wait) => durationWords(Number(wait) * 1_000)).join(', ') : undefined
    case 'ordering':
      return wordOf(endpointText.endpointForm.orders, value)
    case 'disabledReason':
      return wordOf(text.disabledBecause, value)
    case 'role':
      return typeof value === 'string' ? roleWords(value) : undefined
    case 'capabilities':
      return textsIn(value)
        ?.map((right) => text.capabilities[right] ?? right)
        .join(', ')
    case 'kind':
      return wordOf(accountText.keysOf.kinds, value)
    case 'type':
      return wordOf(producerText.jobs.types, value)
    case 'scenario':
      return wordOf(producerText.sandbox.scenarios, value)
    case 'state':
      return wordOf(issueText.issues.states, value)
    default:
      return undefined
  }
}

function textsIn(value: unknown): readonly string[] | undefined {
  return Array.isArray(value) && value.every((each: unknown) => typeof each === 'string') ? value : undefined
}

function wordOf(known: Readonly<Record<string, string>>, value: unknown): string | undefined {
  return typeof value === 'string' && Object.hasOwn(known, value) ? known[value] : undefined
}

/** `disableAfterDays`, `event_type`: words with a capital at the beginning. */
function inWords(name: string): string {
  const apart = name.replaceAll(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`).replaceAll('_', ' ')
  return apart.charAt(0).toUpperCase() + apart.slice(1)
}

function cut(value: string): string {
  return value.length > VALUE_CHARS_MAX ? `${value.slice(0, VALUE_CHARS_MAX)}…` : value
}
