import { randomUUID } from 'node:crypto'
import { IdSource } from '#src/adapters/ids.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import type { PlannedDelivery } from '#src/events/accept.ts'
import { type Npn, parseNpn } from '#src/population/npn.ts'
import type { Transactions } from '#src/population/work.ts'
import { RECORD_KINDS, type RecordKind } from '#src/producers/record.ts'
import { RecordIds } from '#src/producers/record-ids.ts'
import { advanceRun } from '#src/updates/advance-run.ts'
import type {
  AlertKind,
  FeedFailure,
  NiprFeed,
  ProducerReport,
  ReportedAddress,
  ReportedLicense,
} from '#src/updates/feed/feed.ts'
import { loaCategories } from '#src/updates/feed/normalise-loa.ts'
import type { FeedParts } from '#src/updates/feed-parts.ts'
import { type Feed, leaseFeeds, readFeed, readHeldFeed, releaseFeed, saveFeed } from '#src/updates/feed-store.ts'
import { leaseLoads } from '#src/updates/load-store.ts'
import { type LocalDate, parseLocalDate } from '#src/updates/local-date.ts'
import { Pace } from '#src/updates/pace.ts'
import type { Run, RunTrigger } from '#src/updates/run.ts'
import { insertRun, readOpenRun } from '#src/updates/run-store.ts'
import { STANDARD_CALENDAR } from '#src/updates/schedule.ts'
import { storeLoads } from '#src/updates/store-loads.ts'
import { ManualClock } from './manual-clock.ts'
import { type SeenEvent, type TestAccount, TestWorld } from './population-world.ts'

export function day(text: string): LocalDate {
  const parsed = parseLocalDate(text)
  if (!parsed) throw new Error(`${text} is no day`)
  return parsed
}

function npn(text: string): Npn {
  const parsed = parseNpn(text)
  if (!parsed) throw new Error(`${text} is no NPN`)
  return parsed
}

const FAILURE: FeedFailure = { kind: 'failed', retry: false, refused: false, cause: 'http 500' }

/** A NIPR that says what a test has written into it. Each answer is one attempt. */
class ScriptedFeed implements NiprFeed {
  readonly producers = new Map<string, ProducerReport>()
  /** `day kind` or `day`: who is named; without an entry there is no report. */
  readonly alerted = new Map<string, string[]>()
  readonly failing = new Set<string>() // NPNs, `day kind` or `day`
  readonly targets = new Set<string>()
  readonly asked: string[] = []
  failure = FAILURE
  /** Called while a detail report is under way. */
  onDetail: (npn: string) => Promise<void> = async () => {}

  async alerts(kind: AlertKind, on: LocalDate) {
    this.asked.push(`${on} ${kind}`)
    if (this.failing.has(`${on} ${kind}`) || this.failing.has(on)) return this.failure
    const npns = this.alerted.get(`${on} ${kind}`) ?? this.alerted.get(on)
    if (!npns) return { kind: 'no_report' } as const
    const batches = (async function* () {
      yield npns.map(npn)
    })()
    return { kind: 'report', npns: batches } as const
  }

  async detail(of: Npn) {
    this.asked.push(of)
    const producer = this.producers.get(of)
    const answer = producer && structuredClone(producer)
    await this.onDetail(of)
    if (this.failing.has(of)) return this.failure
    return answer ? ({ kind: 'report', producer: answer } as const) : ({ kind: 'unknown' } as const)
  }

  async changeTargets(change: 'add' | 'remove', npns: readonly Npn[]) {
    for (const each of npns) {
      if (change === 'add') this.targets.add(each)
      else this.targets.delete(each)
    }
    return { kind: 'done' } as const
  }
}

/** A firm with an address and licenses, each with two lines of authority. */
export function producer(
  of: string,
  options: { name?: string; states?: string[]; loaStatus?: 'Active' | 'Cancelled' } = {},
): ProducerReport {
  const { name = `Firm ${of}`, states = ['CO', 'TX'], loaStatus = 'Active' } = options
  return {
    npn: npn(of),
    entity: {
      type: 'FIRM',
      feinId: '840000001',
      companyName: name,
      firstName: null,
      middleName: null,
      lastName: null,
      suffix: null,
      dateOfBirth: null,
      noLicenses: states.length === 0,
    },
    addresses: [address('CO', '1 Main Street')],
    contactInfos: [{ forState: 'CO', type: 'BUSINESS_EMAIL', niprDateUpdated: null, value: 'a@example.com' }],
    otherNames: [],
    licenses: states.map((state) => license(state, loaStatus)),
    appointments: [],
    regulatoryActions: [],
    warnings: 0,
  }
}

