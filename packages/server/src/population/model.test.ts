import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { failingAt, Killed } from '../../test/failing-database.ts'
import { TestWorld } from '../../test/population-world.ts'
import { type ItemResult, type JobType, outcomes } from './job.ts'
import { parseNpn } from './npn.ts'

let world: TestWorld
beforeAll(async () => {
  world = await TestWorld.start()
})
afterAll(() => world.close())

type ModelJob = { type: JobType; elements: string[] }

const element = fc.oneof(
  { weight: 6, arbitrary: fc.integer({ min: 1, max: 12 }).map(String) },
  { weight: 1, arbitrary: fc.constantFrom('00123', '', 'x', '9999999999', '10000000000') },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
)
const job: fc.Arbitrary<ModelJob> = fc.oneof(
  fc.record({ type: fc.constantFrom('add', 'remove'), elements: fc.array(element, { minLength: 1, maxLength: 14 }) }),
  fc.record({ type: fc.constant('replace' as const), elements: fc.array(element, { maxLength: 14 }) }),
)

test('rules 11, 12, 14, 16: random jobs, killed anywhere, have the outcomes, population and events of a model that never dies', async () => {
  const scenario = fc.record({
    jobs: fc.array(job, { minLength: 1, maxLength: 6 }),
    populationMax: fc.integer({ min: 3, max: 14 }),
    killedAt: fc.array(fc.integer({ min: 1, max: 40 }), { maxLength: 3 }),
  })
  await fc.assert(
    fc.asyncProperty(scenario, async ({ jobs, populationMax, killedAt }) => {
      const account = await world.addAccount({ populationMax })
      const jobIds = []
      for (const { type, elements } of jobs) jobIds.push(await world.submit(account, type, elements, true))
      for (const place of killedAt) {
        await world.work(failingAt(world.updates, place)).catch((error: unknown) => {
          if (!(error instanceof Killed)) throw error
        })
        await world.letLeasesPass()
      }
      await world.work()

      const model = new Model(populationMax)
      for (const [index, each] of jobs.entries()) {
        const items = model.take(each)
        const jobId = jobIds[index] ?? ''
        expect(await world.items(account, jobId)).toEqual(items)
        const { counts, requested, distinct, leaving } = await world.job(account, jobId)
        expect({ requested, rows: distinct + leaving }).toEqual({ requested: each.elements.length, rows: items.length })
        for (const outcome of outcomes) {
          expect(counts[outcome]).toBe(items.filter((item) => item.outcome === outcome).length)
        }
      }
      const population = model.population()
      expect(await world.population(account)).toEqual(population)
      expect(await world.keptTotals(account)).toEqual({ kept: population.length, counted: population.length })
      const perNpn = Map.groupBy(await world.events(account), (event) => event.npn)
      const byTime = [...perNpn].map(([npn, events]) => {
        const sorted = events.sort((a, b) => (a.timestamp < b.timestamp ? -1 : 1))
        return [npn, sorted.map((event) => event.type.replace('producersync.npn.', ''))] as const
      })
      expect(new Map(byTime)).toEqual(model.events)
    }),
    { numRuns: 40 },
  )
})

/** What producersync-api 6 says, on a set in memory. */
class Model {
  readonly events = new Map<string, string[]>()
  readonly #active = new Set<string>()
  readonly #max: number

  constructor(populationMax: number) {
    this.#max = populationMax
  }

  population(): string[] {
    return [...this.#active].sort((a, b) => Number(a) - Number(b))
  }

  take({ type, elements }: ModelJob): ItemResult[] {
    const distinct = [...new Set(elements)]
    const leaving = type === 'replace' ? this.population().filter((npn) => !distinct.includes(npn)) : []
    const left = leaving.map((npn) => this.#leave(npn))
    const listed = distinct.map((text): ItemResult => {
      if (parseNpn(text) === undefined) return { npn: text, outcome: 'invalid', reason: 'malformed' }
      return type === 'remove' ? this.#leave(text) : this.#join(text)
    })
    return [...listed, ...left]
  }

  #join(npn: string): ItemResult {
    if (this.#active.has(npn)) return { npn, outcome: 'already_active', reason: null }
    if (this.#active.size >= this.#max) return { npn, outcome: 'invalid', reason: 'limit_reached' }
    this.#active.add(npn)
    this.#note(npn, 'activated')
    return { npn, outcome: 'added', reason: null }
  }

  #leave(npn: string): ItemResult {
    if (!this.#active.delete(npn)) return { npn, outcome: 'not_active', reason: null }
    this.#note(npn, 'deactivated')
    return { npn, outcome: 'removed', reason: null }
  }

  #note(npn: string, what: string): void {
    this.events.set(npn, [...(this.events.get(npn) ?? []), what])
  }
}
