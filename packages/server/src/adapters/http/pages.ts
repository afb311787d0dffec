import Type, { type TObject, type TSchema } from 'typebox'
import { addMs } from '#src/adapters/clock.ts'
import { isId, ksuidFloor, ksuidTime } from '#src/adapters/ids.ts'
import { invalidInput } from '#src/domain-error.ts'
import { nullable, oneOf, plainText } from './schema.ts'

export type Order = 'ascending' | 'descending'

/**
 * Which rows a list reads: `limit + 1` of those between `above` and `below` (both exclusive, null: open), in order `read`.
 * `toPage` turns them round when they are shown the other way, and takes the extra row for the sign that more follow.
 */
export type Page = { limit: number; above: string | null; below: string | null; read: Order; show: Order }

/** A page of messages or attempts, which also lie within a time: ids from `from` (inclusive) to `until` (exclusive). */
export type WindowPage = Page & { from: string; until: string }

/** What a request says of the page it wants. */
export type PageRequest = { limit?: number; iterator?: string | null; order?: Order }
export type WindowRequest = PageRequest & { before?: Date; after?: Date }

/** `prevIterator` is left out when there are no rows; `iterator` never is. Source: webhook-api 7. */
export type PageAnswer<T> = { data: T[]; iterator: string | null; prevIterator?: string; done: boolean }

const LIMIT_DEFAULT = 50
export const LIST_LIMIT_MAX = 250
const DAY_MS = 86_400_000
const WINDOW_MS = 90 * DAY_MS
/** Rows later than this from now are not shown, whatever is asked. */
const AHEAD_MS = 3_600_000

/** The parameters of every list, to be spread into the schema of a query or body. */
export const pageParameters = {
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: LIST_LIMIT_MAX })),
  iterator: Type.Optional(plainText(300)),
  order: Type.Optional(oneOf(['ascending', 'descending'])),
} satisfies TObject['properties']

/** `PageAnswer`, as openapi.json shows it. @param title of the rows, `EndpointOut` */
export function pageOf<Row extends TSchema>(title: string, row: Row) {
  return Type.Object(
    {
      data: Type.Array(row),
      iterator: nullable(Type.String({ description: 'Of the last row; null when there is none.' })),
      prevIterator: Type.Optional(Type.String({ description: 'Of the first row.' })),
      done: Type.Boolean({ description: 'Nothing follows in this direction.' }),
    },
    { title: `ListResponse_${title}_` },
  )
}

/**
 * The page of a list that is ordered by `id` or name.
 * @param isKey  can a row have this id? Of a malformed iterator this is false
 * @throws DomainError invalid_input at `iterator`
 */
export function parsePage(
  { limit = LIMIT_DEFAULT, iterator, order }: PageRequest,
  {
    isKey,
    order: defaultOrder = 'descending',
    where = 'query',
  }: { isKey: (text: string) => boolean; order?: Order; where?: 'query' | 'body' },
): Page {
  const show = order ?? defaultOrder
  const { key, backward } = parseIterator(iterator, isKey, where)
  const upward = (show === 'ascending') !== backward
  return {
    limit,
    above: upward ? key : null,
    below: upward ? null : key,
    read: upward ? 'ascending' : 'descending',
    show,
  }
}

/**
 * The page of a list of messages or attempts: newest first, within a time window (webhook-api 7, the table).
 * @param prefix   of the ids, `msg_` or `atmpt_`
 * @param keptDays rows older than this do not exist any more, also where they have not been removed yet
 * @throws DomainError invalid_input at `iterator`
 */
