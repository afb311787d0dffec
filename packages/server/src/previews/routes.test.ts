import { afterAll, beforeAll, expect, test } from 'vitest'
import { visibleTo } from '#src/accounts/principal.ts'
import type { TestAccount } from '../../test/api-client.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import { TestService } from '../../test/service.ts'

let receiver: Receiver
let service: TestService

beforeAll(async () => {
  receiver = await startReceiver()
  service = await TestService.start({ receivers: [receiver] })
})
afterAll(async () => {
  await service.close()
  await receiver.close()
})

/** An account, its population as the API answers it, and what changes it. */
class People {
  readonly account: TestAccount
  readonly base: string

  constructor(account: TestAccount) {
    this.account = account
    this.base = `/api/v1/app/${account.id}/population`
  }

  static async start(npns: readonly (string | number)[] = []): Promise<People> {
    const people = new People(await service.account())
    if (npns.length > 0) await people.apply(await people.preview('add', npns.join('\n')))
    return people
  }

  async ask(mode: string, file: string | Uint8Array, type = 'text/csv') {
    const headers = { 'content-type': type }
    return await service.call('POST', `${this.base}/preview?mode=${mode}`, undefined, { rawBody: file, headers })
  }

  // biome-ignore lint/suspicious/noExplicitAny: a preview as answered
  async preview(mode: string, file: string | Uint8Array, type?: string): Promise<any> {
    const { status, body, text } = await this.ask(mode, file, type)
    if (status !== 200) throw new Error(text)
    return body
  }

  async change(body: object) {
    return await service.call('POST', `${this.base}/change`, body)
  }

  // biome-ignore lint/suspicious/noExplicitAny: a job as answered
  async apply(preview: any): Promise<any> {
    const { status, body, text } = await this.change({ previewId: preview.id, confirmRemovals: preview.counts.remove })
    if (status !== 202) throw new Error(text)
    return await this.ended(body.id)
  }

  // biome-ignore lint/suspicious/noExplicitAny: a job as answered
  async ended(id: string): Promise<any> {
    const read = () => service.ok('GET', `${this.base}/job/${id}`)
    await expect.poll(async () => (await read()).finishedAt).not.toBeNull()
    return await read()
  }

  async rows(preview: { id: string }, part: string): Promise<unknown[]> {
    const { data } = await service.ok('GET', `${this.base}/preview/${preview.id}?part=${part}`)
    return data.map(({ line, value, reason }: Record<string, unknown>) => [line, value, reason])
  }

  async population(): Promise<number[]> {
    const settings = visibleTo(this.account.environment, this.account.id)
    const rows = await service.database
      .open('api')
      .transaction(
        { settings },
        (tx) => tx.query<{ npn: number }>`select npn from population where active order by npn`,
      )
    return rows.map(({ npn }) => npn)
  }
}

test('P2: a preview says what would be added, removed, unchanged, repeated and invalid, and changes nothing', async () => {
  const people = await People.start([11, 12, 13])
  await service.endpoint(people.account, receiver)
  await service.endpoint(people.account, receiver, { eventTypes: ['producersync.npn.activated'] })
  const file = 'name,npn\na,12\nb,21\nc,12\nd,1.56E+07\ne,\n,13\ng,22\n'
  const preview = await people.preview('replace', file)
  expect(preview).toMatchObject({
    mode: 'replace',
    format: 'csv',
    column: 'npn',
    counts: { rows: 6, add: 2, remove: 1, same: 2, repeated: 1, invalid: 1, blank: 1 },
    population: { before: 3, after: 4, max: 1_000_000 },
    events: { activated: 2, deactivated: 1, endpoints: 2 },
    mustConfirm: true,
    jobId: null,
  })
  expect(await people.rows(preview, 'add')).toEqual([
    [3, '21', null],
    [8, '22', null],
  ])
  expect(await people.rows(preview, 'remove')).toEqual([[null, '11', null]])
  expect(await people.rows(preview, 'same')).toEqual([
    [2, '12', 'already_active'],
    [7, '13', 'already_active'],
  ])
  expect(await people.rows(preview, 'repeated')).toEqual([[4, '12', 'repeated']])
  expect(await people.rows(preview, 'invalid')).toEqual([[5, '1.56E+07', 'scientific_notation']])
  expect(await people.population()).toEqual([11, 12, 13])

  const only = await people.preview('remove', 'npn\n11\n99\n', 'text/plain')
  expect(only.counts).toMatchObject({ remove: 1, same: 1, add: 0 })
  expect(await people.rows(only, 'same')).toEqual([[3, '99', 'not_active']])
  const list = await people.preview('add', JSON.stringify(['11', '31']), 'application/json')
  expect(list).toMatchObject({ format: 'json', counts: { add: 1, same: 1 }, events: { activated: 1, endpoints: 2 } })
})

