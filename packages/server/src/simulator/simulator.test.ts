import { hash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Npn } from '#src/population/npn.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { alertedNpns, allAlertedNpns, contentOf, day, forever, npn, SimulatedNipr } from '../../test/simulated-nipr.ts'
import { DetailReader } from '../updates/feed/detail-report.ts'
import { ALERT_KINDS } from '../updates/feed/feed.ts'
import { type Days, DEFAULT_HOLIDAYS, nextBusinessDay, type Scenario } from './business-days.ts'
import { detailXml, socialSecurityNumber } from './detail-xml.ts'
import { parseFeedDefinition } from './feed-definition.ts'
import { type Oddities, odditiesOf } from './oddities.ts'
import { SimulatedFeed } from './simulated-feed.ts'
import { ControlRefused } from './simulator-control.ts'
import { TargetTable } from './target-table.ts'
import { producerAt } from './truth.ts'

let nipr: SimulatedNipr
beforeAll(async () => {
  nipr = await SimulatedNipr.start()
})
afterAll(() => nipr.close())

const WORLD = { seed: 'seed', changeShare: 0.03, appointmentsAverage: 6 }
const DAYS: Days = { scenarios: new Map(), holidays: DEFAULT_HOLIDAYS }
const FRIDAY = day('2026-03-06')
const SPECIAL = ['15645555', '19855109', '20000001', '20000003', '20000005', '20000006', '20000007'].map(npn)

function npns(count: number, first = 30_000_001, step = 37): Npn[] {
  return Array.from({ length: count }, (_, i) => npn(String(first + i * step)))
}

/** The bytes of detail reports and alert reports, as one hash. */
async function bytesOf(url: string, user: string, of: readonly Npn[], on: string): Promise<string> {
  const authorization = `Basic ${Buffer.from(`${user}:secret`).toString('base64')}`
  const read = async (path: string, init: RequestInit) => {
    const answer = await fetch(url + path, { ...init, headers: { authorization } })
    return `${answer.headers.get('content-type')} ${Buffer.from(await answer.arrayBuffer()).toString('base64')}`
  }
  const details = of.map(
    async (one) => `${one} ${await read(`/pdb-xml-reports/entityinfo_xml.cgi?id_entity=${one}`, {})}`,
  )
  const alerts = ALERT_KINDS.map((kind) => {
    const body = `<e:Envelope xmlns:e="urn:e"><e:Body><receiveSpecificReportForSubscription><subscriptionName>test-${kind.toLowerCase()}</subscriptionName><reportDate>${on}</reportDate></receiveSpecificReportForSubscription></e:Body></e:Envelope>`
    return read('/pdb-alerts-industry-services/services/industry-ws', { method: 'POST', body })
  })
  return hash('sha256', (await Promise.all([...details, ...alerts])).sort().join('\n'))
}

test('rule 10: one seed gives equal bytes, whatever the order of asking and of adding targets, at once, or after a restart', async () => {
  const population = [...SPECIAL, ...npns(60)]
  await nipr.feed('first', { changeShare: 0.5 }, population)
  const expected = await bytesOf(nipr.url, 'first', population, FRIDAY)
  expect(await bytesOf(nipr.url, 'first', population.toReversed(), FRIDAY)).toBe(expected)

  const again = await SimulatedNipr.start()
  const client = await again.feed('other-name', { changeShare: 0.5 }, [npn('99'), ...population.toReversed()])
  await client.changeTargets('remove', [npn('99')], forever())
  expect(await bytesOf(again.url, 'other-name', population, FRIDAY)).toBe(expected)
  await again.feed('other-seed', { changeShare: 0.5, seed: 'another' }, population)
  expect(await bytesOf(again.url, 'other-seed', population, FRIDAY)).not.toBe(expected)
  await again.close()
})

test('rules 10, 33: every report is read as the producer that it was written from, all oddities included', () => {
  const seen = new Set<keyof Oddities>()
  let warnings = 0
  for (const one of [...SPECIAL, ...npns(250)]) {
    const odd = odditiesOf(WORLD, one)
    for (const name of Object.keys(odd) as (keyof Oddities)[]) if (odd[name]) seen.add(name)
    for (const on of [day('2025-01-02'), FRIDAY, day('2026-11-27')]) {
      const producer = producerAt(WORLD, DAYS, one, on)
      if (producer === undefined) continue
      const reader = new DetailReader(one, undefined)
      reader.write(detailXml(WORLD, producer, on).xml)
      const answer = reader.end()
      if (answer.kind !== 'report') throw new Error(`${one} on ${on}: ${answer.kind}`)
      expect(contentOf(answer.producer), `${one} on ${on}`).toEqual(contentOf(producer))
      warnings += answer.producer.warnings
    }
  }
  expect([...seen].sort()).toEqual(Object.keys(odditiesOf(WORLD, npn('7'))).sort())
  expect(warnings).toBeGreaterThan(0)
  // all at once but one: nobody is both a firm and an individual
  expect(Object.values(odditiesOf(WORLD, npn('20000007'))).filter((has) => !has)).toHaveLength(1)
})

