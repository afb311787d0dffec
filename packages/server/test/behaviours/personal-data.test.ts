import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DeliveryWorld } from '../attempt-world.ts'
import { ManualClock } from '../manual-clock.ts'
import { npn, SimulatedNipr } from '../simulated-nipr.ts'

// What NIPR says of people is for those who pull it: no log, metric, event or error has any of it (producersync-api 14).

const SSN = '987119004'
const PASSWORD = 'hush-at-nipr'
const MARKS = ['Quetzalina', 'Vandersnoot', '1961-07-23', '07/23/1961', 'Platypus Alley', 'quetzalina@example.net', SSN]
const SECRETS = [PASSWORD, Buffer.from(`northwind:${PASSWORD}`).toString('base64')]
const [GOOD, REFUSED, BROKEN, NEVER] = ['2000001', '2000005', '2000006', '2000007'] as const

const BIOGRAPHIC =
  `<ENTITY_BIOGRAPHIC><BIOGRAPHIC><NAME_FIRST>Quetzalina</NAME_FIRST><NAME_LAST>Vandersnoot</NAME_LAST><ID_SSN>${SSN}</ID_SSN>` +
  '<DATE_BIRTH>07/23/1961</DATE_BIRTH></BIOGRAPHIC><ADDRESSES><STATE name="CO"><ADDRESS><ADDR_TYPE>B</ADDR_TYPE>' +
  '<ADDR_LINE_1>1 Platypus Alley</ADDR_LINE_1><NAME_STATE>CO</NAME_STATE></ADDRESS></STATE></ADDRESSES><CONTACT_INFOS>' +
  '<STATE name="CO"><CONTACT_INFO><BUSINESS_EMAIL>quetzalina@example.net</BUSINESS_EMAIL></CONTACT_INFO></STATE></CONTACT_INFOS></ENTITY_BIOGRAPHIC>'
const report = (body: string) =>
  `<PDB><TRANSACTION_TYPE><TYPE>ENTITYINFO</TYPE></TRANSACTION_TYPE><PRODUCER><INDIVIDUAL>${body}</INDIVIDUAL></PRODUCER></PDB>`
const readable = { status: 200, xml: report(BIOGRAPHIC) }
const refused = { status: 500, xml: report(BIOGRAPHIC) }
const broken = { status: 200, xml: report(`${BIOGRAPHIC}<Quetzalina ${SSN}="1" ${SSN}="2">`) }
const reports = new Map([GOOD, REFUSED, BROKEN].map((of) => [of as string, readable])).set(NEVER, refused)

let nipr: SimulatedNipr
let details: Server
let world: DeliveryWorld
let served = 0
beforeAll(async () => {
  const clock = new ManualClock('2026-03-06T15:00:00.000Z')
  nipr = await SimulatedNipr.start(clock)
  await nipr.feed('northwind', { password: PASSWORD })
  details = createServer((request, response) => {
    served += 1
    const asked = new URL(request.url ?? '', 'http://nipr').searchParams.get('id_entity') ?? ''
    const { status, xml } = reports.get(asked) ?? { status: 404, xml: '' }
    response.writeHead(status, { 'content-type': 'application/xml' }).end(xml)
  })
  await new Promise<void>((resolve) => details.listen(0, '127.0.0.1', resolve))
  world = await DeliveryWorld.start({
    clock,
    environment: {
      NIPR_FEED: 'nipr',
      NIPR_ALERTS_URL: nipr.url,
      NIPR_DETAILS_URL: `http://127.0.0.1:${(details.address() as AddressInfo).port}`,
      NIPR_USER: 'northwind',
      NIPR_PASSWORD: PASSWORD,
      NIPR_SUBSCRIPTION_PREFIX: 'northwind',
      NIPR_EMAIL: 'ops@example.com',
    },
    overrides: { connectFeed: undefined },
  })
})
afterAll(async () => {
  await world.close()
  await nipr.close()
  details.closeAllConnections()
  details.close()
})