test('P2.5: the whole difference can be had as CSV, and cells that a spreadsheet would run are text', async () => {
  const people = await People.start([11])
  const preview = await people.preview('add', 'npn\n11\n12\n"=HYPERLINK(""x"")"\n')
  const answer = await fetch(`${service.url}${people.base}/preview/${preview.id}/csv`, {
    headers: { authorization: `Bearer ${people.account.key}` },
  })
  expect(answer.headers.get('content-type')).toBe('text/csv; charset=utf-8')
  expect((await answer.text()).split('\r\n')).toEqual([
    'line,value,part,reason,message',
    '3,12,add,,',
    '2,11,same,already_active,Is in the population already.',
    `4,"'=HYPERLINK(""x"")",invalid,malformed,An NPN has digits alone.`,
    '',
  ])
})

test('P2.2: applying does exactly what was shown, as one job with one event for each, and again is the same job', async () => {
  const people = await People.start([11, 12, 13])
  await service.endpoint(people.account, receiver)
  const before = receiver.verified.length
  const preview = await people.preview('replace', '12\n21\n22\n')
  const job = await people.apply(preview)
  expect(job).toMatchObject({
    type: 'replace',
    state: 'succeeded',
    total: 4,
    processed: 4,
    counts: { added: 2, alreadyActive: 0, removed: 2, notActive: 0, invalid: 0 },
    opposite: { add: 2, remove: 2 },
  })
  expect(job.parts).toHaveLength(2)
  expect(await people.population()).toEqual([12, 21, 22])
  const told = () => {
    const events = receiver.verified.slice(before).map(({ body }) => JSON.parse(body.toString()))
    return events.map(({ type, data }) => `${type} ${data.npn}`).sort()
  }
  await service.advance({ seconds: 1 }) // an event is later than the one before about its NPN
  await expect
    .poll(told)
    .toEqual([
      'producersync.npn.activated 21',
      'producersync.npn.activated 22',
      'producersync.npn.deactivated 11',
      'producersync.npn.deactivated 13',
    ])
  const again = await people.change({ previewId: preview.id, confirmRemovals: 2 })
  expect([again.status, again.body.id]).toEqual([202, job.id])
  const items = await service.ok('GET', `${people.base}/job/${job.parts[1]}/item?outcome=added&limit=1`)
  expect(items).toMatchObject({ data: [{ npn: '21', outcome: 'added', reason: null }], done: false })
  const next = await service.ok('GET', `${people.base}/job/${job.id}/item?outcome=added&iterator=${items.iterator}`)
  expect(next).toMatchObject({ data: [{ npn: '22' }], done: true })
  const jobs = await service.ok('GET', `${people.base}/job`)
  expect(jobs.data.map(({ type, total }: { type: string; total: number }) => [type, total])).toEqual([
    ['replace', 4],
    ['add', 3],
  ])
})

test('P2.2: when the population has changed since so that the list would do something else, nothing is done: 409 and a new difference', async () => {
  const people = await People.start([11, 12])
  const preview = await people.preview('replace', '12\n21\n')
  await people.apply(await people.preview('add', '21\n31\n'))
  const refused = await people.change({ previewId: preview.id, confirmRemovals: 1 })
  expect(refused).toMatchObject({ status: 409, body: { code: 'population_changed', previewId: expect.any(String) } })
  expect(await people.population()).toEqual([11, 12, 21, 31])
  const { preview: now } = await service.ok('GET', `${people.base}/preview/${refused.body.previewId}`)
  expect(now.counts).toMatchObject({ add: 0, remove: 2, same: 2 })
  expect(await people.rows(now, 'remove')).toEqual([
    [null, '11', null],
    [null, '31', null],
  ])
  await people.apply(now)
  expect(await people.population()).toEqual([12, 21])

  const additions = await people.preview('add', '41\n')
  await people.apply(await people.preview('remove', '21\n'))
  await people.apply(additions) // what else has changed is not its business
  expect(await people.population()).toEqual([12, 41])
})