test('alerts name exactly the targets whose report has changed since the business day before, day by day', async () => {
  const scenarios: Record<string, Scenario> = { '2026-03-10': 'bulk_expiry', '2026-03-11': 'no_changes' }
  const targets = [...SPECIAL, npn('20000004'), npn('20000000'), ...npns(60)]
  const client = await nipr.feed('exact', { changeShare: 0.3, scenarios }, targets)
  await nipr.control.setClock('exact', new Date('2026-03-17T16:00:00Z'), true)
  const [world, days]: [typeof WORLD, Days] = [
    { ...WORLD, changeShare: 0.3 },
    {
      holidays: DEFAULT_HOLIDAYS,
      scenarios: new Map([
        [day('2026-03-10'), 'bulk_expiry'],
        [day('2026-03-11'), 'no_changes'],
      ]),
    },
  ]
  let before = day('2026-03-05')
  const counts: number[] = []
  for (let on = FRIDAY; on <= day('2026-03-17'); on = nextBusinessDay(days, on)) {
    const changed = targets.filter((one) => {
      const [old, now] = [before, on].map((at) => JSON.stringify(contentOf(producerAt(world, days, one, at))))
      return old !== now
    })
    expect(await allAlertedNpns(client, on), on).toEqual([...changed].sort())
    counts.push(changed.length)
    before = on
  }
  // bulk expiry reaches more than a usual day; then a day without changes
  expect(counts[2]).toBeGreaterThan(counts[1] ?? 0)
  expect(counts[3]).toBe(0)
})

test('about 3 % of the producers change on a business day', () => {
  const population = npns(1500)
  const before = population.map((one) => JSON.stringify(producerAt(WORLD, DAYS, one, day('2026-03-05'))))
  const changed = population.filter((one, i) => JSON.stringify(producerAt(WORLD, DAYS, one, FRIDAY)) !== before[i])
  expect(changed.length).toBeGreaterThan(25)
  expect(changed.length).toBeLessThan(70)
})

test('targets that were removed, or never added, are not named', async () => {
  const [stays, goes, never] = ['10000005', '20000005', '30000005'].map(npn) as [Npn, Npn, Npn]
  const client = await nipr.feed('targets', {}, [stays, goes])
  expect(await alertedNpns(client, 'LICENSING', FRIDAY)).toEqual([stays, goes])
  expect(await client.changeTargets('remove', [goes, never], forever())).toEqual({ kind: 'done' })
  expect(await alertedNpns(client, 'LICENSING', FRIDAY)).toEqual([stays])
})

test('hundreds of thousands of targets are held in lists of their own, and given by number', () => {
  const count = 300_000
  const table = new TargetTable()
  for (let i = 0; i < count; i += 1) table.add(i % 2, npn(String(9_999_999_999 - i * 3)))
  expect(table.sorted(0)).toHaveLength(count / 2)
  expect(table.sorted(1)[0]).toBe(9_999_999_999 - (count - 1) * 3)
  for (let i = 0; i < count; i += 2) table.remove(0, npn(String(9_999_999_999 - i * 3)))
  expect(table.sorted(0)).toHaveLength(0)
  expect(table.sorted(1)).toHaveLength(count / 2)
})

test('rule 39: reports have a social security number, and nothing that is read of them has', () => {
  for (const one of npns(40)) {
    const producer = producerAt(WORLD, DAYS, one, FRIDAY)
    if (producer?.entity.type !== 'INDIVIDUAL') continue
    const [{ xml }, ssn] = [detailXml(WORLD, producer, FRIDAY), socialSecurityNumber(one)]
    expect(xml.includes(ssn)).toBe(true)
    const reader = new DetailReader(one, undefined)
    reader.write(xml)
    expect(JSON.stringify(reader.end())).not.toContain(ssn)
  }
})

