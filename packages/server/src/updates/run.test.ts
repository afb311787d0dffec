import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { Sql } from '#src/adapters/postgres/sql.ts'
import type { Transactions } from '#src/population/work.ts'
import { day, FeedWorld, producer } from '../../test/feed-world.ts'
import { range, type TestAccount } from '../../test/population-world.ts'
import { Pace } from './pace.ts'
import { requestCancel, requestRelease, requestRun } from './run-requests.ts'
import { STANDARD_CALENDAR } from './schedule.ts'

// Friday, 6 March 2026, 10:15 in Chicago; the clocks change on the 8th
const MONDAY = '2026-03-09T15:15:00.000Z'

let feed: FeedWorld
let account: TestAccount
beforeAll(async () => {
  feed = await FeedWorld.start()
})
afterAll(() => feed.close())
beforeEach(begin)

async function begin(): Promise<void> {
  await feed.reset()
  account = await feed.world.addAccount()
  for (const npn of ['11', '12', '13']) feed.nipr.producers.set(npn, producer(npn))
  await feed.monitor(account, ['11', '12', '13', '14'])
}

describe('what a run changes', () => {
  test('rule 1: what it inserts, changes or marks deleted carries its date, and dates never go back', async () => {
    const before = await feed.records()
    expect(before.filter((row) => row.kind === 'license')).toHaveLength(6)
    feed.nipr.producers.set('11', { ...producer('11', { name: 'New name', states: ['CO', 'UT'] }), addresses: [] })
    feed.nipr.alerted.set('2026-03-09', ['11'])
    feed.clock.advanceTo(MONDAY)
    const run = await feed.run('2026-03-09')
    const counts = { alertNpns: 1, changedNpns: 1, inserted: 3, updated: 1, deleted: 4, accounts: 1 }
    expect(run).toMatchObject({ state: 'published', late: false, counts })
    const after = await feed.records()
    const changed = after.filter((row) => row.npn === 11 && row.updated_on === '2026-03-09')
    expect(changed.map((row) => [row.kind, row.for_state ?? '', row.nipr_deleted].join(' ')).sort()).toEqual([
      'address CO true',
      'entity  false',
      'license TX true',
      'license UT false',
      'license_loa TX true',
      'license_loa TX true',
      'license_loa UT false',
      'license_loa UT false',
    ])
    expect(changed.every((row) => row.transaction_id === run.id)).toBe(true)
    expect(after.filter((row) => row.npn !== 11)).toEqual(before.filter((row) => row.npn !== 11))
    // a run of an earlier day, published later, leaves the later dates
    feed.nipr.producers.set('11', producer('11', { name: 'Old name', states: ['CO', 'UT'] }))
    feed.nipr.alerted.set('2026-03-06', ['11'])
    await feed.run('2026-03-06')
    const [entity] = await feed.table('entity')
    expect(entity).toMatchObject({ company_name: 'Old name', updated_on: '2026-03-09', changed_on: '2026-03-09' })
  })

  test('rule 28: a row that vanishes stays, marked; when it is back it has the same id', async () => {
    const idsOf = async () =>
      (await feed.table('license')).filter((row) => row.npn === 11).map((row) => [row.id, row.nipr_deleted])
    const [colorado, texas] = await idsOf()
    feed.nipr.alerted.set('2026-03-06', ['11'])
    feed.nipr.producers.set('11', producer('11', { states: ['CO'] }))
    await feed.run('2026-03-06')
    expect(await idsOf()).toEqual([colorado, [texas?.[0], true]])
    feed.nipr.alerted.set('2026-03-09', ['11'])
    feed.nipr.producers.set('11', producer('11'))
    feed.clock.advanceTo(MONDAY)
    await feed.run('2026-03-09')
    expect(await idsOf()).toEqual([colorado, texas])
  })

  test('rule 8: running a published day again writes no record and sends nothing, unless NIPR has corrected itself', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12', '14'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed' }))
    await feed.run('2026-03-06')
    const versions = await feed.versions()
    feed.clock.advanceMs(60_000)
    const again = await feed.run('2026-03-06', { trigger: 'operator', fullRefresh: true })
    expect(again).toMatchObject({
      state: 'published',
      counts: { changedNpns: 0, inserted: 0, updated: 0, accounts: 0 },
    })
    expect(await feed.versions()).toEqual(versions)
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    feed.nipr.producers.set('12', producer('12', { name: 'Corrected' }))
    feed.clock.advanceMs(60_000)
    const corrected = await feed.run('2026-03-06', { trigger: 'operator', fullRefresh: true })
    expect(corrected).toMatchObject({ counts: { changedNpns: 1, updated: 1, accounts: 1 } })
    expect(await feed.announcements(account)).toEqual(['2026-03-06', '2026-03-06'])
  })

  test('rule 2: what has become readable since the last run belongs to the next pull, once', async () => {
    const freshOf = async (of: TestAccount) =>
      await feed.world.owner.query`
        select npn::text, data_status, fresh_on, fresh_run is not null as moved from population
         where account_id = ${of.accountId} order by population.npn`
    feed.nipr.alerted.set('2026-03-06', [])
    await feed.run('2026-03-06')
    feed.clock.advanceTo('2026-03-07T18:00:00Z')
    const other = await feed.world.addAccount()
    await feed.monitor(other, ['11', '12'], { load: false })
    expect(await freshOf(other)).toEqual([
      { npn: '11', data_status: 'ready', fresh_on: '2026-03-07', moved: false },
      { npn: '12', data_status: 'ready', fresh_on: '2026-03-07', moved: false },
    ])
    feed.nipr.alerted.set('2026-03-09', [])
    feed.nipr.alerted.set('2026-03-10', [])
    feed.clock.advanceTo(MONDAY)
    const versions = await feed.versions()
    await feed.run('2026-03-09')
    feed.clock.advanceTo('2026-03-10T15:15:00Z')
    await feed.run('2026-03-10')
    expect(await freshOf(other)).toEqual([
      { npn: '11', data_status: 'ready', fresh_on: '2026-03-09', moved: true },
      { npn: '12', data_status: 'ready', fresh_on: '2026-03-09', moved: true },
    ])
    expect(await feed.versions()).toEqual(versions) // the records are those of all accounts: none was written
  })

  test('rule 10: equal reports give equal records, in whatever order and company they came', async () => {
    feed.nipr.alerted.set('2026-03-06', ['13', '11'])
    for (const npn of ['11', '13']) feed.nipr.producers.set(npn, producer(npn, { name: 'New', states: ['UT', 'CO'] }))
    await feed.run('2026-03-06')
    const together = await comparable(feed)
    await feed.reset()
    account = await feed.world.addAccount()
    for (const npn of ['13', '12', '11']) feed.nipr.producers.set(npn, producer(npn))
    for (const npn of ['14', '13', '12', '11']) await feed.monitor(account, [npn])
    feed.nipr.alerted.set('2026-03-06', ['11', '13'])
    for (const npn of ['13', '11']) feed.nipr.producers.set(npn, producer(npn, { name: 'New', states: ['CO', 'UT'] }))
    await feed.run('2026-03-06')
    expect(await comparable(feed)).toEqual(together)
    expect(together.length).toBeGreaterThan(30)
  })

  test('rule 29: a change of an embedded row brings its parent; order alone changes nothing', async () => {
    const reordered = producer('11')
    reordered.licenses.reverse()
    for (const license of reordered.licenses) license.licenseLoas.reverse()
    feed.nipr.producers.set('11', reordered)
    feed.nipr.producers.set('12', producer('12', { loaStatus: 'Cancelled' }))
    feed.nipr.alerted.set('2026-03-09', ['11', '12'])
    feed.clock.advanceTo(MONDAY)
    expect(await feed.run('2026-03-09')).toMatchObject({
      counts: { changedNpns: 1, updated: 6, inserted: 0, deleted: 0 },
    })
    const licenses = await feed.table('license')
    expect(licenses.map((row) => [row.npn, row.updated_on === '2026-03-09'])).toEqual([
      [11, false],
      [11, false],
      [12, true],
      [12, true],
      [13, false],
      [13, false],
    ])
  })
})

