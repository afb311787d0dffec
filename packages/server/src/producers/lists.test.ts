import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { range } from '../../test/population-world.ts'
import { type Page, ProducerWorld, PUBLIC_URL } from '../../test/producer-world.ts'
import { insertProducer, insertRecords, recordRow } from '../../test/record-rows.ts'

let world: ProducerWorld

beforeAll(async () => {
  world = await ProducerWorld.start(new ManualClock('2026-03-06T15:02:10.811Z'))
})
afterAll(async () => {
  await world.close()
})

describe('rule 25: the pages of a list', () => {
  test.each([
    [0, 3],
    [1, 3],
    [3, 3],
    [4, 3],
    [6, 3],
    [7, 1],
  ])(
    '%i records at size %i take ⌈n/s⌉ + 1 requests; only the last has no embedded, and continuationToken=0',
    async (n, size) => {
      const account = await populated(n)
      const pages = await world.pages(account, `/v2/addresses?size=${size}`)
      expect(pages).toHaveLength(Math.ceil(n / size) + 1)
      expect(pages.at(-1)).not.toHaveProperty('embedded')
      for (const [index, page] of pages.entries()) {
        const next = new URL(page.links.next.href).searchParams.get('continuationToken')
        if (index < pages.length - 1) expect(next).not.toBe('0')
        else expect(next).toBe('0')
        const following = pages[index + 1]
        if (following) expect(following.links.self).toEqual(page.links.next)
      }
      expect(pages[0]?.links.self.href).toBe(`${PUBLIC_URL}/v2/addresses?size=${size}&continuationToken=0`)
    },
  )

  test('an empty list has continuationToken=0 twice, and the size that holds by default', async () => {
    const href = `${PUBLIC_URL}/v2/licenses?size=250&continuationToken=0`
    expect(await world.ok(await populated(0), '/v2/licenses')).toEqual({ links: { self: { href }, next: { href } } })
  })

  test('a list of one producer, and of one record, has the same pages, ordered by id', async () => {
    const account = await populated(1)
    const { owner } = world.world
    const licenses = Array.from({ length: 5 }, () => recordRow('license', '1001'))
    await insertRecords(owner, account.feedId, 'license', licenses.toReversed())
    const loas = Array.from({ length: 4 }, () => recordRow('license_loa', '1001', { license_id: licenses[0]?.id }))
    await insertRecords(owner, account.feedId, 'license_loa', loas.toReversed())
    const expectPages = async (url: string, ids: number[]) => {
      const pages = await world.pages(account, `${url}?size=2`)
      expect(pages.slice(0, -1).map((page) => idsOf(page))).toEqual(inTwos(ids))
    }
    const stored = await world.all(account, '/v2/entities/1001/licenses')
    await expectPages(
      '/v2/entities/1001/licenses',
      stored.map(({ id }) => id),
    )
    expect(stored.map(({ id }) => id).slice(-5)).toEqual(licenses.map(({ id }) => id))
    await expectPages(
      `/v2/licenses/${licenses[0]?.id}/licenseLoas`,
      loas.map(({ id }) => id),
    )
  })

  test('are ordered by NPN as a number', async () => {
    const account = await world.addAccount('sandbox')
    for (const npn of ['9', '10', '100000000', '99']) {
      await insertRecords(world.world.owner, account.feedId, 'address', [recordRow('address', npn)])
      await world.monitor(account, [npn])
    }
    const rows = await world.all(account, '/v2/addresses?size=1')
    expect(rows.map(({ npn }) => npn)).toEqual(['9', '10', '99', '100000000'])
  })
})

