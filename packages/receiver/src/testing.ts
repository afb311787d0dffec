import type { KnownEvent, WebhookEvent } from './events.ts'
import { sign } from './index.ts'

type KnownType = KnownEvent['type']
type ExampleOf<Type extends KnownType> = Extract<KnownEvent, { type: Type }>

/** An event of each type, as the service sends it. */
export const examples: { readonly [Type in KnownType]: ExampleOf<Type> } = {
  'producersync.updates_available': {
    id: 'evt_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m',
    type: 'producersync.updates_available',
    timestamp: '2026-03-06T16:41:07.120Z',
    data: { runDate: '2026-03-06' },
  },
  'producersync.npn.activated': {
    id: 'evt_3AZoD9ju2bxg58Q4PC2Ut9ld7gH',
    type: 'producersync.npn.activated',
    timestamp: '2026-03-06T15:02:11.004Z',
    data: { npn: '912484758' },
  },
  'producersync.npn.deactivated': {
    id: 'evt_3AidCrb4ZDGc6aYNjhZNF6jG9kE',
    type: 'producersync.npn.deactivated',
    timestamp: '2026-03-09T18:00:00.000Z',
    data: { npn: '912484758' },
  },
  'producersync.npn.data_ready': {
    id: 'evt_3AZoEEEp7gOXn2xuGMWIu0whuDt',
    type: 'producersync.npn.data_ready',
    timestamp: '2026-03-06T15:02:19.552Z',
    data: { npn: '912484758', noLicenses: false },
  },
}

export type SignedRequestOptions = {
  /** Where it goes; default `http://localhost/`. */
  url?: string
  /** When the attempt is made; default the current time. */
  now?: Date
}

/**
 * A webhook as the service sends it, to give to a receiver or to `fetch`.
 * @param secret  `whsec_…` or `whsk_…`
 * @throws VerificationError `invalid_secret`
 */
export async function signedRequest(
  event: WebhookEvent,
  secret: string,
  { url = 'http://localhost/', now = new Date() }: SignedRequestOptions = {},
): Promise<Request> {
  const body = JSON.stringify(event)
  const timestamp = Math.floor(now.getTime() / 1000)
  const signed = await sign({ id: event.id.replace(/^evt_/, 'msg_'), timestamp, body, secrets: secret })
  const both = Object.entries(signed).flatMap(([name, value]) => [
    [name, value],
    [name.replace('webhook', 'svix'), value],
  ])
  const headers = { 'content-type': 'application/json', ...Object.fromEntries(both) }
  return new Request(url, { method: 'POST', headers, body })
}

/** A clock that stands still until it is moved. */
export type FakeClock = { now: () => Date; advance: (seconds: number) => void }

/** @param start  its time; default the current one, so that it fits what is signed by the real clock */
export function fakeClock(start: Date | string = new Date()): FakeClock {
  let ms = new Date(start).getTime()
  return {
    now: () => new Date(ms),
    advance: (seconds) => {
      ms += seconds * 1000
    },
  }
}
