import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { IdSource, ksuidTime } from '#src/adapters/ids.ts'
import { preload } from '#src/updates/preload.ts'
import { failingAt, Killed } from '../../test/failing-database.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { range, type SeenEvent, type TestAccount, TestWorld } from '../../test/population-world.ts'
import { leaseJobs } from './job-store.ts'
import { advanceJob } from './work.ts'

let world: TestWorld
const clock = new ManualClock('2026-03-06T15:02:10.811Z')
beforeAll(async () => {
  world = await TestWorld.start(clock)
})
afterAll(() => world.close())

const activated = 'producersync.npn.activated'
const deactivated = 'producersync.npn.deactivated'

describe('what a job does', () => {
  test('rule 11: a replace sends activated for list − population and deactivated for population − list, nothing else', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['10', '20', '30', '9'])
    const before = await world.events(account)
    const jobId = await run(account, 'replace', ['20', '40', 'x', '40'])
    expect(await world.population(account)).toEqual(['20', '40'])
    expect(since(before, await world.events(account))).toEqual([
      `${deactivated} 10`,
      `${deactivated} 30`,
      `${deactivated} 9`,
      `${activated} 40`,
    ])
    expect(await world.items(account, jobId)).toEqual([
      { npn: '20', outcome: 'already_active', reason: null },
      { npn: '40', outcome: 'added', reason: null },
      { npn: 'x', outcome: 'invalid', reason: 'malformed' },
      { npn: '9', outcome: 'removed', reason: null },
      { npn: '10', outcome: 'removed', reason: null },
      { npn: '30', outcome: 'removed', reason: null },
    ])
    expect(await world.job(account, jobId)).toMatchObject({
      state: 'partly_failed',
      requested: 4,
      distinct: 3,
      leaving: 3,
    })
  })

  test('rule 11: a repeated replace sends nothing and touches no row', async () => {
    const account = await world.addAccount()
    await run(account, 'replace', ['1', '2', '3'])
    const [before, rows] = [await world.events(account), await rowVersions(account)]
    const jobId = await run(account, 'replace', ['3', '2', '1'])
    expect(await world.events(account)).toEqual(before)
    expect(await rowVersions(account)).toEqual(rows)
    expect(await world.job(account, jobId)).toMatchObject({
      state: 'succeeded',
      counts: { already_active: 3, added: 0 },
    })
  })

  test('an NPN that joined after the start of a replace stays', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['1', '2'])
    await world.submit(account, 'replace', ['2'])
    const lease = { runnerId: crypto.randomUUID(), leaseMs: 60_000 }
    const [key] = await leaseJobs(world.updates, lease.runnerId, lease.leaseMs, 1, clock.now())
    if (!key) throw new Error('no job')
    await advanceJob(parts(), lease, key) // it has started
    await world.owner
      .query`update population_count set changes = changes + 1, loading = loading + 1 where account_id = ${account.accountId}`
    await world.owner.query`
      insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations)
      select account_id, 3, true, now(), now(), changes, 'read', 'loading', 1 from population_count where account_id = ${account.accountId}`
    await world.work(world.updates, lease)
    while ((await advanceJob(parts(), lease, key)).state === 'unfinished');
    expect(await world.population(account)).toEqual(['2', '3'])
  })

  test('a replace of a large population lists by NPN what it removes, in several transactions', async () => {
    const account = await world.addAccount()
    const { accountId } = account
    await world.owner.query`insert into population_count (account_id, ready, changes) values (${accountId}, 45000, 1)`
    await world.owner.query`
      insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations, fresh_on)
      select ${accountId}, n, true, now(), now(), 1, 'put', 'ready', 1, now() from generate_series(1, 45000) as n`
    const jobId = await world.submit(account, 'replace', ['100000', '40000', '1'])
    const own = lease()
    const [key] = await leaseJobs(world.updates, own.runnerId, own.leaseMs, 1, clock.now())
    if (!key) throw new Error('no job')
    const leaving = []
    for (let step = 0; step < 4; step += 1) {
      await advanceJob(parts(), own, key)
      leaving.push((await world.job(account, jobId)).leaving)
    }
    expect(leaving).toEqual([0, 19_999, 39_998, 44_998])
    const npns = (await world.items(account, jobId)).map(({ npn }) => npn)
    expect(npns).toEqual(['100000', '40000', '1', ...range(2, 39_999), ...range(40_001, 45_000)])
    await world.owner.query`update account set deleted_at = now() where id = ${accountId}`
  })

  test('a full population can be exchanged for another, and what is too much has limit_reached', async () => {
    const account = await world.addAccount({ populationMax: 3 })
    const first = await run(account, 'add', ['1', '2', '3', '4', '1'])
    expect((await world.items(account, first)).at(-1)).toEqual({
      npn: '4',
      outcome: 'invalid',
      reason: 'limit_reached',
    })
    await run(account, 'replace', ['3', '5', '6'])
    expect(await world.population(account)).toEqual(['3', '5', '6'])
    const last = await run(account, 'add', ['7', '3'])
    expect(await world.job(account, last)).toMatchObject({
      state: 'partly_failed',
      counts: { invalid: 1, already_active: 1 },
    })
    expect(await world.job(account, await run(account, 'add', ['7']))).toMatchObject({ state: 'failed' })
    await run(account, 'remove', ['3'])
    expect(await world.job(account, await run(account, 'add', ['7']))).toMatchObject({ state: 'succeeded' })
  })

  test('rule 14: malformed and duplicate elements fail no batch, and counters equal the rows', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['5'])
    const before = await world.events(account)
    const elements = ['7', '00123', '5', '7', '\u0000', '"', '\ud800', '7', '6', '00123', ' 6']
    const jobId = await run(account, 'add', elements)
    const items = await world.items(account, jobId)
    expect(items.map(({ npn, outcome }) => [npn, outcome])).toEqual([
      ['7', 'added'],
      ['00123', 'invalid'],
      ['5', 'already_active'],
      ['\u0000', 'invalid'],
      ['"', 'invalid'],
      ['\ud800', 'invalid'],
      ['6', 'added'],
      [' 6', 'invalid'],
    ])
    expect(await world.job(account, jobId)).toMatchObject({
      state: 'partly_failed',
      requested: elements.length,
      distinct: items.length,
      counts: { added: 2, already_active: 1, removed: 0, not_active: 0, invalid: 5 },
    })
    expect(since(before, await world.events(account))).toEqual([`${activated} 6`, `${activated} 7`])
  })

  test('rule 14: PUT of active and DELETE of unknown NPNs send no event and succeed', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['1'])
    const before = await world.events(account)
    const added = await run(account, 'add', ['1'])
    const removed = await run(account, 'remove', ['2'])
    expect(await world.events(account)).toEqual(before)
    expect(await world.job(account, added)).toMatchObject({ state: 'succeeded', counts: { already_active: 1 } })
    expect(await world.job(account, removed)).toMatchObject({ state: 'succeeded', counts: { not_active: 1 } })
  })

  test('rule 15: with confirmEmpty a replace by nothing removes everything', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['1', '2'])
    await world.submit(account, 'replace', [], true)
    const jobId = await world.submit(account, 'replace', [], true)
    await world.work()
    expect(await world.population(account)).toEqual([])
    expect(await world.job(account, jobId)).toMatchObject({ state: 'succeeded', requested: 0, distinct: 0, leaving: 0 })
  })

  test('rule 16: jobs take effect in the order of acceptance', async () => {
    const account = await world.addAccount()
    const types = ['add', 'remove', 'add', 'add', 'replace', 'remove'] as const
    const jobIds = []
    for (const type of types) jobIds.push(await world.submit(account, type, ['1']))
    await world.work()
    const outcomes = []
    for (const jobId of jobIds) outcomes.push((await world.items(account, jobId))[0]?.outcome)
    expect(outcomes).toEqual(['added', 'removed', 'added', 'already_active', 'already_active', 'removed'])
  })

  test('rule 16: jobs accepted at the same time get an order without gaps', async () => {
    const account = await world.addAccount()
    await Promise.all(range(1, 20).map((npn) => world.submit(account, 'add', [npn])))
    const rows = await world.owner.query<{ number: number }>`
      select number from population_job where account_id = ${account.accountId} order by number`
    expect(rows.map((row) => row.number)).toEqual(range(1, 20).map(Number))
    await world.work()
  })

  test('a preloaded NPN is ready, has had no event, and can be removed and added like any other', async () => {
    const account = await world.addAccount({ environment: 'sandbox', populationMax: 10_000 })
    await world.api.transaction({ settings: visibleTo(account.environment, account.accountId) }, (tx) =>
      preload(tx, { id: account.accountId, createdAt: clock.now() }),
    )
    expect(await world.population(account)).toEqual(['15645555', '19855109'])
    expect(await world.events(account)).toEqual([])
    await run(account, 'remove', ['15645555'])
    await run(account, 'add', ['15645555', '1'])
    expect(since([], await world.events(account))).toEqual([
      `${deactivated} 15645555`,
      `${activated} 1`,
      `${activated} 15645555`,
    ])
    const statuses = await world.owner.query`
      select npn, source, data_status, activations from population where account_id = ${account.accountId} order by npn`
    expect(statuses).toEqual([
      { npn: 1, source: 'put', data_status: 'loading', activations: 1 },
      { npn: 15645555, source: 'put', data_status: 'ready', activations: 2 },
      { npn: 19855109, source: 'preloaded', data_status: 'ready', activations: 1 },
    ])
    const [counts] = await world.owner.query`
      select loading, ready, not_found from population_count where account_id = ${account.accountId}`
    expect(counts).toEqual({ loading: 1, ready: 2, not_found: 0 })
  })
})

