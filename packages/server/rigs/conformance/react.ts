import { execFile } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Svix } from 'svix-v1'
import type { PageOrders, PageResult } from './react-page.ts'
import type { VerifyingReceiver } from './receiver.ts'

const PAGE = fileURLToPath(new URL('./react-page.ts', import.meta.url))
const PAGE_MS_MAX = 240_000
const LOOKS_MAX = 1_200
const LOOK_MS = 50
const APP = 'react'
const PATH = '/react'

type Parts = { serverUrl: string; key: string; receiver: VerifyingReceiver; claims: (operationId: string) => boolean }

/** Renders the hooks of `svix-react` against the service, in a process of its own, with a token as a customer's page has it. */
export async function runReact(parts: Parts): Promise<PageResult> {
  try {
    const orders = await prepare(parts)
    const run = promisify(execFile)
    const { stdout } = await run(process.execPath, [PAGE, JSON.stringify(orders)], { timeout: PAGE_MS_MAX })
    return JSON.parse(stdout.trim().split('\n').at(-1) ?? '') as PageResult
  } catch (error) {
    return { checks: 0, faults: [`svix-react: ${error instanceof Error ? error.message : String(error)}`] }
  }
}

/** An application with a message that has been delivered. */
async function prepare({ serverUrl, key, receiver, claims }: Parts): Promise<PageOrders> {
  const svix = new Svix(key, { serverUrl })
  await svix.application.create({ name: 'React', uid: APP })
  await svix.endpoint.create(APP, { url: receiver.urlOf(PATH), uid: 'main' })
  receiver.trust(PATH, (await svix.endpoint.getSecret(APP, 'main')).key)
  const { id: messageId } = await svix.message.create(APP, { eventType: 'react.rendered', payload: { n: 1 } })
  for (let look = 0; ; look += 1) {
    const { data } = await svix.messageAttempt.listByMsg(APP, messageId)
    if (data.some(({ responseStatusCode: code }) => code === 204)) break
    if (look === LOOKS_MAX) throw new Error('the message was not delivered')
    await sleep(LOOK_MS)
  }
  const hasPortal = claims('v1.authentication.app-portal-access')
  const token = hasPortal ? (await svix.authentication.appPortalAccess(APP, {})).token : key
  return { serverUrl, token, appId: APP, messageId, receiverUrl: receiver.urlOf(`${PATH}/new`) }
}