export function parseWindow(
  { limit = LIMIT_DEFAULT, iterator, before, after }: WindowRequest,
  {
    prefix,
    now,
    keptDays,
    where = 'query',
  }: { prefix: string; now: Date; keptDays?: number; where?: 'query' | 'body' },
): WindowPage {
  const { key, backward } = parseIterator(iterator, (text) => isId(text, prefix), where)
  const window = windowOf({ before, after, key, backward }, prefix, now)
  const from = keptDays === undefined ? window.from : later(window.from, addMs(now, -keptDays * DAY_MS))
  // `after` alone asks for the oldest page, and `-…` for the nearest newer one: both are read upwards
  const upward = backward || (after !== undefined && before === undefined && key === null)
  return {
    limit,
    above: backward ? key : null,
    below: backward ? null : key,
    read: upward ? 'ascending' : 'descending',
    show: 'descending',
    from: prefix + ksuidFloor(from),
    until: prefix + ksuidFloor(window.until),
  }
}

/**
 * The answer of a list.
 * @param rows  up to `limit + 1`, as read
 * @param keyOf the id (event types: the name) of a row as it is answered
 * @param stoppedAt  the page ends here, although more may follow and it is not full
 */
export function toPage<Row, Out>(
  page: Page,
  rows: readonly Row[],
  toOut: (row: Row) => Out,
  keyOf: (row: Row) => string,
  stoppedAt: string | null = null,
): PageAnswer<Out> {
  const taken = rows.slice(0, page.limit)
  const isForward = page.read === page.show
  const shown = isForward ? taken : taken.reverse()
  const [first, last] = [shown[0], shown.at(-1)].map((row) => (row === undefined ? null : keyOf(row)))
  const [start, end] = isForward ? [first, stoppedAt ?? last] : [stoppedAt ?? first, last]
  return {
    data: shown.map(toOut),
    iterator: end ?? null,
    ...(start ? { prevIterator: `-${start}` } : {}),
    done: rows.length <= page.limit && stoppedAt === null,
  }
}

function parseIterator(
  iterator: string | null | undefined,
  isKey: (text: string) => boolean,
  where: string,
): { key: string | null; backward: boolean } {
  if (iterator === undefined || iterator === null) return { key: null, backward: false }
  const backward = iterator.startsWith('-')
  const key = backward ? iterator.slice(1) : iterator
  if (!isKey(key))
    throw invalidInput({ loc: [where, 'iterator'], msg: 'must be an iterator of this list', type: 'value_error' })
  return { key, backward }
}

function windowOf(
  { before, after, key, backward }: { before?: Date; after?: Date; key: string | null; backward: boolean },
  prefix: string,
  now: Date,
): { from: Date; until: Date } {
  const latest = addMs(now, AHEAD_MS)
  const bounds = () => {
    if (before && after) return { from: later(after, addMs(before, -WINDOW_MS)), until: before }
    if (before) return { from: addMs(before, -WINDOW_MS), until: before }
    if (after) return { from: after, until: addMs(after, WINDOW_MS) }
    if (key === null) return { from: addMs(now, -WINDOW_MS), until: latest }
    const at = ksuidTime(key.slice(prefix.length))
    // the row of the iterator itself is left out by its id
    return backward ? { from: at, until: addMs(at, WINDOW_MS) } : { from: addMs(at, -WINDOW_MS), until: latest }
  }
  const { from, until } = bounds()
  return { from, until: until > latest ? latest : until }
}

function later(one: Date, other: Date): Date {
  return one > other ? one : other
}

/**
 * All rows of a list, in pieces of so many: an export never holds more than a page.
 * @param read  reads a page as every list does: a row more than its limit, where more follow
 */
export async function* everyPage<Row>(
  read: (page: Page) => Promise<readonly Row[]>,
  keyOf: (row: Row) => string,
  { order, rows, rowsMax = Number.POSITIVE_INFINITY }: { order: Order; rows: number; rowsMax?: number },
): AsyncGenerator<readonly Row[]> {
  let last: string | null = null
  for (let count = 0; count < rowsMax; count += rows) {
    const [above, below] = order === 'ascending' ? [last, null] : [null, last]
    const found = await read({ limit: rows, above, below, read: order, show: order })
    const taken = found.slice(0, rows)
    yield taken
    const end = taken.at(-1)
    if (end === undefined || found.length <= rows) return
    last = keyOf(end)
  }
}