function address(forState: string, line1: string): ReportedAddress {
  return {
    forState,
    type: 'BUSINESS',
    niprDateUpdated: day('2025-12-01'),
    line1,
    line2: null,
    line3: null,
    city: 'Denver',
    state: 'CO',
    zip: '80211',
    country: 'U.S.A.',
  }
}

function license(forState: string, loaStatus: 'Active' | 'Cancelled' = 'Active'): ReportedLicense {
  const loa = (name: string, loaCode: string) => ({
    loa: name,
    loaCode,
    issueDate: day('2014-05-01'),
    status: loaStatus,
    statusReason: null,
    statusReasonDate: null,
    ceCompliance: null,
    ceCreditsNeeded: 0,
    ceRenewalDate: null,
    categories: loaCategories(name),
  })
  return {
    forState,
    niprDateUpdated: null,
    licenseNum: `A-${forState}`,
    originalIssueDate: day('2014-05-01'),
    expirationDate: day('2027-05-31'),
    perpetual: false,
    licenseClass: 'Insurance Producer',
    licenseClassCode: '3',
    residencyStatus: forState === 'CO' ? 'R' : 'NR',
    active: true,
    agentTypes: ['Producer'],
    licenseLoas: [loa('Property', '12'), loa('Casualty', '16')],
  }
}

type AnyDatabase = Queryable & Transactions

/** 6 March 2026, 10:15 in Chicago. */
const FRIDAY = '2026-03-06T16:15:00.000Z'
const FEED_TABLES = [
  'nipr_announcement',
  'nipr_change',
  'nipr_run_npn',
  'nipr_run',
  'nipr_report',
  'nipr_target',
  'nipr_feed',
  'population',
  'population_count',
]

/** Production's feed with a scripted NIPR; steps are made one by one, by an owner that holds the feed. */
export class FeedWorld {
  readonly world: TestWorld
  clock: ManualClock
  ids: IdSource
  nipr = new ScriptedFeed()
  planned: PlannedDelivery[] = []
  pace = new Pace()

  private constructor(world: TestWorld, clock: ManualClock) {
    this.world = world
    this.clock = clock
    this.ids = new IdSource(clock)
  }

  static async start(): Promise<FeedWorld> {
    const clock = new ManualClock(FRIDAY)
    const world = await TestWorld.start(clock)
    await world.database.open('worker').query`select make_partitions('2026-03-09', '2026-03-24')`
    const feedWorld = new FeedWorld(world, clock)
    await feedWorld.reset()
    return feedWorld
  }

  /** As if it had just been started: no producers, accounts of earlier tests are gone. */
  async reset(): Promise<void> {
    const { world } = this
    this.clock = new ManualClock(FRIDAY)
    this.ids = new IdSource(this.clock)
    world.clock = this.clock
    this.nipr = new ScriptedFeed()
    this.planned = []
    const tables = [...RECORD_KINDS, ...FEED_TABLES].map((table) => `delete from ${table}`)
    await world.owner.transactionBatch(tables.map((text) => ({ text, values: [] })))
    await world.owner.query`update account set deleted_at = now()`
    const feed = {
      id: 'production',
      environment: 'production',
      accountId: null,
      kind: 'nipr',
      seed: '',
      owedFrom: day('2026-03-05'),
      cleanedOn: day('2026-03-05'),
    } as const
    await world.updates.transaction({}, (tx) => saveFeed(tx, feed, this.clock.now()))
  }

  async close(): Promise<void> {
    await this.world.close()
  }

  parts(database: AnyDatabase = this.world.updates): FeedParts {
    return {
      database,
      clock: this.clock,
      ids: this.ids,
      recordIds: new RecordIds(),
      random: () => 0.5,
      connect: async () => this.nipr,
      calendarOf: () => STANDARD_CALENDAR,
      renewalRules: {},
      pace: this.pace,
      wake: (deliveries) => void this.planned.push(...deliveries),
      log: { info: () => {}, warn: () => {}, error: () => {} },
    }
  }

  async feed(): Promise<Feed> {
    const feed = await readFeed(this.world.owner, 'production')
    if (!feed) throw new Error('no feed')
    return feed
  }