test('P2.3, P2.4: an empty replace is refused, and one that removes a lot needs the number', async () => {
  const people = await People.start(Array.from({ length: 20 }, (_, index) => index + 1))
  for (const [file, type] of [
    ['npn\n', 'text/csv'],
    ['npn\nx\n', 'text/csv'],
    ['', 'text/plain'],
    ['[]', 'application/json'],
  ] as const) {
    expect(await people.ask('replace', file, type)).toMatchObject({ status: 422 })
  }
  const two = Array.from({ length: 18 }, (_, index) => index + 1)
  const little = await people.preview('replace', two.join('\n'))
  expect(little).toMatchObject({ mustConfirm: false, counts: { remove: 2 } })
  const much = await people.preview('replace', two.slice(1).join('\n'))
  expect(much).toMatchObject({ mustConfirm: true, counts: { remove: 3 } })
  for (const confirmRemovals of [undefined, null, 2]) {
    const { status, body } = await people.change({ previewId: much.id, confirmRemovals })
    expect([status, body.detail[0].loc]).toEqual([422, ['body', 'confirmRemovals']])
  }
  await people.apply(much)
  expect(await people.population()).toEqual(two.slice(1))
})

test('bad input is refused by name, and nothing of it is kept', async () => {
  const people = await People.start()
  expect(await people.ask('merge', '1')).toMatchObject({ status: 422 })
  expect(await people.ask('add', '1', 'application/xml')).toMatchObject({ status: 415 })
  expect((await people.ask('add', 'name,phone\nJoe,5\n')).body.detail[0]).toMatchObject({
    loc: ['body'],
    msg: 'has no column of the name "npn"',
  })
  expect(await people.ask('add', '{', 'application/json')).toMatchObject({ status: 422 })
  expect(await people.ask('add', Buffer.alloc(20 * 1024 * 1024 + 1, '1\n'))).toMatchObject({ status: 413 })
  expect(await people.change({ previewId: 'x' })).toMatchObject({ status: 422 })
  expect(await people.change({ previewId: '6b0c5a52-6f0e-4f83-9a1b-0d7d1f1a9c11' })).toMatchObject({ status: 404 })
  const nothing = await people.preview('remove', '5\n')
  expect(await people.change({ previewId: nothing.id })).toMatchObject({ status: 422 })
  service.clock.advanceTo(new Date(Date.parse(nothing.expiresAt)))
  expect(await service.call('GET', `${people.base}/preview/${nothing.id}`)).toMatchObject({ status: 404 })
})

test('a token that may not manage the population sees its jobs, and changes nothing', async () => {
  const people = await People.start([11])
  const path = `/api/v1/auth/app-portal-access/${people.account.id}`
  const viewer = await service.ok('POST', path, { capabilities: ['ViewBase'] })
  const manager = await service.ok('POST', path, { capabilities: ['ViewBase', 'ManagePopulation'] })
  const { data } = await service.ok('GET', `${people.base}/job`, undefined, { token: viewer.token })
  const [job] = data
  const post = async (at: string, token: string) =>
    (await service.call('POST', `${people.base}/${at}`, {}, { token })).status
  expect(await post('preview?mode=add', viewer.token)).toBe(403)
  expect(await post('change', viewer.token)).toBe(403)
  expect(await post(`job/${job.id}/cancel`, viewer.token)).toBe(403)
  expect(await post(`job/${job.id}/cancel`, manager.token)).toBe(409) // it has ended
  const client = await service.token(people.account)
  const reader = await service.token(people.account, ['producersync.read', 'webhooks'])
  expect(await post(`job/${job.id}/opposite`, client)).toBe(200)
  expect(await post(`job/${job.id}/opposite`, reader)).toBe(403)
})