test('what the examples know: Joe changes every business day, the firm never, the unknown stay unknown', async () => {
  for (const seed of ['a', 'b']) {
    const client = await nipr.feed(`known-${seed}`, { seed }, [npn('15645555'), npn('19855109')])
    const joe = await client.detail(npn('15645555'), forever())
    if (joe.kind !== 'report') throw new Error(joe.kind)
    const { entity, licenses, appointments } = joe.producer
    expect(entity).toMatchObject({
      type: 'INDIVIDUAL',
      firstName: 'Joe',
      middleName: 'A',
      lastName: 'Producer',
      dateOfBirth: '1984-02-11',
    })
    expect(licenses).toMatchObject([
      { forState: 'CO', niprDateUpdated: '2026-03-05', licenseNum: 'A-294553', residencyStatus: 'R', active: true },
    ])
    expect(appointments).toMatchObject([{ coCode: '24740', status: 'TERMINATED', statusReasonDate: '2026-03-05' }])
    const firm = await client.detail(npn('19855109'), forever())
    if (firm.kind !== 'report') throw new Error(firm.kind)
    expect(firm.producer.entity.type).toBe('FIRM')
    expect(new Set(firm.producer.licenses.map(({ forState }) => forState)).size).toBe(3)
    expect(await allAlertedNpns(client, FRIDAY)).toEqual(['15645555'])
    for (const unknown of ['1234567890', '5000'])
      expect(await client.detail(npn(unknown), forever())).toEqual({ kind: 'unknown' })
  }
})

test('NPNs with certain endings behave as they are known for', async () => {
  const client = await nipr.feed('endings', { failing: ['77'] })
  const report = async (text: string) => {
    const answer = await client.detail(npn(text), forever())
    return answer.kind === 'report' ? answer.producer : answer.kind
  }
  expect(await report('5001')).toMatchObject({ entity: { noLicenses: true }, licenses: [], appointments: [] })
  const outcomes = []
  for (let i = 0; i < 5; i += 1) outcomes.push(typeof (await report('5003')))
  expect(outcomes).toEqual(['string', 'string', 'string', 'object', 'object'])
  for (const fails of ['5004', '77'])
    expect(await client.detail(npn(fails), forever())).toEqual({
      kind: 'failed',
      retry: true,
      refused: false,
      cause: 'http 500',
    })
  const large = await report('5006')
  if (typeof large === 'string') throw new Error(large)
  expect(new Set(large.licenses.map(({ forState }) => forState)).size).toBe(50)
  expect(large.appointments.length).toBeGreaterThanOrEqual(390)

  const licenses = [day('2026-03-03'), day('2026-03-04'), day('2026-03-05'), FRIDAY].map(
    (on) => producerAt(WORLD, DAYS, npn('5005'), on)?.licenses ?? [],
  )
  expect(licenses[0]).toEqual(licenses[2])
  expect(licenses[1]).toEqual(licenses[3])
  expect(Math.abs((licenses[0]?.length ?? 0) - (licenses[1]?.length ?? 0))).toBe(1)
})

test('reports come at 10:00 of business days, and details show the last day that has come', async () => {
  const joe = npn('15645555')
  const client = await nipr.feed('calendar', { holidays: ['2026-03-12'] }, [joe])
  const at = (moment: string) => nipr.control.setClock('calendar', new Date(moment), true)
  const updated = async () => {
    const answer = await client.detail(joe, forever())
    return answer.kind === 'report' ? answer.producer.licenses[0]?.niprDateUpdated : answer.kind
  }
  const report = (on: string) => alertedNpns(client, 'LICENSING', day(on))

  await at('2026-03-09T14:59:59Z') // Monday; Chicago has moved its clocks
  expect(await report('2026-03-09')).toBe('no report')
  expect(await updated()).toBe('2026-03-05')
  await at('2026-03-09T15:00:00Z')
  expect(await report('2026-03-09')).toEqual([joe])
  expect(await updated()).toBe('2026-03-06')
  for (const weekend of ['2026-03-07', '2026-03-08']) expect(await report(weekend)).toBe('no report')
  await at('2026-03-12T20:00:00Z')
  expect(await report('2026-03-12')).toBe('no report')
  await expect(at('2026-03-12T19:59:59Z')).rejects.toEqual(new ControlRefused(409))
  expect(await nipr.control.now('calendar')).toEqual(new Date('2026-03-12T20:00:00Z'))
  expect(await report('2026-03-13')).toBe('no report')
})

