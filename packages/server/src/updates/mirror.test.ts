import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { JobType } from '#src/population/job.ts'
import { day as dayOf, FeedWorld, producer } from '../../test/feed-world.ts'
import type { TestAccount } from '../../test/population-world.ts'
import { type Page, ProducerWorld, type Row } from '../../test/producer-world.ts'
import { addDays, chicagoMoment } from './calendar.ts'
import type { LocalDate } from './local-date.ts'
import { nextBusinessDay, STANDARD_CALENDAR } from './schedule.ts'

const LISTS = [
  'addresses',
  'appointments',
  'contactInfos',
  'entities',
  'licenses',
  'otherNames',
  'regulatoryActions',
] as const
const NPNS = ['11', '12', '13', '14', '15', '16'] // NIPR does not know the last one before it has changed

let feed: FeedWorld
let api: ProducerWorld
beforeAll(async () => {
  feed = await FeedWorld.start()
  api = await ProducerWorld.over(feed.world, feed.clock)
})
afterAll(() => api.close())

/** What an account's client has, as the recommended client does it. Source: producersync-api 8. */
class Mirror {
  readonly account: TestAccount
  readonly records = new Map<string, Row>()
  #eventsSeen = 0

  constructor(account: TestAccount) {
    this.account = account
  }

  /** Pulls everything; with a date, what has changed since then. */
  async pull(since?: string): Promise<void> {
    for (const [key, row] of await recordsOf(this.account, since)) {
      const before = this.records.get(key)
      if (before) expect(row.updatedAt >= before.updatedAt, `${key} goes back`).toBe(true)
      this.records.set(key, row)
    }
  }

  /** Does what the events say that have come since. @returns whether a day was announced */
  async follow(): Promise<boolean> {
    const events = (await feed.world.events(this.account)).slice(this.#eventsSeen)
    this.#eventsSeen += events.length
    const runDates: string[] = []
    for (const { type, npn, payload } of events) {
      if (type === 'producersync.npn.deactivated') this.#drop(npn)
      if (type === 'producersync.updates_available') runDates.push(JSON.parse(payload.toString()).data.runDate)
    }
    for (const runDate of runDates) await this.pull(runDate)
    return runDates.length > 0
  }

  #drop(npn: string): void {
    for (const [key, row] of this.records) if (row.npn === npn) this.records.delete(key)
  }
}

async function recordsOf(account: TestAccount, since?: string): Promise<Map<string, Row>> {
  const records = new Map<string, Row>()
  const from = since === undefined ? '' : `&updatedSince=${since}`
  for (const list of LISTS) {
    const { embedded }: Page = await api.ok(account, `/v2/${list}?size=1000${from}`) // fewer there are
    for (const row of embedded?.[list] ?? []) records.set(`${list} ${row.id}`, row)
  }
  return records
}

const npns = fc.uniqueArray(fc.constantFrom(...NPNS), { minLength: 1, maxLength: 4 })
const job = fc.record({
  account: fc.nat({ max: 1 }),
  type: fc.constantFrom<JobType>('add', 'add', 'remove', 'replace'),
  npns,
  isLoaded: fc.boolean(),
})
const change = fc.record({
  npn: fc.constantFrom(...NPNS),
  name: fc.constantFrom('Northwind', 'Contoso'),
  states: fc.uniqueArray(fc.constantFrom('CO', 'TX', 'UT'), { maxLength: 3 }),
  loaStatus: fc.constantFrom('Active' as const, 'Cancelled' as const),
})
const FATES = ['published', 'published', 'late', 'no_report', 'fails', 'no run'] as const
const day = fc.record({
  morning: fc.array(job, { maxLength: 2 }),
  changes: fc.array(change, { maxLength: 3 }),
  fate: fc.constantFrom(...FATES),
  evening: fc.array(job, { maxLength: 2 }),
})
type Job = Generated<typeof job>
type Day = Generated<typeof day>
type Generated<A> = A extends fc.Arbitrary<infer T> ? T : never

test('rules 1, 2: a copy that follows the announcements is what a full pull gives, whatever days, jobs, loads, missed and late runs come', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(day, { minLength: 2, maxLength: 5 }), async (days) => {
      await feed.reset()
      for (const npn of NPNS.slice(0, -1)) feed.nipr.producers.set(npn, producer(npn))
      const mirrors = [new Mirror(await api.addAccount()), new Mirror(await api.addAccount())]
      for (const { account } of mirrors) await work(account, { type: 'add', npns: NPNS.slice(0, 3), isLoaded: true })
      for (const mirror of mirrors) await mirror.pull()
      const accounts = mirrors.map(({ account }) => account)
      const unreported: [LocalDate, string[]][] = []
      let runDate = dayOf('2026-03-06')
      for (const [index, planned] of days.entries()) {
        const isLast = index === days.length - 1
        for (const [day, named] of unreported.splice(0)) feed.nipr.alerted.set(day, named)
        const { fate, named } = await playMorning(
          accounts,
          { ...planned, fate: isLast ? 'published' : planned.fate },
          runDate,
        )
        if (fate === 'no_report') unreported.push([runDate, named])
        for (const mirror of mirrors) {
          if (await mirror.follow()) expect(mirror.records).toEqual(await recordsOf(mirror.account))
          else expect(isLast, 'the last day is announced').toBe(false)
        }
        for (const each of planned.evening) await work(accounts[each.account], each)
        runDate = nextBusinessDay(runDate, STANDARD_CALENDAR)
      }
    }),
    { numRuns: 5, endOnFailure: true },
  )
})

/** The population changes, NIPR's data too, and the run meets its fate. @returns it, and whom the day's report names */
async function playMorning(accounts: TestAccount[], { morning, changes, fate }: Day, runDate: LocalDate) {
  feed.clock.advanceTo(chicagoMoment(runDate, 9 * 60))
  for (const each of morning) await work(accounts[each.account], each)
  for (const { npn, ...to } of changes) feed.nipr.producers.set(npn, producer(npn, to))
  const named = [...new Set(changes.map(({ npn }) => npn))]
  if (fate !== 'no_report') feed.nipr.alerted.set(runDate, named)
  feed.clock.advanceTo(chicagoMoment(runDate, 10 * 60 + 15))
  if (fate === 'no run') return { fate, named }
  await feed.begin(runDate)
  if (fate === 'fails') feed.nipr.failing.add(runDate)
  if (fate === 'late') feed.clock.advanceTo(chicagoMoment(addDays(runDate, 1), 30))
  await feed.advance()
  if (fate === 'no_report') feed.clock.advanceTo(chicagoMoment(runDate, 20 * 60))
  if (fate === 'fails') feed.clock.advanceTo(chicagoMoment(nextBusinessDay(runDate, STANDARD_CALENDAR), 10 * 60 + 15))
  const run = await feed.advance()
  feed.nipr.failing.delete(runDate)
  const ends = { published: 'published', late: 'published', no_report: 'no_report', fails: 'failed' } as const
  expect(run).toMatchObject({ runDate, state: ends[fate], late: fate === 'late' })
  return { fate, named }
}

async function work(account: TestAccount | undefined, { type, npns, isLoaded }: Omit<Job, 'account'>): Promise<void> {
  if (!account) throw new Error('no account')
  await feed.world.submit(account, type, npns, true)
  await feed.world.work(feed.world.updates, undefined, feed)
  if (isLoaded) await feed.load()
}