describe('rule 26: links', () => {
  test('repeat every filter and the size; only the token differs', async () => {
    const account = await populated(3)
    const query =
      'npns=1001,1002,1003&states=CO,NY&updatedSince=2026-01-01&includeDeleted=false&active=true&loaCodes=12&loaCategories=property,life'
    const first = await world.ok(account, `/v2/licenses?${query}&size=2`)
    expect(first.links.self.href).toBe(`${PUBLIC_URL}/v2/licenses?${query}&size=2&continuationToken=0`)
    const token = tokenOf(first)
    expect(first.links.next.href).toBe(`${PUBLIC_URL}/v2/licenses?${query}&size=2&continuationToken=${token}`)
    const second = await world.ok(account, first.links.next.href)
    expect(second.links.self).toEqual(first.links.next)
    expect(idsOf(second)).toHaveLength(1)
  })

  test('a token goes with any size, and with no other filters or path', async () => {
    const account = await populated(3)
    const token = tokenOf(await world.ok(account, '/v2/licenses?states=CO&size=1'))
    const rest = await world.ok(account, `/v2/licenses?states=CO&size=1000&continuationToken=${token}`)
    expect(idsOf(rest)).toHaveLength(2)
    for (const url of [
      '/v2/licenses?states=NY',
      '/v2/licenses?size=1',
      '/v2/addresses?states=CO',
      '/v2/entities/1001/licenses?states=CO',
    ]) {
      const response = await world.get(account, `${url}${url.includes('?') ? '&' : '?'}continuationToken=${token}`)
      expect(response.statusCode).toBe(400)
      expect(response.json().message).toBe('continuationToken: belongs to another path or to other filters')
    }
  })

  test("another account's token never yields that account's rows", async () => {
    const [mine, theirs] = [await populated(4), await populated(4)]
    const page = await world.ok(theirs, '/v2/addresses?size=2')
    const answer = await world.ok(mine, page.links.next.href)
    const own = new Set((await world.all(mine, '/v2/addresses')).map(({ id }) => id))
    expect(idsOf(answer).every((id) => own.has(id))).toBe(true)
  })
})

describe('rule 24: while a list is followed', () => {
  test('no record comes twice, and none that always matches is skipped, at any page size', async () => {
    const change = fc.record({
      kind: fc.constantFrom('add', 'remove', 'change', 'vanish'),
      npn: fc.integer({ min: 1, max: 12 }),
    })
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(1, 2, 3, 7, 1_000),
        fc.array(change, { maxLength: 20 }),
        async (size, changes) => {
          const account = await world.addAccount('sandbox')
          const always = ['50', '150', '650', '3000050']
          for (const npn of always) await addProducer(account, npn)
          for (const npn of ['1', '6', '9']) await addProducer(account, `${npn}00`)
          const wanted = await world.all(account, '/v2/addresses')
          let made = 0
          const seen: { id: number; npn: string; updatedAt: string }[] = []
          for (let next = `/v2/addresses?size=${size}`; ; ) {
            const { embedded, links } = await world.ok(account, next)
            if (!embedded) break
            seen.push(...embedded.addresses)
            next = links.next.href
            for (const { kind, npn } of changes.slice(made, made + 2)) await apply(account, kind, `${npn}00`)
            made += 2
          }
          const ids = seen.map(({ id }) => id)
          expect(new Set(ids).size).toBe(ids.length)
          for (const { id, npn } of wanted) if (always.includes(npn)) expect(ids).toContain(id)
        },
      ),
      { numRuns: 20 },
    )
  })

  test('a record on a page not yet read appears in its new state', async () => {
    const account = await populated(4)
    const first = await world.ok(account, '/v2/addresses?size=2')
    await world.world.owner.query`
      update address set city = 'Boulder', updated_on = '2026-03-06' where feed_id = ${account.feedId}`
    const second = await world.ok(account, first.links.next.href)
    expect(second.embedded.addresses.map(({ city }: { city: string }) => city)).toEqual(['Boulder', 'Boulder'])
    const changed = await world.all(account, '/v2/addresses?updatedSince=2026-03-06')
    // what has changed behind the token is found by the pull that follows; without the entity's date it is passed over
    expect(changed).toEqual([])
    await world.world.owner.query`
      update entity set changed_on = '2026-03-06' where feed_id = ${account.feedId}`
    expect(await world.all(account, '/v2/addresses?updatedSince=2026-03-06')).toHaveLength(4)
  })
})