test('a day has a scenario: late, failing once or all day, without report, without changes', async () => {
  const scenarios: Record<string, Scenario> = {
    '2026-03-09': 'late',
    '2026-03-10': 'fails_once',
    '2026-03-11': 'fails',
    '2026-03-12': 'no_report',
    '2026-03-13': 'no_changes',
  }
  const joe = npn('15645555')
  const client = await nipr.feed('scenarios', { scenarios }, [joe])
  const at = (moment: string) => nipr.control.setClock('scenarios', new Date(moment), true)
  const report = (on: string) => alertedNpns(client, 'LICENSING', day(on))
  const failure = expect.stringMatching(/^(http 503|fault 9)$/)

  await at('2026-03-10T07:59:00Z')
  expect(await report('2026-03-09')).toBe('no report')
  await at('2026-03-10T08:00:00Z')
  expect(await report('2026-03-09')).toEqual([joe])
  await at('2026-03-10T15:15:00Z')
  expect([await report('2026-03-10'), await report('2026-03-10')]).toEqual([failure, [joe]])
  await at('2026-03-11T15:15:00Z')
  expect([await report('2026-03-11'), await report('2026-03-11'), await report('2026-03-10')]).toEqual([
    failure,
    failure,
    [joe],
  ])
  await at('2026-03-12T15:15:00Z')
  expect([await report('2026-03-11'), await report('2026-03-12')]).toEqual([[joe], 'no report'])
  await at('2026-03-16T15:15:00Z')
  expect([await report('2026-03-12'), await report('2026-03-13')]).toEqual(['no report', []])

  await nipr.control.setScenario('scenarios', day('2026-03-17'), 'no_report')
  await expect(nipr.control.setScenario('scenarios', day('2026-03-13'), 'normal')).rejects.toEqual(
    new ControlRefused(409),
  )
  await at('2026-03-17T20:00:00Z')
  expect(await report('2026-03-17')).toBe('no report')
})

test('a slow day answers after 5 s, the first report of an NPN that ends with 002 after 12 s', () => {
  const defined = parseFeedDefinition({ password: 'p', seed: 's', scenarios: { [FRIDAY]: 'slow' } })
  if (defined === undefined) throw new Error('no definition')
  const clock = new ManualClock('2026-03-05T16:15:00Z')
  const feed = new SimulatedFeed(clock, defined)
  const afterMs = (text: string) => feed.detail(npn(text)).afterMs
  expect([afterMs('5002'), afterMs('5002'), afterMs('5009')]).toEqual([12_000, 0, 0])
  expect(feed.alertState('a', day('2026-03-05'))).toEqual({ kind: 'report', afterMs: 0 })
  clock.advanceTo('2026-03-06T16:15:00Z')
  expect([afterMs('5002'), afterMs('5009')]).toEqual([5_000, 5_000])
  expect(feed.alertState('a', FRIDAY)).toEqual({ kind: 'report', afterMs: 5_000 })
})

test('a feed is the one of its user: others see nothing of it, and nobody comes in without its password', async () => {
  const one = await nipr.feed('alice', { seed: 'a' }, [npn('15645555')])
  const two = await nipr.feed('bob', { seed: 'b', scenarios: { [FRIDAY]: 'no_report' } })
  expect(await alertedNpns(one, 'LICENSING', FRIDAY)).toEqual([npn('15645555')])
  expect(await alertedNpns(two, 'LICENSING', FRIDAY)).toBe('no report')
  const [ofOne, ofTwo] = [await one.detail(npn('30000001'), forever()), await two.detail(npn('30000001'), forever())]
  expect(ofOne).not.toEqual(ofTwo)
  for (const settings of [{ user: 'nobody' }, { password: 'wrong' }, { password: '' }])
    expect(await nipr.client('alice', settings).detail(npn('30000001'), forever())).toEqual({
      kind: 'failed',
      retry: false,
      refused: true,
      cause: 'http 401',
    })
  const control = await fetch(`${nipr.url}/control/feeds/alice/clock`, { headers: { authorization: 'Bearer guess' } })
  expect(control.status).toBe(401)
})

test('the truth of a day can be asked for', async () => {
  const asked = ['15645555', '5000', '30000001'].map(npn)
  await nipr.feed('truth')
  const told = await nipr.control.truth('truth', FRIDAY, asked)
  expect(told).toEqual(asked.map((one) => producerAt(WORLD, DAYS, one, FRIDAY) ?? null))
  await expect(nipr.control.truth('nobody', FRIDAY, asked)).rejects.toEqual(new ControlRefused(404))
})

test('what is no definition is refused', async () => {
  const put = async (body: unknown) => {
    const headers = { authorization: 'Bearer control' }
    const answer = await fetch(`${nipr.url}/control/feeds/odd`, { method: 'PUT', headers, body: JSON.stringify(body) })
    return answer.status
  }
  const whole = { password: 'p', seed: 's' }
  expect(await put(whole)).toBe(204)
  const bad = [
    null,
    {},
    [],
    { ...whole, changeShare: 2 },
    { ...whole, holidays: ['2026-02-30'] },
    { ...whole, failing: ['0'] },
  ]
  for (const body of [...bad, { ...whole, scenarios: { '2026-03-06': 'sunny' } }, { ...whole, x: 1 }])
    expect(await put(body)).toBe(400)
})