describe('announcements', () => {
  test('rules 3, 5, 41: one per account with the commit that makes the data readable, also for an empty population; no read waits for it', async () => {
    const empty = await feed.world.addAccount()
    feed.nipr.alerted.set('2026-03-06', ['11'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed', states: ['CO', 'TX', 'UT'] }))
    await feed.begin('2026-03-06')
    const records = (await feed.records()).length
    const seen: { told: number; readable: boolean }[] = []
    // another connection looks before and after each statement of the publication, which does not go on until it has been answered
    const watched = watching(feed.world.updates, async () => {
      const [row] = await feed.world.owner.query<{ told: number; readable: boolean }>`
        select (select count(*) from nipr_announcement) as told,
               (select company_name = 'Changed' from entity where npn = 11) as readable`
      if (row) seen.push(row)
      expect(await feed.records()).toHaveLength(records)
    })
    expect(await feed.advance(watched)).toMatchObject({ state: 'published', message: null, counts: { accounts: 2 } })
    expect(seen.length).toBeGreaterThan(20)
    expect(new Set(seen.map(({ told, readable }) => `${told} ${readable}`))).toEqual(new Set(['0 false']))
    for (const each of [account, empty]) expect(await feed.announcements(each)).toEqual(['2026-03-06'])
    expect(feed.planned.map(({ accountId }) => accountId).sort()).toEqual([account.accountId, empty.accountId])
    const [event] = (await feed.world.events(account)).slice(-1)
    expect(event).toMatchObject({
      type: 'producersync.updates_available',
      timestamp: '2026-03-06T16:15:00.000Z',
      pending: 1,
    })
  })

  test('rule 5: two that publish the same run tell each account once', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed' }))
    await feed.begin('2026-03-06')
    await Promise.all([feed.advance(), feed.advance()])
    await feed.advance()
    expect(await feed.newestRun()).toMatchObject({ state: 'published' })
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    const [told] = await feed.world.owner.query`select count(*) as told from nipr_announcement`
    expect(told).toEqual({ told: 1 })
  })

  test('rule 6: a day without report sends nothing; a run past midnight is late and sends its own day', async () => {
    const waiting = await feed.run('2026-03-06')
    expect(waiting).toMatchObject({ state: 'collecting', message: 'NIPR has not delivered yet', endedAt: null })
    feed.clock.advanceTo('2026-03-07T02:00:00Z') // 20:00
    expect(await feed.advance()).toMatchObject({ state: 'no_report' })
    expect(await feed.announcements(account)).toEqual([])

    feed.clock.advanceTo(MONDAY)
    feed.nipr.failing.add('2026-03-09')
    expect(await feed.run('2026-03-09')).toMatchObject({ state: 'collecting', message: 'NIPR fails (http 500)' })
    feed.clock.advanceTo('2026-03-10T08:00:00Z')
    feed.nipr.failing.clear()
    feed.nipr.alerted.set('2026-03-09', [])
    expect(await feed.advance()).toMatchObject({ state: 'published', late: true })
    expect(await feed.announcements(account)).toEqual(['2026-03-09'])
  })

  test('a run that NIPR fails until 10:15 of the next business day has failed, and can be tried again', async () => {
    feed.nipr.failing.add('2026-03-06 RIRS')
    feed.nipr.alerted.set('2026-03-06', ['11'])
    await feed.run('2026-03-06')
    feed.clock.advanceTo(new Date(Date.parse(MONDAY) - 1))
    expect(await feed.advance()).toMatchObject({ state: 'collecting' })
    feed.clock.advanceTo(MONDAY)
    expect(await feed.advance()).toMatchObject({ state: 'failed', message: 'NIPR failed (http 500)' })
    expect(await feed.announcements(account)).toEqual([])
    // an operator has its day tried again
    feed.nipr.failing.clear()
    await requestRun(requests(), { feedId: 'production', runDate: day('2026-03-06'), fullRefresh: false })
    await expect(requestRun(requests(), { feedId: 'production', fullRefresh: false })).rejects.toThrow('in progress')
    expect(await feed.advance()).toMatchObject({ state: 'published', covers: ['2026-03-06'], late: true })
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
  })

  test('refused credentials end the run at once', async () => {
    feed.nipr.failing.add('2026-03-06')
    feed.nipr.failure = { kind: 'failed', retry: false, refused: true, cause: 'http 401' }
    expect(await feed.run('2026-03-06')).toMatchObject({
      state: 'failed',
      message: 'NIPR refused the credentials (http 401)',
    })
    expect(feed.nipr.asked.filter((asked) => asked.startsWith('2026'))).toHaveLength(1)
  })
})

describe('owed days', () => {
  test('rule 7: one run covers them all, and a report that appears later is caught by a following run', async () => {
    feed.nipr.alerted.set('2026-03-06', [])
    await feed.run('2026-03-06')
    // an outage to Friday, 20 March; the 12th has no report yet, and the 17th fails
    for (const [on, npn] of [
      ['2026-03-09', '11'],
      ['2026-03-16', '12'],
      ['2026-03-20', '13'],
    ] as const) {
      feed.nipr.alerted.set(on, [npn])
      feed.nipr.producers.set(npn, producer(npn, { name: `Changed ${on}` }))
    }
    for (const on of ['10', '11', '13', '18', '19']) feed.nipr.alerted.set(`2026-03-${on}`, [])
    feed.nipr.failing.add('2026-03-17')
    feed.clock.advanceTo('2026-03-20T15:15:00Z')
    const run = await feed.run('2026-03-20')
    expect(run.covers).toEqual(['09', '10', '11', '13', '16', '18', '19', '20'].map((on) => `2026-03-${on}`))
    const names = (await feed.table('entity')).map((row) => [row.company_name, row.updated_on])
    expect(names).toEqual([
      ['Changed 2026-03-09', '2026-03-20'],
      ['Changed 2026-03-16', '2026-03-20'],
      ['Changed 2026-03-20', '2026-03-20'],
    ])
    feed.nipr.asked.length = 0
    feed.nipr.failing.clear()
    feed.nipr.alerted.set('2026-03-12', ['11'])
    feed.nipr.alerted.set('2026-03-17', ['12'])
    feed.nipr.alerted.set('2026-03-23', [])
    feed.clock.advanceTo('2026-03-23T15:15:00Z')
    // the 12th had none: it is asked for again on five business days, the last of which was the 19th
    expect(await feed.run('2026-03-23')).toMatchObject({ covers: ['2026-03-17', '2026-03-23'] })
    expect(await feed.announcements(account)).toEqual(['2026-03-06', '2026-03-20', '2026-03-23'])
  })

  test('rule 4: what a failed or cancelled run found changes nothing; the next run delivers it', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed' }))
    const versions = await feed.versions()
    await feed.begin('2026-03-06')
    await expect(feed.advance(failingAt(feed.world.updates, 'update population p set fresh_on'))).rejects.toThrow(
      Killed,
    )
    const run = await feed.newestRun()
    expect(run.state).toBe('publishing')
    await expect(requestCancel(requests(), { id: run.id, feedId: 'production' })).rejects.toThrow('being published')
    await feed.world.owner.query`update nipr_run set state = 'collecting'`
    await requestCancel(requests(), { id: run.id, feedId: 'production' })
    expect(await feed.newestRun()).toMatchObject({ state: 'failed', message: 'Cancelled by an operator' })
    expect(await feed.versions()).toEqual(versions)
    expect(await feed.announcements(account)).toEqual([])
    feed.nipr.alerted.set('2026-03-09', [])
    feed.clock.advanceTo(MONDAY)
    expect(await feed.run('2026-03-09')).toMatchObject({
      covers: ['2026-03-06', '2026-03-09'],
      counts: { changedNpns: 1 },
    })
    expect(await feed.announcements(account)).toEqual(['2026-03-09'])
  })
})