  /** NPNs join an account's population and their first data is loaded. */
  async monitor(account: TestAccount, npns: string[], options: { load?: boolean } = {}): Promise<void> {
    await this.world.submit(account, 'add', npns)
    await this.world.work(this.world.updates, undefined, this)
    if (options.load !== false) await this.load()
  }

  /** First loads that are due. @returns how many */
  async load(database?: AnyDatabase): Promise<number> {
    const feed = await this.feed()
    const loads = await leaseLoads(this.world.updates, feed.id, 60_000, 1_000, this.clock.now())
    const loaded = []
    for (const load of loads) {
      const answer = await this.nipr.detail(load.npn)
      if (answer.kind === 'failed') continue
      loaded.push({ load, producer: answer.kind === 'report' ? answer.producer : null })
    }
    await storeLoads(this.parts(database), feed, loaded)
    return loads.length
  }

  /** Takes the feed from whoever holds it, as when he has died. @returns the new owner */
  async takeOver(): Promise<string> {
    const owner = randomUUID()
    await this.world.owner.query`update nipr_feed set lease_until = now() where lease_owner is not null`
    await leaseFeeds(this.world.updates, owner, 3_600_000, 10, new Date(8_000_000_000_000))
    return owner
  }

  async begin(runDate: string, options: { trigger?: RunTrigger; fullRefresh?: boolean } = {}): Promise<string> {
    const { trigger = 'schedule', fullRefresh = false } = options
    const id = randomUUID()
    await this.world.updates.transaction({}, (tx) =>
      insertRun(
        tx,
        { id, feedId: 'production', runDate: day(runDate), trigger, scenario: 'normal', fullRefresh },
        this.clock.now(),
      ),
    )
    return id
  }

  /** Steps of the open run until it has ended or waits for the clock. @returns the run as it is then */
  async advance(database?: AnyDatabase): Promise<Run> {
    const owner = await this.takeOver()
    for (;;) {
      const feed = await this.feed()
      const run = await readOpenRun(this.world.owner, feed.id)
      if (!run || run.nextTryAt > this.clock.now()) break
      await advanceRun(
        this.parts(database),
        { feed, run, owner },
        this.nipr,
        async () => {},
        new AbortController().signal,
      )
      const after = await readOpenRun(this.world.owner, feed.id)
      if (after?.state === 'held' && run.state === 'held') break
      if (!(await readHeldFeed(this.world.owner, feed.id, owner))) break // somebody has taken it over
    }
    await releaseFeed(this.world.updates, owner, 'production', this.clock.now())
    return await this.newestRun()
  }

  async run(runDate: string, options: Parameters<FeedWorld['begin']>[1] = {}): Promise<Run> {
    await this.begin(runDate, options)
    return await this.advance()
  }

  async newestRun(): Promise<Run> {
    const [row] = await this.world.owner.query<Run>`
      select id, run_date as "runDate", state, counts, late, message, covers, ended_at as "endedAt" from nipr_run
       order by scheduled_at desc, (ended_at is null) desc, ended_at desc limit 1`
    if (!row) throw new Error('no run')
    return row
  }

  /** All records as they are stored, without what differs from one time to another. */
  async records(): Promise<Record<string, unknown>[]> {
    const rows: Record<string, unknown>[] = []
    for (const kind of RECORD_KINDS) rows.push(...(await this.table(kind)))
    return rows
  }

  async table(kind: RecordKind): Promise<Record<string, unknown>[]> {
    const rows = await this.world.owner.run<{ row: Record<string, unknown> }>({
      text: `select to_jsonb(r) || jsonb_build_object('kind', '${kind}') as row from ${kind} r order by npn, id`,
      values: [],
    })
    return rows.map(({ row }) => row)
  }

  /** The physical version of every record: changes with any write. */
  async versions(): Promise<string[]> {
    const all: string[] = []
    for (const kind of RECORD_KINDS) {
      const rows = await this.world.owner.run<{ version: string }>({
        text: `select '${kind}' || id || ' ' || xmin as version from ${kind} order by id`,
        values: [],
      })
      all.push(...rows.map(({ version }) => version))
    }
    return all
  }

  async announcements(account: TestAccount): Promise<string[]> {
    const events = await this.world.events(account)
    return events.filter(isAnnouncement).map(({ payload }) => JSON.parse(payload.toString()).data.runDate)
  }
}

function isAnnouncement({ type }: SeenEvent): boolean {
  return type === 'producersync.updates_available'
}