describe('events', () => {
  test('rule 12: population row, event and one delivery per endpoint are of one transaction, at most 500 NPNs and 5,000 deliveries', async () => {
    const account = await world.addAccount({ endpoints: 12 })
    await run(account, 'add', range(1, 1_000))
    const together = await world.owner.query<{ npns: number; events: number; deliveries: number }>`
      select count(distinct p.npn) as npns, count(distinct e.id) as events, count(*) as deliveries
        from population p
        join event e on e.account_id = p.account_id and e.xmin = p.xmin
             and convert_from(e.payload, 'utf8')::json -> 'data' ->> 'npn' = p.npn::text
        join pending d on d.account_id = e.account_id and d.event_id = e.id and d.xmin = e.xmin
        join population_job_item i on i.account_id = p.account_id and i.npn = p.npn and i.xmin = p.xmin and i.outcome = 'added'
       where p.account_id = ${account.accountId} group by p.xmin::text order by 1 desc`
    expect(together).toEqual([
      { npns: 416, events: 416, deliveries: 4_992 },
      { npns: 416, events: 416, deliveries: 4_992 },
      { npns: 168, events: 168, deliveries: 2_016 },
    ])
  })

  test('population changes are accepted however many deliveries are pending', async () => {
    const account = await world.addAccount({ endpoints: 100 })
    await run(account, 'add', range(1, 60))
    expect((await world.events(account)).map((event) => event.pending)).toEqual(Array.from({ length: 60 }, () => 100))
  })

  test('rule 23: one body as specified, its evt_ id the msg_ id, and the id’s time its timestamp cut to 4 ms', async () => {
    const account = await world.addAccount()
    await run(account, 'add', ['912484758'])
    const [event] = await world.events(account)
    const id = event?.id.slice('msg_'.length) ?? ''
    expect(event?.payload.toString()).toBe(
      `{"id":"evt_${id}","type":"${activated}","timestamp":"${event?.timestamp}","data":{"npn":"912484758"}}`,
    )
    expectIdsOfTheirTime(await world.events(account))
    const [row] = await world.owner.query`
      select activated_at, changed_at from population where account_id = ${account.accountId}`
    expect(row).toEqual({ activated_at: new Date(event?.timestamp ?? 0), changed_at: new Date(event?.timestamp ?? 0) })
  })

  test.each([
    ['stands still', 0],
    ['steps back an hour each time', -3_600_000],
    ['steps back by less than a tick', -1],
  ])('rule 22: fast cycles about one NPN have strictly increasing timestamps when the clock %s', async (_, stepMs) => {
    const account = await world.addAccount()
    for (let cycle = 0; cycle < 12; cycle += 1) {
      const steps: Clock = { now: () => addMs(clock.now(), cycle * stepMs), alarm: clock.alarm.bind(clock) }
      await world.submit(account, cycle % 2 === 0 ? 'add' : 'remove', ['1', '2', String(100 + cycle)])
      // ids of a process that has just started: nothing but the population knows of later ones
      await world.work(world.updates, undefined, { clock: steps, ids: new IdSource(steps) })
    }
    const events = await world.events(account)
    for (const npn of ['1', '2']) {
      const own = events.filter((event) => event.npn === npn).sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
      expect(new Set(own.map((event) => event.timestamp)).size).toBe(12)
      expect(own.map((event) => event.type)).toEqual(own.map((_, index) => (index % 2 === 0 ? activated : deactivated)))
    }
    // what is new at a moment happens at that moment, beside NPNs whose last event was later
    const newcomers = events.filter((event) => Number(event.npn) >= 100).map((event) => Date.parse(event.timestamp))
    const moments = [0, 2, 4, 6, 8, 10].map((cycle) => clock.now().getTime() + cycle * stepMs)
    expect(newcomers.toSorted((a, b) => b - a)).toEqual(moments)
    expectIdsOfTheirTime(events)
  })
})

