import Type, { type Static } from 'typebox'
import { momentOf } from '#src/adapters/http/moment.ts'
import { pageParameters } from '#src/adapters/http/pages.ts'
import { queryList, queryMoment } from '#src/adapters/http/query.ts'
import { listOf, momentText, oneOf, patternText, plainText } from '#src/adapters/http/schema.ts'
import type { Cause } from '#src/delivery/delivery.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import { parseSearch, type Search } from '#src/events/search.ts'
import { NPN, type Npn, parseNpn } from '#src/population/npn.ts'

/**
 * How a delivery (an event with an endpoint) stands, all its attempts and what is planned taken together. `sending`: an
 * attempt is due and has not been due for longer than it may take. Source: portal 5
 */
export const DELIVERY_STATES = ['waiting', 'sending', 'retrying', 'delivered', 'exhausted', 'canceled'] as const
export type DeliveryStateWord = (typeof DELIVERY_STATES)[number]

/** Why an attempt is made, in the words of the API. */
export const TRIGGERS = ['schedule', 'replay', 'recover', 'resend', 'test'] as const
export type Trigger = (typeof TRIGGERS)[number]

export function triggerOf(cause: Cause): Trigger {
  return cause === 'event' ? 'schedule' : cause
}

/** By the time of the event. */
const DELIVERY_SORTS = ['newest', 'oldest'] as const

/** An attempt that takes longer is slow. Source: portal S5 */
export const SLOW_MS = 3_000

const classNames = Object.keys(FAILURE_CLASSES).filter(isFailureClass)
const state = oneOf(DELIVERY_STATES)
const name = plainText(256, 1)
const failureClass = oneOf(classNames)
const code = patternText(/^(0|[1-5][0-9][0-9]|[1-5]xx)$/, 'a status code, a class of them (4xx), or 0 for no response')
const trigger = oneOf(TRIGGERS)
const npn = patternText(NPN, 'a National Producer Number')
const searched = plainText(256, 1)

const MEANING = {
  state: 'How it stands.',
  type: 'Event types, or groups of them.',
  endpoint: 'Endpoints by id or uid; of deleted ones the id.',
  class: 'Of the failure of its last attempt.',
  code: 'Of its last attempt: `503`, `4xx`, or `0` for no response.',
  npn: 'The producer that the event is about.',
  q: 'An NPN, an id (`msg_`, `evt_`, `atmpt_`, `ep_`) or the beginning of one, or the event id given with a message.',
  test: 'Test requests alone, or all others.',
  trigger: 'Of its last attempt.',
  slow: 'Its last attempt took longer than 3 s.',
  from: 'The event occurred then or later.',
  to: 'The event occurred before.',
}

/** The filter of deliveries in a query: values of one name are alternatives, names are joined by "and". */
export const deliveryParameters = {
  state: Type.Optional({ ...queryList(state, DELIVERY_STATES.length), description: MEANING.state }),
  type: Type.Optional({ ...queryList(name, 250), description: MEANING.type }),
  endpoint: Type.Optional({ ...queryList(name, 100), description: MEANING.endpoint }),
  class: Type.Optional({ ...queryList(failureClass, classNames.length), description: MEANING.class }),
  code: Type.Optional({ ...queryList(code, 50), description: MEANING.code }),
  npn: Type.Optional({ ...npn, description: MEANING.npn }),
  q: Type.Optional({ ...searched, description: MEANING.q }),
  test: Type.Optional(Type.Boolean({ description: MEANING.test })),
  trigger: Type.Optional({ ...queryList(trigger, TRIGGERS.length), description: MEANING.trigger }),
  slow: Type.Optional(Type.Boolean({ description: MEANING.slow })),
  from: Type.Optional({ ...queryMoment(), description: MEANING.from }),
  to: Type.Optional({ ...queryMoment(), description: MEANING.to }),
}