describe('what stops a run', () => {
  test('rules 4, 30: more than 5 % vanishing holds it until an operator releases it', async () => {
    const states = Array.from({ length: 40 }, (_, index) => `S${index}`)
    const npns = range(100, 129)
    for (const npn of npns) feed.nipr.producers.set(npn, producer(npn, { states }))
    await feed.monitor(account, npns)
    const versions = await feed.versions()
    for (const npn of npns) feed.nipr.producers.set(npn, producer(npn, { states: states.slice(0, 3) }))
    feed.nipr.alerted.set('2026-03-06', npns)
    expect(await feed.run('2026-03-06')).toMatchObject({
      state: 'held',
      message: expect.stringMatching(
        /^Held: 1110 of 1206 rows of license, 2220 of 2412 rows of license_loa would vanish/,
      ),
    })
    expect(await feed.versions()).toEqual(versions)
    expect(await feed.announcements(account)).toEqual([])
    const { id } = await feed.newestRun()
    await requestRelease(requests(), { id, feedId: 'production' })
    expect(await feed.advance()).toMatchObject({ state: 'published', counts: { deleted: 3330 } })
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
  })

  test('rule 34: a producer that always fails is put off, its old data whole; the next run takes it', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12'])
    for (const npn of ['11', '12']) feed.nipr.producers.set(npn, producer(npn, { name: 'Changed' }))
    feed.nipr.failing.add('11')
    feed.nipr.failure = { kind: 'failed', retry: true, refused: false, cause: 'http 500' }
    expect(await feed.run('2026-03-06')).toMatchObject({ state: 'published', counts: { deferred: 1, changedNpns: 1 } })
    expect(feed.nipr.asked.filter((asked) => asked === '11')).toHaveLength(1 + 5) // the first load's, and five of the run
    const entities = async () => (await feed.table('entity')).map((row) => row.company_name)
    expect(await entities()).toEqual(['Firm 11', 'Changed', 'Firm 13'])
    feed.nipr.failing.clear()
    feed.nipr.alerted.set('2026-03-09', [])
    feed.clock.advanceTo(MONDAY)
    expect(await feed.run('2026-03-09')).toMatchObject({ counts: { deferred: 0, changedNpns: 1 } })
    expect(await entities()).toEqual(['Changed', 'Changed', 'Firm 13'])
  })

  test('too many that fail: the run goes on trying for 20 hours, then it has failed', async () => {
    const npns = range(100, 110)
    await feed.monitor(account, npns)
    feed.nipr.alerted.set('2026-03-06', npns)
    for (const npn of npns) feed.nipr.failing.add(npn)
    expect(await feed.run('2026-03-06')).toMatchObject({ state: 'collecting', message: '11 of 15 detail reports fail' })
    feed.clock.advanceTo('2026-03-07T12:14:59Z')
    expect(await feed.advance()).toMatchObject({ state: 'collecting' })
    feed.clock.advanceTo('2026-03-07T12:30:00Z')
    expect(await feed.advance()).toMatchObject({ state: 'failed', message: '11 of 15 detail reports fail' })
  })
})