test('an NPN whose last event is far ahead of the clock does not carry the ids of the process with it', async () => {
  const account = await world.addAccount()
  await run(account, 'add', ['1'])
  const ahead = addMs(clock.now(), 3_600_000)
  await world.owner.query`update population set changed_at = ${ahead} where account_id = ${account.accountId}`
  await run(account, 'remove', ['1'])
  expect((await world.events(account)).at(-1)?.timestamp).toBe(addMs(ahead, 1).toISOString())
  expect(Number(world.ids.next().at)).toBeLessThan(Number(ahead))
})

describe('a crash', () => {
  const list = ['40', 'x', '20', '50', '40', '60']

  test('rule 12: killed at any statement of any transaction, before or after any commit, a job ends as one that was not', async () => {
    const quiet = await afterReplace()
    for (let at = 1; ; at += 1) {
      const account = await world.addAccount()
      await run(account, 'add', ['10', '20', '30'])
      const jobId = await world.submit(account, 'replace', list)
      const killed = await world.work(failingAt(world.updates, at)).then(
        () => false,
        (error: unknown) => error instanceof Killed,
      )
      await expectNothingHalf(account)
      await world.letLeasesPass()
      await world.work()
      expect(await state(account, jobId), `killed at ${at}`).toEqual(quiet)
      if (!killed) {
        expect(at).toBeGreaterThan(30) // there were that many places to be killed at
        return
      }
    }
  })

  test('rule 12: killed in every chunk of a long job, it ends as one that was not', async () => {
    const account = await world.addAccount()
    await run(account, 'add', range(1_000, 2_200))
    const jobId = await world.submit(account, 'replace', range(2_000, 3_300))
    let deaths = 0
    for (let finished = false; !finished; ) {
      try {
        await world.work(failingAt(world.updates, 17))
        finished = true
      } catch (error) {
        if (!(error instanceof Killed)) throw error
        deaths += 1
        await world.letLeasesPass()
      }
    }
    expect(deaths).toBeGreaterThanOrEqual(5)
    expect(await world.population(account)).toEqual(range(2_000, 3_300))
    expect(await world.job(account, jobId)).toMatchObject({
      state: 'succeeded',
      counts: { added: 1_100, already_active: 201, removed: 1_000 },
    })
    const described_ = (await world.events(account)).map(described)
    expect(described_).toHaveLength(1_201 + 1_000 + 1_100)
    expect(new Set(described_).size).toBe(described_.length)
  })

  test('steps of one job at the same time treat each item once', async () => {
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', range(1, 2_000))
    const own = lease()
    const [key] = await leaseJobs(world.updates, own.runnerId, own.leaseMs, 1, clock.now())
    if (!key) throw new Error('no job')
    await advanceJob(parts(), own, key)
    const steps = await Promise.all(range(1, 6).map(() => advanceJob(parts(), own, key)))
    expect(steps.map(({ state }) => state).sort()).toEqual([
      'finished',
      'lost',
      'lost',
      'unfinished',
      'unfinished',
      'unfinished',
    ])
    expect(await world.job(account, jobId)).toMatchObject({ state: 'succeeded', counts: { added: 2_000 } })
    expect(await world.events(account)).toHaveLength(2_000)
  })

  test('a job that another runner has taken over is no longer touched by the first', async () => {
    const account = await world.addAccount()
    await world.submit(account, 'add', range(1, 600))
    const [one, two] = [lease(), lease()]
    const [key] = await leaseJobs(world.updates, one.runnerId, one.leaseMs, 1, clock.now())
    if (!key) throw new Error('no job')
    await advanceJob(parts(), one, key)
    await advanceJob(parts(), one, key)
    expect(await leaseJobs(world.updates, two.runnerId, two.leaseMs, 1, clock.now())).toEqual([])
    await world.letLeasesPass()
    expect((await advanceJob(parts(), one, key)).state).toBe('lost') // its lease has passed, though nobody has taken it yet
    expect(await leaseJobs(world.updates, two.runnerId, two.leaseMs, 1, clock.now())).toEqual([key])
    expect((await advanceJob(parts(), one, key)).state).toBe('lost')
    expect((await advanceJob(parts(), two, key)).state).toBe('finished')
    expect(await world.population(account)).toHaveLength(600)
  })

  async function afterReplace() {
    const account = await world.addAccount()
    await run(account, 'add', ['10', '20', '30'])
    return await state(account, await run(account, 'replace', list))
  }

  async function state(account: TestAccount, jobId: string) {
    const {
      acceptedAt: _a,
      startedAt: _s,
      updatedAt: _u,
      finishedAt: _f,
      id: _i,
      ...job
    } = await world.job(account, jobId)
    const events = (await world.events(account)).map((event) => `${described(event)} ${event.pending}`).sort()
    return { job, items: await world.items(account, jobId), population: await world.population(account), events }
  }
})