/** The same filter in a body. What `parseDeliveryFilter` made of one can be stored as the JSON that was given. */
export const DeliveryFilterBody = Type.Object(
  {
    state: Type.Optional({ ...listOf(state, DELIVERY_STATES.length), description: MEANING.state }),
    type: Type.Optional({ ...listOf(name, 250), description: MEANING.type }),
    endpoint: Type.Optional({ ...listOf(name, 100), description: MEANING.endpoint }),
    class: Type.Optional({ ...listOf(failureClass, classNames.length), description: MEANING.class }),
    code: Type.Optional({ ...listOf(code, 50), description: MEANING.code }),
    npn: Type.Optional({ ...npn, description: MEANING.npn }),
    q: Type.Optional({ ...searched, description: MEANING.q }),
    test: Type.Optional(Type.Boolean({ description: MEANING.test })),
    trigger: Type.Optional({ ...listOf(trigger, TRIGGERS.length), description: MEANING.trigger }),
    slow: Type.Optional(Type.Boolean({ description: MEANING.slow })),
    from: Type.Optional({ ...momentText(), description: MEANING.from }),
    to: Type.Optional({ ...momentText(), description: MEANING.to }),
  },
  { title: 'DeliveryFilterIn' },
)

/** In what order, and with how many at a time. */
export const DELIVERY_PAGE = {
  limit: pageParameters.limit,
  iterator: pageParameters.iterator,
  sort: Type.Optional({
    ...oneOf(DELIVERY_SORTS),
    description: 'By the time of the event; newest first if not given.',
  }),
}

/** A filter as it was given, of a query or of a body. */
export type GivenDeliveryFilter = Omit<Static<typeof DeliveryFilterBody>, 'from' | 'to'> & {
  from?: Date | string
  to?: Date | string
}

/** Status codes, both ends included; 0 to 0: no response. */
export type CodeRange = { from: number; to: number }

/** Which deliveries are meant; null: any. All that is given must hold. One object for list, count, export and replay. */
export type DeliveryFilter = {
  states: readonly DeliveryStateWord[] | null
  types: readonly string[] | null // as `match_names` of a type: groups stand for their types
  endpoints: readonly string[] | null // ids or uids
  classes: readonly FailureClass[] | null
  codes: readonly CodeRange[] | null
  npn: Npn | null
  search: Search | null
  isTest: boolean | null
  triggers: readonly Trigger[] | null
  isSlow: boolean | null
  from: Date | null // inclusive
  to: Date | null // exclusive
}

/**
 * Reads a filter: the only place where one is parsed.
 * @param given  has passed its schema
 * @throws DomainError invalid_input, at `q` and `to`
 */
export function parseDeliveryFilter(given: GivenDeliveryFilter, where: 'query' | 'body'): DeliveryFilter {
  const from = momentIn(given.from)
  const to = momentIn(given.to)
  const faults: Fault[] = []
  const search = given.q === undefined ? null : parseSearch(given.q.trim())
  if (search === undefined) faults.push(fault(where, 'q', 'must be an NPN, an id or the beginning of one'))
  if (from && to && to < from) faults.push(fault(where, 'to', 'must not be before from'))
  if (faults.length > 0) throw invalidInput(...faults)
  return {
    states: listed(given.state),
    types: listed(given.type),
    endpoints: listed(given.endpoint),
    classes: listed(given.class),
    codes: listed(given.code)?.map(codeRange) ?? null,
    npn: given.npn === undefined ? null : (parseNpn(given.npn) ?? null),
    search: search ?? null,
    isTest: given.test ?? null,
    triggers: listed(given.trigger),
    isSlow: given.slow ?? null,
    from,
    to,
  }
}

/** `503`, `4xx`, `0`. */
function codeRange(text: string): CodeRange {
  if (!text.endsWith('xx')) return { from: Number(text), to: Number(text) }
  const hundreds = Number(text.slice(0, 1)) * 100
  return { from: hundreds, to: hundreds + 99 }
}

function momentIn(given: Date | string | undefined): Date | null {
  if (given === undefined) return null
  return typeof given === 'string' ? momentOf(given) : given
}

function listed<T>(values: readonly T[] | undefined): readonly T[] | null {
  return values?.length ? [...new Set(values)] : null
}

function isFailureClass(text: string): text is FailureClass {
  return Object.hasOwn(FAILURE_CLASSES, text)
}

function fault(where: string, at: string, msg: string): Fault {
  return { loc: [where, at], msg, type: 'value_error' }
}