describe('crashes', () => {
  test('rule 9: killed at any statement of a run, its end is that of one that was not', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12', '14'])
    feed.nipr.producers.set('11', producer('11', { name: 'Changed', states: ['CO', 'UT'] }))
    feed.nipr.producers.set('12', { ...producer('12'), addresses: [] })
    feed.nipr.producers.set('14', producer('14'))
    await feed.begin('2026-03-06')
    let deaths = 0
    for (let statement = 1; ; statement += 1) {
      try {
        const run = await feed.advance(dyingAt(feed.world.updates, statement))
        expect(run.state).toBe('published')
        break
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        deaths += 1
        const told = await feed.announcements(account)
        if (told.length > 0) expect((await feed.newestRun()).state).toBe('published')
      }
    }
    expect(deaths).toBeGreaterThan(30)
    expect(await feed.newestRun()).toMatchObject({
      state: 'published',
      counts: { changedNpns: 3, read: 4, unknown: 0 },
    })
    expect(await feed.announcements(account)).toEqual(['2026-03-06'])
    const killed = await comparable(feed)

    const { producers, alerted } = feed.nipr
    await begin()
    for (const [npn, changed] of producers) feed.nipr.producers.set(npn, changed)
    for (const [on, npns] of alerted) feed.nipr.alerted.set(on, npns)
    await feed.run('2026-03-06')
    expect(killed).toEqual(await comparable(feed))
  })

  test('while somebody reads, its reports are asked for at a pace', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12', '13'])
    const waits: number[] = []
    feed.pace = new Pace({ now: () => 0, wait: async (ms) => waits.push(ms) })
    feed.pace.noteRead()
    expect(await feed.run('2026-03-06')).toMatchObject({ state: 'published' })
    expect(waits).toEqual([10, 20, 30]) // the fourth report is of the NPN that NIPR did not know
  })

  test('what has been read is not read again', async () => {
    feed.nipr.alerted.set('2026-03-06', ['11', '12', '13'])
    await feed.begin('2026-03-06')
    await expect(
      feed.advance(failingAt(feed.world.updates, "state = coalesce('publishing'", 'publishing')),
    ).rejects.toThrow(Killed)
    feed.nipr.asked.length = 0
    expect(await feed.advance()).toMatchObject({ state: 'published' })
    expect(feed.nipr.asked).toEqual([])
  })
})

