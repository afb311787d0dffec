import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { runAdmin } from '#src/admin.ts'
import type { TestAccount } from '../api-client.ts'
import { type Receiver, startReceiver } from '../receiver.ts'
import { ServiceHome, ServiceProcess } from '../service-process.ts'

/** Operators change the master key (docs/operations.md, Master key) while customers' events come and go. */

let receiver: Receiver
let home: ServiceHome
let service: ServiceProcess
const published: string[] = []

beforeAll(async () => {
  receiver = await startReceiver()
  home = await ServiceHome.shared()
  service = await start()
}, 120_000)
afterAll(async () => {
  await service.close()
  await home.remove()
  await receiver.close()
})

async function start(): Promise<ServiceProcess> {
  return await ServiceProcess.main(home, { receivers: [receiver] })
}

/** Another process, then the end of the one before, as in an upgrade; events that were accepted come through either. */
async function replace(meanwhile: (former: ServiceProcess) => Promise<void>): Promise<void> {
  const former = service
  service = await start()
  await meanwhile(former)
  const { code } = await former.end()
  expect(code).toBe(0)
}

/** With an endpoint, whose secret the service has made. */
async function accountBy(process: ServiceProcess, secrets: string[]): Promise<TestAccount> {
  const account = await process.account()
  const settings = { url: receiver.url, retrySchedule: [1, 1, 1] }
  const { id } = await process.ok('POST', `/api/v1/app/${account.id}/endpoint`, settings)
  secrets.push((await process.ok('GET', `/api/v1/app/${account.id}/endpoint/${id}/secret`)).key)
  receiver.trust(...secrets)
  return account
}

/** @returns also what it printed: a result, or why there is none */
async function admin(...args: string[]): Promise<{ code: number; said: string }> {
  const results: string[] = []
  const messages: string[] = []
  const output = {
    result: (text: string) => void results.push(text),
    message: (text: string) => void messages.push(text),
  }
  const code = await runAdmin(args, home.environment, output)
  return { code, said: (code === 0 ? results : messages).join('\n') }
}

test('the master key is changed under load: every event comes and verifies, and the former key opens nothing any more (T02)', async () => {
  const file = home.environment.MASTER_KEY_FILE ?? ''
  const former = readFileSync(file, 'utf8').trim()
  const next = randomBytes(32).toString('base64')
  const secrets: string[] = []
  const accounts = [await accountBy(service, secrets)]
  const publish = async (through: ServiceProcess) => {
    for (const account of accounts) published.push(...(await through.messages(account, [{ n: 1 }, { n: 2 }])))
  }
  await publish(service)

  // both, and processes of both kinds at once: what each makes, each can use
  writeFileSync(file, `${next}\n${former}\n`)
  await replace(async (old) => {
    accounts.push(await accountBy(service, secrets), await accountBy(old, secrets))
    for (const through of [old, service]) await publish(through)
  })
  const warned = await admin('restore-check', '--json')
  expect(JSON.parse(warned.said).findings).toContainEqual(
    expect.objectContaining({ check: 'secrets', state: 'warning', remedy: expect.stringContaining('rewrap-keys') }),
  )

  const [, rewrapped] = await Promise.all([publish(service), admin('rewrap-keys', '--json')])
  expect(rewrapped.code, rewrapped.said).toBe(0)
  // what the first start has made, and these three
  expect(JSON.parse(rewrapped.said)).toMatchObject({ rewrapped: 6, masterKey: expect.stringMatching(/^[0-9a-f]{16}$/) })
  await expect.poll(async () => (await fetch(`${service.adminUrl}/readyz`)).status).toBe(200)
  accounts.push(await accountBy(service, secrets))
  await publish(service)

  writeFileSync(file, `${next}\n`)
  await replace(async () => await publish(service))
  await publish(service)
  await receiver.until(() => published.every((id) => receiver.events.some(({ messageId }) => messageId === id)))
  expect(
    receiver.requests.filter(({ verified, headers }) => !verified && headers['webhook-trigger'] !== 'test'),
  ).toEqual([])

  writeFileSync(file, former)
  await expect(start()).rejects.toThrow(/2 .*master key is not the one/s)
  expect(await admin('rewrap-keys')).toMatchObject({ code: 2, said: expect.stringContaining('master key is not') })
  writeFileSync(file, next)
}, 120_000)