test('rule 39: what is personal, and the credentials for NIPR, stand in no log, metric, event, run error or refusal; the SSN in no table', async () => {
  const { service, owner } = world
  const account = await service.account('production')
  let token = await service.token(account)
  const get = async (path: string) => await service.call('GET', path, undefined, { token })
  await service.ok('PUT', '/v1/accounts/subscriptions', [GOOD, REFUSED, BROKEN, NEVER], { token })
  const isReady = async () => (await get('/v1/accounts/subscriptions?dataStatus=ready')).body.page.totalElements
  await expect.poll(isReady).toBe(3)
  reports.set(REFUSED, refused).set(BROKEN, broken)
  await service.settled()
  service.clock.advanceTo('2026-03-06T16:15:00.000Z') // when the day's run is due
  const look = async () => {
    service.passWait(120_000) // between the run's attempts
    const [run] = await owner.query<{
      id: string
      state: string
    }>`select id, state from nipr_run where feed_id = 'production'`
    return run?.state === 'published' ? run.id : null
  }
  await expect.poll(look, { interval: 20 }).not.toBeNull()
  const [run] = await owner.query<{ id: string }>`select id from nipr_run where feed_id = 'production'`
  await service.settled()
  token = await service.token(account) // the first one has expired

  // it was there to be told: those who may read it do
  const entity = await get(`/v2/entities/${GOOD}`)
  expect(entity.body).toMatchObject({ firstName: 'Quetzalina', lastName: 'Vandersnoot', dateOfBirth: '1961-07-23' })
  expect((await get(`/v2/entities/${GOOD}/addresses`)).text).toContain('Platypus Alley')
  expect(served).toBeGreaterThan(3)

  const errors = await service.ok('GET', `/v1/admin/runs/${run?.id}/errors`, undefined, {
    token: service.keys.production,
  })
  expect(errors.embedded.errors.map((error: { npn: string }) => error.npn)).toEqual([REFUSED, BROKEN].map(npn))
  const metrics = await (await fetch(`${service.app.adminUrl}/metrics`)).text()
  expect(metrics).toContain('psapi_run_state')
  const refusals = await Promise.all(
    [
      `/v2/entities?npns=${GOOD}&Vander=1`,
      '/v2/licenses?states=Quetzal',
      `/v2/entities/${REFUSED}x`,
      '/v1/addresses/1',
      `/v2/entities/${GOOD}/licenses?continuationToken=abc`,
    ].map(get),
  )
  expect(refusals.every(({ status }) => status === 400 || status === 404)).toBe(true)
  const events = await owner.query<{ payload: Buffer }>`select payload from event`
  expect(events.length).toBeGreaterThan(3)
  const places: Record<string, string> = {
    logs: service.logLines.join(''),
    metrics,
    events: events.map(({ payload }) => payload.toString()).join(),
    errors: JSON.stringify([
      errors,
      await owner.query`select * from nipr_run`,
      await owner.query`select cause from nipr_run_npn`,
    ]),
    refusals: refusals.map(({ text }) => text).join(),
  }
  expect(places.logs).toContain('loads.failed')
  for (const [place, text] of Object.entries(places))
    for (const mark of [...MARKS, ...SECRETS]) expect(text.includes(mark), `${mark} in ${place}`).toBe(false)
  expect(await tablesWith(SSN)).toEqual([])
  expect(await tablesWith(PASSWORD)).toEqual([])
  expect(await tablesWith('Vandersnoot')).toEqual(['entity'])
}, 240_000)

/** Tables that hold a text, as it is or as bytes. */
async function tablesWith(text: string): Promise<string[]> {
  const tables = await world.owner.query<{ name: string }>`
    select c.oid::regclass::text as name from pg_class c where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace`
  const found: string[] = []
  for (const { name } of tables) {
    const statement = `select 1 from ${name} as r where r::text like '%' || $1 || '%' or r::text like '%' || $2 || '%' limit 1`
    const rows = await world.owner.run({ text: statement, values: [text, Buffer.from(text).toString('hex')] })
    if (rows.length > 0) found.push(name)
  }
  return found
}
