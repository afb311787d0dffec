import type { ServerResponse } from 'node:http'
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { withClient } from '#src/adapters/postgres/client.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { type TestAccount, TestService } from '../service.ts'

/**
 * P9: nothing connects to an address outside the public Internet. Seen to fail when a URL is only judged when it is saved,
 * and not at every attempt (`checkUrl` in adapters/outgoing/connections.ts).
 */

/** One of each class; the tables are in address-policy.test.ts. */
const FORBIDDEN = [
  'https://127.0.0.1/',
  'https://127.1/',
  'https://0x7f000001/',
  'https://2130706433/',
  'https://0177.0.0.1/',
  'https://[::1]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:7f00:1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[fe80::1]/',
  'https://[fd00:ec2::254]/',
  'https://0.0.0.0/',
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://169.254.169.254/latest/meta-data/',
  'https://168.63.129.16/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://localhost/',
  'https://sub.localhost/',
  'https://metadata.internal/',
  'https://router.lan/',
  'https://service.local./',
  'https://11.0.0.1:22/',
  'https://11.0.0.1:5432/',
  'https://user@11.0.0.1/',
  'https:\\\\11.0.0.1/',
  'http://11.0.0.1/',
  'ftp://11.0.0.1/',
  'file:///etc/passwd',
]
const NEIGHBOURS = ['https://11.0.0.1/', 'https://11.0.0.1:8443/', 'https://[2606:4700:4700::1111]/']

let canary: Receiver
let service: TestService
let account: TestAccount
let path: string

beforeAll(async () => {
  canary = await startReceiver()
  service = await TestService.start()
})
beforeEach(async () => {
  account = await service.account()
  path = `/api/v1/app/${account.id}/endpoint`
})
afterAll(async () => {
  await service.close()
  await canary.close()
})

describe('at save', () => {
  test('a forbidden URL is 422 on create, replace and patch, and changes nothing', async () => {
    const [allowed] = NEIGHBOURS
    const endpoint = await service.ok('POST', path, { url: allowed, disabled: true })
    for (const url of FORBIDDEN) {
      const answers = [
        await service.call('POST', path, { url, disabled: true }),
        await service.call('PUT', `${path}/${endpoint.id}`, { url, disabled: true }),
        await service.call('PATCH', `${path}/${endpoint.id}`, { url }),
      ]
      expect(answers.map(({ status }) => [url, status])).toEqual(answers.map(() => [url, 422]))
      for (const { body } of answers) expect(body.detail[0].loc).toEqual(['body', 'url'])
    }
    const { data } = await service.ok('GET', path)
    expect(data.map(({ url }: { url: string }) => url)).toEqual([allowed])
  })

  test('what names the canary is 422 too', async () => {
    const { port } = new URL(canary.url)
    for (const host of ['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '[::ffff:127.0.0.1]']) {
      const answer = await service.call('POST', path, { url: `http://${host}:${port}/` })
      expect([host, answer.status]).toEqual([host, 422])
    }
    expect(canary.connections).toBe(0)
  })

  test('their neighbours are taken', async () => {
    for (const url of NEIGHBOURS) {
      const { body, status } = await service.call('POST', path, { url, disabled: true })
      expect([status, body.url]).toEqual([201, url])
    }
  })
})

/** As if it had been saved when it was still allowed, or past the API. */
async function endpointAt(url: string): Promise<string> {
  const { id } = await service.ok('POST', path, { url: NEIGHBOURS[0], disabled: true })
  await withClient(
    service.database.superuserConnection,
    { applicationName: 'test', statementTimeoutMs: 30_000 },
    (client) =>
      client.query(
        `update endpoint set url = $1, disabled = false, disabled_reason = null, version = version + 1 where id = $2`,
        [url, id],
      ),
  )
  await service.advance({ seconds: 2 }) // a change holds for attempts that start a second later
  return id
}

describe('at every attempt', () => {
  test.each(['127.0.0.1', 'localhost', '[::1]', '0x7f.1', '2130706433', '[::ffff:127.0.0.1]'])(
    'http://%s: nothing is sent, the delivery is a dead letter at once, also when it is resent',
    async (host) => {
      const endpointId = await endpointAt(`http://${host}:${new URL(canary.url).port}/`)
      const { id } = await service.message(account)
      await service.advance({ hours: 1 })
      const blocked = { outcome: 'blocked', status: 2, responseStatusCode: 0, nextAttempt: null }
      expect(await service.attempts(account, id)).toMatchObject([blocked])
      expect((await service.destinations(account, id))[0]).toMatchObject({ status: 2 })

      await service.ok('POST', `/api/v1/app/${account.id}/msg/${id}/endpoint/${endpointId}/resend`)
      await service.advance({ hours: 1 })
      const attempts = await service.attempts(account, id)
      expect(attempts).toMatchObject([blocked, blocked])
      // which address it would have been is not told
      for (const { response } of attempts) expect(response).not.toMatch(/127|::1|localhost/)
      expect(canary.connections).toBe(0)
    },
  )
})

describe('where some loopback addresses are allowed', () => {
  let receiver: Receiver
  let lenient: TestService

  /** Another process takes over that allows the canary. */
  beforeAll(async () => {
    receiver = await startReceiver()
    lenient = await TestService.start({ beside: service, receivers: [receiver, canary] })
    await service.app.close()
    await vi.waitFor(() => expect(lenient.app.worker?.ownership.shardCount).toBe(256), { timeout: 60_000 })
    service = lenient
  })
  afterAll(() => receiver.close())

  test('36: a redirect to the canary is a failure and is not followed', async () => {
    account = await lenient.account()
    await lenient.endpoint(account, receiver, { retrySchedule: [1, 1, 1, 1, 1] })
    const redirects = [301, 302, 303, 307, 308].map(
      (status) => (response: ServerResponse) =>
        void response.writeHead(status, { location: canary.url, refresh: `0; url=${canary.url}` }).end(),
    )
    receiver.answer(...redirects, 200)
    const { id } = await lenient.message(account)
    await lenient.advance({ minutes: 1 })
    const codes = (await lenient.attempts(account, id)).map(({ responseStatusCode }) => responseStatusCode)
    expect(codes).toEqual([301, 302, 303, 307, 308, 200])
    expect(canary.connections).toBe(0)
  })

  test('control: the row that was blocked before reaches the canary', async () => {
    await endpointAt(canary.url)
    const { id } = await lenient.message(account)
    await canary.received(1)
    await lenient.settled()
    expect(await lenient.attempts(account, id)).toMatchObject([{ outcome: 'responded', status: 0 }])
    expect(canary.connections).toBe(1)
  })
})
