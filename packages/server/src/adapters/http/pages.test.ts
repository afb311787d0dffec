import assert from 'node:assert/strict'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { IdSource, isId, ksuidTime } from '#src/adapters/ids.ts'
import { DomainError } from '#src/domain-error.ts'
import { ManualClock } from '../../../test/manual-clock.ts'
import { everyPage, type Order, type Page, parsePage, parseWindow, toPage, type WindowPage } from './pages.ts'

const NOW = new Date('2026-06-01T00:00:00.000Z')
const DAY = 86_400_000
const HOUR = 3_600_000

const clock = new ManualClock(NOW.toISOString())
/** Each of its own source: those of one never go back in time. */
function idAt(moment: Date): string {
  return `msg_${new IdSource(clock).next(moment).ksuid}`
}

/** What a store does with a page. */
function read(rows: readonly string[], page: Page | WindowPage): string[] {
  const found = rows.filter(
    (id) =>
      (page.above === null || id > page.above) &&
      (page.below === null || id < page.below) &&
      (!('from' in page) || (id >= page.from && id < page.until)),
  )
  const sorted = found.toSorted()
  return (page.read === 'ascending' ? sorted : sorted.reverse()).slice(0, page.limit + 1)
}

const identity = (id: string) => id
const answer = (rows: readonly string[], page: Page) => toPage(page, read(rows, page), identity, identity)
const isKey = (text: string) => isId(text, 'msg_')

describe('pages', () => {
  test('a page that ends before it is full says from where to go on, also when it is empty', () => {
    const [older, row, newer] = [1, 2, 3].map((hour) => idAt(new Date(NOW.getTime() - DAY + hour * HOUR))) as [
      string,
      string,
      string,
    ]
    const down = parsePage({}, { isKey })
    assert.deepEqual(toPage(down, [row], identity, identity, older), {
      ...{ data: [row], iterator: older, prevIterator: `-${row}`, done: false },
    })
    assert.deepEqual(toPage(down, [], identity, identity, older), { data: [], iterator: older, done: false })
    const back = parsePage({ iterator: `-${older}` }, { isKey })
    assert.deepEqual(toPage(back, [row], identity, identity, newer), {
      ...{ data: [row], iterator: row, prevIterator: `-${newer}`, done: false },
    })
    assert.deepEqual(toPage(back, [], identity, identity, newer), {
      ...{ data: [], iterator: null, prevIterator: `-${newer}`, done: false },
    })
  })

  const A = idAt(new Date('2026-01-01T00:00:00Z'))

  test.each([
    [{}, { limit: 50, above: null, below: null, read: 'descending', show: 'descending' }],
    [
      { order: 'ascending', limit: 7 },
      { limit: 7, above: null, below: null, read: 'ascending', show: 'ascending' },
    ],
    [{ iterator: A }, { limit: 50, above: null, below: A, read: 'descending', show: 'descending' }],
    [{ iterator: `-${A}` }, { limit: 50, above: A, below: null, read: 'ascending', show: 'descending' }],
    [
      { iterator: A, order: 'ascending' },
      { limit: 50, above: A, below: null, read: 'ascending', show: 'ascending' },
    ],
    [
      { iterator: `-${A}`, order: 'ascending' },
      { limit: 50, above: null, below: A, read: 'descending', show: 'ascending' },
    ],
    [{ iterator: null }, { limit: 50, above: null, below: null, read: 'descending', show: 'descending' }],
  ] as const)('%j', (request, page) => assert.deepEqual(parsePage(request, { isKey }), page))

  test.each([
    '',
    '-',
    'msg_',
    'ep_000000000000000000000000000',
    `--${A}`,
    `${A}x`,
    'msg_zzzzzzzzzzzzzzzzzzzzzzzzzzz',
    `msg_${'!'.repeat(27)}`,
  ])('the iterator %j is malformed', (iterator) => {
    for (const parse of [
      () => parsePage({ iterator }, { isKey }),
      () => parseWindow({ iterator }, { prefix: 'msg_', now: NOW }),
    ]) {
      assert.throws(parse, (error) => error instanceof DomainError && error.faults[0]?.loc.join() === 'query,iterator')
    }
  })

  test("the default order is the list's own", () => {
    assert.equal(parsePage({}, { isKey, order: 'ascending' }).show, 'ascending')
    assert.equal(parsePage({ order: 'descending' }, { isKey, order: 'ascending' }).show, 'descending')
  })

  test('a page is the last one when nothing follows it, also when it is full', () => {
    const rows = [1, 2, 3].map((day) => idAt(addMs(NOW, day * DAY)))
    const isDone = (limit: number, iterator?: string) => answer(rows, parsePage({ limit, iterator }, { isKey })).done
    assert.deepEqual([isDone(2), isDone(3), isDone(4)], [false, true, true])
    assert.deepEqual([isDone(1, `-${rows[0]}`), isDone(2, `-${rows[0]}`)], [false, true])
  })

  test('an empty page has its iterator, null, and no other', () => {
    assert.deepEqual(answer([], parsePage({}, { isKey })), { data: [], iterator: null, done: true })
  })

  test('paging forward to the end and back gives each row once, in both orders, while others are inserted', () => {
    const scenario = fc.record({
      count: fc.integer({ min: 0, max: 40 }),
      limit: fc.integer({ min: 1, max: 12 }),
      order: fc.constantFrom<Order>('ascending', 'descending'),
      inserted: fc.array(fc.integer({ min: 0, max: 1_000 }), { maxLength: 20 }),
    })
    fc.assert(
      fc.property(scenario, ({ count, limit, order, inserted }) => {
        const rows = Array.from({ length: count }, (_, index) => idAt(addMs(NOW, index * 1_000)))
        const there = new Set(rows)
        const late = inserted.map((at) => idAt(addMs(NOW, at * 40)))
        const expected = order === 'ascending' ? [...rows] : rows.toReversed()

        const forward: string[] = []
        let iterator: string | undefined
        let last: string | undefined
        for (let done = false; !done; ) {
          const page = answer(rows, parsePage({ limit, order, iterator }, { isKey }))
          forward.push(...page.data)
          iterator = page.iterator ?? undefined
          last = page.data.at(-1) ?? last
          done = page.done
          const added = late.pop()
          if (added !== undefined) rows.push(added)
        }
        assert.deepEqual(
          forward.filter((id) => there.has(id)),
          expected,
        )
        assert.equal(new Set(forward).size, forward.length)
        if (last === undefined) return

        const back: string[] = [last]
        for (let previous: string | undefined = `-${last}`; previous !== undefined; ) {
          const page = answer(rows, parsePage({ limit, order, iterator: previous }, { isKey }))
          back.unshift(...page.data)
          previous = page.done ? undefined : page.prevIterator
          assert.equal(page.data.length === 0, page.prevIterator === undefined)
        }
        assert.deepEqual(
          back.filter((id) => there.has(id)),
          expected,
        )
      }),
      { numRuns: 200 },
    )
  })
})