describe('a job that stands still', () => {
  test('is ended with a message after an hour: failed before its first chunk', async () => {
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', ['1'])
    await standStill(1)
    await world.work()
    expect(await world.job(account, jobId)).toMatchObject({
      state: 'failed',
      message: 'Stopped: no progress for one hour',
    })
    expect(await world.population(account)).toEqual([])
  })

  test('is partly_failed when stopped half-way, keeps what it has done, and lets the next one run', async () => {
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', range(1, 600))
    const next = await world.submit(account, 'remove', ['1'])
    await expect(world.work(failingAt(world.updates, 20))).rejects.toThrow(Killed)
    await standStill(1)
    await world.work()
    expect(await world.job(account, jobId)).toMatchObject({ state: 'partly_failed', counts: { added: 500 } })
    expect((await world.items(account, jobId)).filter(({ outcome }) => outcome === null)).toHaveLength(100)
    expect(await world.job(account, next)).toMatchObject({ state: 'succeeded', counts: { removed: 1 } })
  })

  test('goes on when nobody was there to work on it', async () => {
    const account = await world.addAccount()
    const jobId = await world.submit(account, 'add', range(1, 600))
    await expect(world.work(failingAt(world.updates, 20))).rejects.toThrow(Killed)
    await standStill(3_600)
    await world.work()
    expect(await world.job(account, jobId)).toMatchObject({ state: 'succeeded', counts: { added: 600 } })
  })

  /** An hour passes in which a runner holds the job; then its lease passes, `secondsAgo`. */
  async function standStill(secondsAgo: number): Promise<void> {
    await leaseJobs(world.updates, crypto.randomUUID(), 60_000, 100, clock.now())
    clock.advanceMs(3_600_000)
    await world.owner.query`
      update population_job set lease_until = now() - ${secondsAgo} * interval '1 second' where finished_at is null`
  }
})

