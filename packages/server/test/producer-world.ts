import type { FastifyInstance } from 'fastify'
import { pino } from 'pino'
import type { Account, Environment, Principal, Scope } from '#src/accounts/principal.ts'
import type { RateWindow } from '#src/adapters/http/producersync.ts'
import { producersyncRoutes } from '#src/adapters/http/producersync.ts'
import { createHttp } from '#src/adapters/http/server.ts'
import { DomainError } from '#src/domain-error.ts'
import { subscribe } from '#src/population/subscribe.ts'
import { registerProducerRoutes } from '#src/producers/routes.ts'
import type { ManualClock } from './manual-clock.ts'
import { type TestAccount, TestWorld } from './population-world.ts'
import { WatchedAnswers } from './watched-answers.ts'

export const PUBLIC_URL = 'https://sync.example'

/** A record as it is answered. */
export type Row = { id: number; npn: string; updatedAt: string; licenseLoas: Row[]; links: object }

export type Page = { embedded?: Record<string, Row[]>; links: { self: { href: string }; next: { href: string } } }

const PAGES_MAX = 300

type Monitored = {
  dataStatus?: 'loading' | 'ready' | 'not_found'
  freshOn?: string
  activations?: number
  active?: boolean
}

/** What the API of the producers' data answers, over records that a test has put there. */
export class ProducerWorld {
  readonly world: TestWorld
  readonly http: FastifyInstance
  /** Of every account. */
  rateWindow: RateWindow = { allowed: true, limit: 300, remaining: 299, resetSeconds: 9 }
  /** How many the routes have told of. */
  reads = 0
  readonly #clock: ManualClock
  readonly #answers = new WatchedAnswers()
  readonly #accounts = new Map<string, Account>()

  private constructor(world: TestWorld, clock: ManualClock) {
    this.world = world
    this.#clock = clock
    this.http = createHttp({ log: pino({ level: 'silent' }) })
    this.#answers.watch(this.http)
    const access = {
      authenticate: async (bearer: string | undefined) => this.#principalOf(bearer),
      accountOf: async (_principal: Principal, id: string) => this.#accountOf(id),
    }
    producersyncRoutes(this.http, { access, limiter: async () => this.rateWindow, clock }, (routes) =>
      registerProducerRoutes(routes, {
        api: world.api,
        lists: world.api,
        clock,
        publicUrl: PUBLIC_URL,
        onRead: () => {
          this.reads += 1
        },
        subscribe: (account, npn) =>
          subscribe({ updates: world.updates, clock, ids: world.ids, wake: () => {} }, account, npn),
      }),
    )
  }

  static async start(clock: ManualClock): Promise<ProducerWorld> {
    return await ProducerWorld.over(await TestWorld.start(clock), clock)
  }

  /** Of a world that is there, and ends with it. */
  static async over(testWorld: TestWorld, clock: ManualClock): Promise<ProducerWorld> {
    const world = new ProducerWorld(testWorld, clock)
    await world.http.ready()
    return world
  }

  /** @throws an error when an answer was not as openapi.json describes it */
  async close(): Promise<void> {
    await this.http.close()
    await this.world.close()
    this.#answers.check()
  }

  /** How many reads wait for a first load: each has an alarm of its own, and nothing else has one here. */
  get waiting(): number {
    return this.#clock.alarms
  }