describe('time windows', () => {
  const bound = (text: string) => ksuidTime(text.slice('msg_'.length))
  const day = (days: number) => addMs(NOW, days * DAY)
  const iterator = idAt(day(-100))
  const WINDOW = 90 * DAY

  type Row = [given: string, request: Parameters<typeof parseWindow>[0], from: Date, until: Date, read: Order]
  test.each<Row>([
    ['nothing', {}, day(-90), addMs(NOW, HOUR), 'descending'],
    ['iterator', { iterator }, day(-190), addMs(NOW, HOUR), 'descending'],
    ['-iterator', { iterator: `-${iterator}` }, day(-100), day(-10), 'ascending'],
    ['before', { before: day(-10) }, day(-100), day(-10), 'descending'],
    ['before and iterator', { before: day(-10), iterator }, day(-100), day(-10), 'descending'],
    ['before and -iterator', { before: day(-10), iterator: `-${iterator}` }, day(-100), day(-10), 'ascending'],
    ['after', { after: day(-100) }, day(-100), day(-10), 'ascending'],
    ['after and iterator', { after: day(-120), iterator }, day(-120), day(-30), 'descending'],
    ['after and -iterator', { after: day(-120), iterator: `-${iterator}` }, day(-120), day(-30), 'ascending'],
    ['both, near', { after: day(-20), before: day(-10) }, day(-20), day(-10), 'descending'],
    ['both, far apart', { after: day(-200), before: day(-10) }, day(-100), day(-10), 'descending'],
    ['both and iterator', { after: day(-150), before: day(-90), iterator }, day(-150), day(-90), 'descending'],
    ['before in the future', { before: day(10) }, day(-80), addMs(NOW, HOUR), 'descending'],
    ['after of late', { after: day(-1) }, day(-1), addMs(NOW, HOUR), 'ascending'],
  ])('%s', (_, request, from, until, order) => {
    const page = parseWindow(request, { prefix: 'msg_', now: NOW })
    assert.deepEqual([bound(page.from), bound(page.until)], [from, until])
    assert.equal(page.read, order)
    assert.equal(page.show, 'descending')
    const key = request.iterator?.replace('-', '') ?? null
    const isBackward = request.iterator?.startsWith('-') ?? false
    assert.deepEqual([page.above, page.below], isBackward ? [key, null] : [null, key])
    assert.ok(until.getTime() - from.getTime() <= Math.max(WINDOW + HOUR, NOW.getTime() + HOUR - from.getTime()))
  })

  test('bounds are exact to 4 ms: after takes its own tick, before does not', () => {
    const at = new Date('2026-05-01T00:00:00.120Z')
    const rows = [-4, 0, 4].map((ms) => idAt(addMs(at, ms)))
    const from = (ms: number) => answer(rows, parseWindow({ after: addMs(at, ms) }, { prefix: 'msg_', now: NOW })).data
    const until = (ms: number) =>
      answer(rows, parseWindow({ before: addMs(at, ms) }, { prefix: 'msg_', now: NOW })).data
    assert.deepEqual(from(0), [rows[2], rows[1]])
    assert.deepEqual(from(3), [rows[2], rows[1]])
    assert.deepEqual(from(4), [rows[2]])
    assert.deepEqual(until(0), [rows[0]])
    assert.deepEqual(until(3), [rows[0]])
    assert.deepEqual(until(4), [rows[1], rows[0]])
  })

  test('after alone gives the oldest page, newest first, and prevIterator goes on', () => {
    const rows = Array.from({ length: 10 }, (_, index) => idAt(addMs(NOW, (index - 20) * HOUR)))
    const after = addMs(NOW, -19 * HOUR)
    const seen: string[] = []
    let previous: string | undefined
    for (let done = false; !done; ) {
      const page = answer(rows, parseWindow({ after, limit: 4, iterator: previous }, { prefix: 'msg_', now: NOW }))
      seen.unshift(...page.data)
      previous = page.prevIterator
      done = page.done
    }
    assert.deepEqual(seen, rows.slice(1).reverse())
  })

  test('nothing later than an hour from now is shown, whatever is asked', () => {
    const future = idAt(addMs(NOW, 2 * HOUR))
    for (const request of [
      {},
      { before: day(2) },
      { after: day(-1) },
      { after: day(-1), before: day(2) },
      { iterator: `-${idAt(NOW)}` },
    ]) {
      assert.deepEqual(answer([future], parseWindow(request, { prefix: 'msg_', now: NOW })).data, [])
    }
  })

  test('moments at the edges of the calendar do no harm', () => {
    const request = { before: new Date('9999-12-31T23:59:59Z'), after: new Date('1970-01-01T00:00:00Z') }
    assert.doesNotThrow(() => parseWindow(request, { prefix: 'msg_', now: NOW }))
    assert.doesNotThrow(() => parseWindow({ before: new Date('1970-01-01T00:00:00Z') }, { prefix: 'msg_', now: NOW }))
  })
})

test('every page of a list has all its rows, each once, and no more than were asked for', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(fc.stringMatching(/^[a-z]{1,3}$/), { maxLength: 30 }),
      fc.integer({ min: 1, max: 7 }),
      fc.constantFrom<Order>('ascending', 'descending'),
      async (ids, rows, order) => {
        const inOrder = order === 'ascending' ? ids.toSorted() : ids.toSorted().reverse()
        const pages: (readonly string[])[] = []
        for await (const page of everyPage(
          async (page) => read(ids, page),
          (id) => id,
          { order, rows },
        ))
          pages.push(page)
        assert.deepEqual(pages.flat(), inOrder)
        assert.ok(pages.every((page) => page.length <= rows))

        const first: string[] = []
        for await (const page of everyPage(
          async (page) => read(ids, page),
          (id) => id,
          { order, rows, rowsMax: rows },
        ))
          first.push(...page)
        assert.deepEqual(first, inOrder.slice(0, rows))
      },
    ),
  )
})