function parts() {
  return { database: world.updates, clock, ids: world.ids }
}

function lease() {
  return { runnerId: crypto.randomUUID(), leaseMs: 60_000 }
}

async function run(account: TestAccount, type: 'add' | 'replace' | 'remove', npns: string[]): Promise<string> {
  const jobId = await world.submit(account, type, npns)
  await world.work()
  return jobId
}

function described({ type, npn }: SeenEvent): string {
  return `${type} ${npn}`
}

/** What is new, in the order of type and NPN. */
function since(before: SeenEvent[], now: SeenEvent[]): string[] {
  const known = new Set(before.map((event) => event.id))
  return now
    .filter((event) => !known.has(event.id))
    .map(described)
    .sort()
    .sort((a, b) => Number(a.startsWith(activated)) - Number(b.startsWith(activated)))
}

function expectIdsOfTheirTime(events: SeenEvent[]): void {
  for (const { id, timestamp, payload } of events) {
    expect(JSON.parse(payload.toString()).id).toBe(id.replace('msg_', 'evt_'))
    expect(ksuidTime(id.slice('msg_'.length)).getTime()).toBe(Math.floor(Date.parse(timestamp) / 4) * 4)
  }
}

/** Whatever was cut off: each NPN's last event says what the population says, and the totals are right. */
async function expectNothingHalf(account: TestAccount): Promise<void> {
  const last = new Map((await world.events(account)).map((event) => [event.npn, event.type]))
  const active = [...last].filter(([, type]) => type === activated).map(([npn]) => npn)
  const population = await world.population(account)
  expect(active.sort()).toEqual(population.toSorted())
  expect(await world.keptTotals(account)).toEqual({ kept: population.length, counted: population.length })
}

async function rowVersions(account: TestAccount): Promise<unknown[]> {
  return await world.owner.query`
    select npn, xmin::text from population where account_id = ${account.accountId} order by npn`
}