class Killed extends Error {}

function requests() {
  return { updates: feed.world.updates, clock: feed.clock, calendarOf: () => STANDARD_CALENDAR }
}

/** All records without ids, hashes of what holds ids, and names of runs; in an order of their own. */
async function comparable(of: FeedWorld): Promise<string[]> {
  const given = ['id', 'license_id', 'transaction_id']
  const rows = (await of.records()).map((row) => Object.entries(row).filter(([name]) => !given.includes(name)))
  return rows.map((row) => JSON.stringify(row)).sort()
}

type AnyDatabase = Queryable & Transactions

/** Calls `look` before every statement. */
function watching(database: AnyDatabase, look: (statement: Sql) => Promise<void>): AnyDatabase {
  const watch = (queryable: Queryable): Queryable => ({
    run: async <Row>(statement: Sql) => {
      await look(statement)
      return await queryable.run<Row>(statement)
    },
    query: async <Row>(strings: TemplateStringsArray, ...values: unknown[]) => {
      await look({ text: strings.join('$'), values })
      return await queryable.query<Row>(strings, ...values)
    },
  })
  return {
    ...watch(database),
    transaction: async (options, work) => {
      const result = await database.transaction(options, async (tx) => {
        const done = await work(watch(tx))
        await look({ text: 'commit', values: [] })
        return done
      })
      return result
    },
  }
}

/** Its client dies before statement number `statement`, counted from here. */
function dyingAt(database: AnyDatabase, statement: number): AnyDatabase {
  let left = statement
  return watching(database, async () => {
    left -= 1
    if (left <= 0) throw new Killed()
  })
}

/** Its client dies before the first statement that has `text`, with `value` among its values. */
function failingAt(database: AnyDatabase, text: string, value?: string): AnyDatabase {
  return watching(database, async (statement) => {
    if (value === undefined ? statement.text.includes(text) : statement.values.includes(value)) throw new Killed()
  })
}