  /** With an endpoint; of a production account the feed is shared. */
  async addAccount(
    environment: Environment = 'production',
    settings: { populationMax?: number; autoSubscribe?: boolean } = {},
  ): Promise<TestAccount & { feedId: string }> {
    const { populationMax = 1_000, autoSubscribe = true } = settings
    const { accountId } = await this.world.addAccount({ environment, populationMax })
    await this.world.owner.query`update account set auto_subscribe = ${autoSubscribe} where id = ${accountId}`
    const now = this.world.clock.now()
    this.#accounts.set(accountId, {
      id: accountId,
      environment,
      uid: null,
      name: 'Test',
      throttleRate: null,
      metadata: {},
      populationMax,
      autoSubscribe,
      createdAt: now,
      updatedAt: now,
    })
    return { accountId, environment, feedId: environment === 'production' ? 'production' : accountId }
  }

  /** Puts NPNs into a population, or changes how they stand in it. */
  async monitor({ accountId }: TestAccount, npns: readonly string[], how: Monitored = {}): Promise<void> {
    const { dataStatus = 'ready', freshOn = '2026-02-02', activations = 1, active = true } = how
    const now = this.world.clock.now()
    const { owner } = this.world
    await owner.query`
      insert into population (account_id, npn, active, activated_at, changed_at, change_number, source, data_status, activations,
                              fresh_on)
      select ${accountId}, npn, ${active}, ${now}, ${now}, 1, 'put', ${dataStatus}, ${activations},
             ${dataStatus === 'ready' ? freshOn : null}::date
        from unnest(${npns}::bigint[]) as npn
          on conflict (account_id, npn) do update
         set active = excluded.active, data_status = excluded.data_status, fresh_on = excluded.fresh_on`
    // whose data is current, for whoever activates it next
    await owner.query`
      insert into nipr_target (feed_id, npn, state, data)
      select (select feed_id from account where id = ${accountId}), npn, 'active', ${dataStatus}
        from unnest(${npns}::bigint[]) as npn
          on conflict (feed_id, npn) do update set data = excluded.data`
    await owner.query`delete from population_count where account_id = ${accountId}`
    await owner.query`
      insert into population_count (account_id, loading, ready, not_found)
      select ${accountId}, count(*) filter (where data_status = 'loading'), count(*) filter (where data_status = 'ready'),
             count(*) filter (where data_status = 'not_found')
        from population where account_id = ${accountId} and active`
  }

  /** @param scopes  of the token; by default it may read and write */
  async get(
    { accountId }: TestAccount,
    url: string,
    scopes: readonly Scope[] = ['producersync.read', 'producersync.write'],
  ) {
    const path = url.startsWith(PUBLIC_URL) ? url.slice(PUBLIC_URL.length) : url
    const authorization = `Bearer ${[accountId, ...scopes].join('~')}`
    return await this.http.inject({ method: 'GET', url: path, headers: { authorization } })
  }

  /** The answer, which must be a success. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any operation
  async ok(account: TestAccount, url: string): Promise<any> {
    const response = await this.get(account, url)
    if (response.statusCode !== 200) throw new Error(`${url}: ${response.statusCode} ${response.body}`)
    return response.json()
  }

  /** The pages of a list, from `next` to `next`; the last has no rows. Nothing here has hundreds. */
  async pages(account: TestAccount, url: string): Promise<Page[]> {
    const pages: Page[] = []
    for (let next = url; pages.length < PAGES_MAX; ) {
      const page: Page = await this.ok(account, next)
      pages.push(page)
      if (!page.embedded) return pages
      next = page.links.next.href
    }
    throw new Error(`${url} does not end`)
  }

  /** All rows of a list. */
  async all(account: TestAccount, url: string): Promise<Row[]> {
    const pages = await this.pages(account, url)
    return pages.flatMap(({ embedded = {} }) => Object.values(embedded).flat())
  }

  #principalOf(bearer = ''): Principal {
    const [accountId = '', ...scopes] = bearer.split('~')
    const account = this.#accounts.get(accountId)
    if (!account) throw new DomainError('unauthenticated', 'Invalid token')
    return {
      kind: 'access',
      tokenId: accountId,
      environment: account.environment,
      accountId,
      clientId: accountId,
      // of this class alone
      scopes: new Set(scopes as Scope[]),
      capabilities: new Set(),
      featureFlags: new Set(),
      sessionId: null,
      portalSessionId: null,
    }
  }

  #accountOf(id: string): Account {
    const account = this.#accounts.get(id)
    if (!account) throw new DomainError('not_found', 'Entity not found')
    return account
  }
}
