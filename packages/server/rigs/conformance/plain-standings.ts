import type { VerifyingReceiver } from './receiver.ts'

type Body = Record<string, unknown>
type Parts = {
  call: (operationId: string, method: string, path: string, body?: unknown) => Promise<Body>
  /** Asks until the answer is what is waited for. */
  until: (ask: () => Promise<Body>, isWanted: (body: Body) => boolean, what: string) => Promise<Body>
  receiver: VerifyingReceiver
}

const APP = 'plain-standings'
const HOUR_MS = 3_600_000
/** No attempt of ours is to fail because the machine has much else to do. */
const TIMEOUT_MS = 30_000
/** By `status`: which message stands so with which endpoint, and how it is called with `expanded_statuses`. */
const STANDINGS = [
  { message: 'delivered', endpoint: 'good', status: 0, text: 'success' },
  { message: 'waiting', endpoint: 'good', status: 1, text: 'pending' },
  { message: 'given-up', endpoint: 'once', status: 2, text: 'fail' },
  { message: 'retrying', endpoint: 'again', status: 3, text: 'sending' },
  { message: 'canceled', endpoint: 'good', status: 4, text: 'canceled' },
] as const

/**
 * Brings a delivery into each state that stays, and reads it in every list and object that shows one, with both readings of a
 * cancellation: so each of these answers is judged in every run.
 */
export async function runStandingsFlow({ call, until, receiver }: Parts): Promise<void> {
  const app = `/api/v1/app/${APP}`
  await call('v1.application.create', 'POST', '/api/v1/app', { name: 'Standings', uid: APP })
  const endpoints = [
    { uid: 'good', path: '/standings/good', retrySchedule: [HOUR_MS / 1_000] },
    { uid: 'once', path: '/standings/fail/once', retrySchedule: [] },
    { uid: 'again', path: '/standings/fail/again', retrySchedule: [HOUR_MS / 1_000] },
  ]
  for (const { uid, path, retrySchedule } of endpoints) {
    const endpoint = { uid, url: receiver.urlOf(path), retrySchedule, channels: [uid], timeoutMs: TIMEOUT_MS }
    await call('v1.endpoint.create', 'POST', `${app}/endpoint`, endpoint)
  }
  for (const { message, endpoint } of STANDINGS) {
    const isLater = message === 'waiting' || message === 'canceled'
    await call('v1.message.create', 'POST', `${app}/msg`, {
      eventType: 'plain.stands',
      eventId: message,
      channels: [endpoint, endpoint],
      payload: {},
      ...(isLater ? { deliverAt: new Date(Date.now() + HOUR_MS) } : {}),
    })
  }
  await call('v1.message-attempt.cancel', 'POST', `${app}/msg/canceled/endpoint/good/cancel`)
  for (const { message, endpoint, status, text } of STANDINGS) {
    const list = `${app}/endpoint/${endpoint}/msg?status=${status}&expanded_statuses=true`
    const stands = ({ data }: Body) => rowsOf(data).some((row) => row.eventId === message && row.statusText === text)
    await until(
      () => call('v1.message-attempt.list-attempted-messages', 'GET', list),
      stands,
      `status ${status} of a message`,
    )
  }
  for (const expanded of [true, false]) {
    for (const { message, endpoint } of STANDINGS) await readAll(call, app, { message, endpoint, expanded })
  }
}

async function readAll(
  call: Parts['call'],
  app: string,
  { message, endpoint, expanded }: { message: string; endpoint: string; expanded: boolean },
): Promise<void> {
  const query = `expanded_statuses=${expanded}`
  const list = await call('v1.message-attempt.list-by-msg', 'GET', `${app}/attempt/msg/${message}?${query}`)
  for (const { id } of rowsOf(list.data)) {
    await call('v1.message-attempt.get', 'GET', `${app}/msg/${message}/attempt/${String(id)}?${query}`)
    await call('v1.message-attempt.get-headers', 'GET', `${app}/msg/${message}/attempt/${String(id)}/headers`)
    await call('v1.message-attempt.detail', 'GET', `${app}/msg/${message}/attempt/${String(id)}/detail`)
  }
  const withMsg = `${query}&with_msg=true`
  const ofEndpoint = `${app}/attempt/endpoint/${endpoint}?${withMsg}`
  await call('v1.message-attempt.list-by-endpoint', 'GET', ofEndpoint)
  await call('v1.message-attempt.list-of-msg', 'GET', `${app}/msg/${message}/attempt?${query}`)
  const ofBoth = `${app}/msg/${message}/endpoint/${endpoint}/attempt?${query}`
  await call('v1.message-attempt.list-of-msg-by-endpoint', 'GET', ofBoth)
  await call('v1.message-attempt.list-attempted-messages', 'GET', `${app}/endpoint/${endpoint}/msg?${query}`)
  await call('v1.message-attempt.list-attempted-destinations', 'GET', `${app}/msg/${message}/endpoint?${query}`)
  await call('v1.message.timeline', 'GET', `${app}/msg/${message}/timeline`)
  await call('v1.delivery.list', 'GET', `${app}/delivery?q=${message}`)
}

function rowsOf(data: unknown): Body[] {
  const rows: unknown[] = Array.isArray(data) ? data : []
  return rows.map((row) => (typeof row === 'object' && row !== null ? { ...row } : {}))
}
