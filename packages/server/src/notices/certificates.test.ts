import { createServer, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createOutgoing } from '#src/adapters/outgoing/outgoing.ts'
import { DeliveryWorld, type Json } from '../../test/attempt-world.ts'
import { ManualClock } from '../../test/manual-clock.ts'
import { type OwnCertificate, ownCertificate } from '../../test/own-certificate.ts'
import { type Receiver, startReceiver } from '../../test/receiver.ts'
import type { TestAccount } from '../../test/service.ts'
import { CERTIFICATE_DAYS } from './rules.ts'

const DAY_MS = 86_400_000
const HOUR_MS = 3_600_000

/** OpenSSL judges by the machine's own time: the test's begins there. */
const clock = new ManualClock(new Date())
const endsIn = (days: number) => new Date(Math.floor(clock.now().getTime() / 1_000) * 1_000 + days * DAY_MS)
const oldEnd = endsIn(CERTIFICATE_DAYS + 1)
const newEnd = endsIn(90)
const old = ownCertificate('old', oldEnd)
const renewed = ownCertificate('renewed', newEnd)

let secure: Server
let address: string
let chat: Receiver
let world: DeliveryWorld
let account: TestAccount
let endpoint: Json

beforeAll(async () => {
  secure = createServer({ ...old }, (request, response) => {
    request.resume().on('end', () => response.writeHead(204).end())
  })
  await new Promise<void>((resolve) => secure.listen(0, '127.0.0.1', resolve))
  address = `127.0.0.1:${(secure.address() as AddressInfo).port}`
  chat = await startReceiver()
  world = await DeliveryWorld.start({
    clock,
    receivers: [{ address }, chat],
    overrides: { outgoing: createOutgoing({ now: () => clock.now(), ca: [old.cert, renewed.cert] }) },
  })
  account = await world.service.account()
  endpoint = await world.service.ok('POST', pathOf('endpoint'), { url: `https://${address}/hook` })
  await world.settled()
})
afterAll(async () => {
  await world.close()
  await chat.close()
  secure.closeAllConnections()
  await new Promise((resolve) => secure.close(resolve))
})

const pathOf = (rest: string) => `/api/v1/app/${account.id}/${rest}`

async function deliver(): Promise<void> {
  await world.service.message(account)
  await world.settled()
}

/** The receiver gets another certificate, and shows it at the next connection. */
function show(certificate: OwnCertificate): void {
  secure.setSecureContext(certificate)
  secure.closeAllConnections()
}

async function knownEnd(): Promise<string | null> {
  return (await world.get(`/app/${account.id}/endpoint/${endpoint.id}/health`)).certificateExpiresAt
}

/** Changes with each write of the endpoint's row. */
async function rowVersion(): Promise<string> {
  const [row] = await world.owner.query<{ version: string }>`
    select xmin::text as version from endpoint where account_id = ${account.id} and id = ${endpoint.id}`
  return row?.version ?? ''
}

async function told(): Promise<string[]> {
  await world.service.app.notices?.settled()
  return chat.requests.map(({ body }) => JSON.parse(body.toString()).text)
}

test('S13: of a certificate people are told 14 days before its end, once, and once when it is renewed', async () => {
  const channel = { kind: 'chat', name: 'Team', url: chat.url, rules: ['certificate_ending'] }
  await world.service.ok('PUT', pathOf('notification-rules'), { channels: [channel] })
  expect(await knownEnd()).toBe(oldEnd.toISOString())
  const before = await rowVersion()
  for (let count = 0; count < 3; count += 1) await deliver()
  expect(await rowVersion(), 'a delivery has written what is known already').toBe(before)

  clock.advanceTo(new Date(oldEnd.getTime() - CERTIFICATE_DAYS * DAY_MS - 1))
  expect(await told()).toEqual([])
  clock.advanceMs(1)
  await told()
  const [text, ...more] = await told()
  expect(more).toEqual([])
  expect(text).toContain(`The certificate of ${address} ends soon`)
  expect(text).toContain(`It ends at ${oldEnd.toISOString()}`)
  expect(text).toContain(`/portal/a/${account.id}/endpoints/${endpoint.id}`)
  expect(text).not.toContain('/hook')

  show(renewed)
  await deliver()
  expect(await knownEnd()).toBe(newEnd.toISOString())
  await told()
  const [, last, ...others] = await told()
  expect(last).toContain(`The certificate of ${address} is renewed`)
  expect(others).toEqual([])

  // one of several servers still has the old one: that is noted once an hour, and told no more
  show(old)
  const renewedRow = await rowVersion()
  await deliver()
  expect(await rowVersion()).toBe(renewedRow)
  clock.advanceMs(2 * HOUR_MS)
  await deliver()
  expect(await knownEnd()).toBe(oldEnd.toISOString())
  expect(await told()).toHaveLength(2)

  await world.service.ok('PATCH', pathOf(`endpoint/${endpoint.id}`), { url: chat.url })
  await world.settled()
  expect(await knownEnd(), 'another URL has shown no certificate').toBeNull()
})