describe('section 7: updatedAt', () => {
  test("is the later of the last change and the account's fresh date, and updatedSince compares with it", async () => {
    const [early, late] = [await world.addAccount(), await world.addAccount()]
    const npn = '424242'
    await insertProducer(world.world.owner, early.feedId, npn, { updated_on: '2026-03-04' })
    await world.monitor(early, [npn], { freshOn: '2026-02-02' })
    await world.monitor(late, [npn], { freshOn: '2026-03-06' })
    const updatedAt = async (account: typeof early, url: string) =>
      (await world.all(account, url)).map((row) => row.updatedAt)
    for (const kind of ['entities', 'addresses', 'licenses', 'licenseLoas', 'regulatoryActions']) {
      expect(await updatedAt(early, `/v2/${kind}`)).toEqual(['2026-03-04'])
      expect(await updatedAt(late, `/v2/${kind}`)).toEqual(['2026-03-06'])
      expect(await updatedAt(early, `/v2/${kind}?updatedSince=2026-03-05`)).toEqual([])
      expect(await updatedAt(early, `/v2/${kind}?updatedSince=2026-03-04`)).toEqual(['2026-03-04'])
      expect(await updatedAt(late, `/v2/${kind}?updatedSince=2026-03-06`)).toEqual(['2026-03-06'])
    }
    const [license] = await world.all(late, '/v2/licenses')
    expect(license?.licenseLoas[0]?.updatedAt).toBe('2026-03-06')
  })
})

describe('rule 28: what has vanished', () => {
  test('is shown as niprDeleted by default, and nowhere with includeDeleted=false', async () => {
    const account = await world.addAccount('sandbox')
    const { license, regulatory_action: action } = await insertProducer(world.world.owner, account.feedId, '77')
    await world.monitor(account, ['77'])
    const gone = { nipr_deleted: true, updated_on: '2026-03-06' }
    const { owner } = world.world
    await insertRecords(owner, account.feedId, 'license_loa', [
      recordRow('license_loa', '77', { ...gone, license_id: license.id }),
    ])
    await insertRecords(owner, account.feedId, 'regulatory_action_value', [
      recordRow('regulatory_action_value', '77', { ...gone, regulatory_action_id: action.id, type: 'ORIGIN' }),
    ])
    await insertRecords(owner, account.feedId, 'address', [recordRow('address', '77', gone)])
    const deletedIn = async (query: string) => {
      const bodies = await Promise.all(
        [
          '/v2/addresses',
          '/v2/entities/77/addresses',
          '/v2/licenses',
          '/v2/entities/77/licenses',
          '/v2/licenseLoas',
          `/v2/licenses/${license.id}/licenseLoas`,
          '/v2/regulatoryActions',
          `/v2/regulatoryActions/${action.id}/regulatoryActionValues`,
        ].map(async (url) => (await world.get(account, `${url}${query}`)).body),
      )
      return bodies.map((body) => body.match(/"niprDeleted":true/g)?.length ?? 0)
    }
    expect(await deletedIn('')).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
    expect(await deletedIn('?includeDeleted=true')).toEqual([1, 1, 1, 1, 1, 1, 1, 1])
    expect(await deletedIn('?includeDeleted=false')).toEqual([0, 0, 0, 0, 0, 0, 0, 0])
  })
})

type Account = Awaited<ReturnType<ProducerWorld['addAccount']>>

/** An account whose NPNs, from 1001 on, have a record of each kind. */
async function populated(count: number): Promise<Account> {
  const account = await world.addAccount('sandbox')
  const npns = range(1_001, 1_000 + count)
  for (const npn of npns) await insertProducer(world.world.owner, account.feedId, npn)
  await world.monitor(account, npns)
  return account
}

async function addProducer(account: Account, npn: string): Promise<void> {
  const addresses = [recordRow('address', npn), recordRow('address', npn)]
  await insertRecords(world.world.owner, account.feedId, 'address', addresses)
  await world.monitor(account, [npn])
}

async function apply(account: Account, kind: string, npn: string): Promise<void> {
  const { owner } = world.world
  switch (kind) {
    case 'add':
      return await addProducer(account, npn)
    case 'remove':
      return await world.monitor(account, [npn], { active: false })
    case 'change':
      await owner.query`update address set updated_on = '2026-03-06' where feed_id = ${account.feedId} and npn = ${npn}`
      return
    default:
      await owner.query`update address set nipr_deleted = true where feed_id = ${account.feedId} and npn = ${npn}`
  }
}

function idsOf({ embedded = {} }: Page): number[] {
  return Object.values(embedded)
    .flat()
    .map(({ id }) => id)
}

function tokenOf({ links }: Page): string {
  return new URL(links.next.href).searchParams.get('continuationToken') ?? ''
}

function inTwos(ids: number[]): number[][] {
  return Array.from({ length: Math.ceil(ids.length / 2) }, (_, index) => ids.slice(2 * index, 2 * index + 2))
}
