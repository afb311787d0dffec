import type { Clock } from '#src/adapters/clock.ts'
import { parseNpn } from '#src/population/npn.ts'
import { parseLocalDate } from '../updates/local-date.ts'
import { SCENARIOS } from './business-days.ts'
import { parseFeedDefinition } from './feed-definition.ts'
import { SimulatedFeed } from './simulated-feed.ts'

export const CONTROL_PATH = '/control/feeds/'

/** Feeds by the names of their Basic users. */
export type Feeds = Map<string, SimulatedFeed>
export type ControlAnswer = { status: number; body?: unknown }

const FEEDS_MAX = 100_000
const TRUTHS_MAX = 1_000
const USER = /^[A-Za-z0-9_.-]{1,100}$/

/**
 * Calls of a feed's owner, below `/control/feeds/{user}`:
 *  - `PUT`: the definition; again for the same user it replaces it, and leaves clock and targets
 *  - `DELETE`
 *  - `GET …/clock`, `PUT …/clock` `{"now","stopped"?}`: answer `{"now"}`; 409 for a moment that has passed
 *  - `PUT …/scenarios/{day}` `{"scenario"}`: 409 for a day that has passed
 *  - `POST …/truth` `{"day","npns"}`, at most 1,000: `{"producers"}`, in the order of the NPNs, null for what NIPR does not know
 * @param path after `/control/feeds/`. @param body the parsed JSON, undefined when there is none
 */
export function answerControlCall(
  feeds: Feeds,
  clock: Clock,
  method: string,
  path: string,
  body: unknown,
): ControlAnswer {
  const [user = '', call = '', argument = ''] = path.split('/')
  if (!USER.test(user)) return { status: 404 }
  if (method === 'PUT' && call === '') return define(feeds, clock, user, body)
  const feed = feeds.get(user)
  if (feed === undefined) return { status: 404 }
  if (method === 'DELETE' && call === '') return { status: feeds.delete(user) ? 204 : 404 }
  if (method === 'GET' && call === 'clock') return { status: 200, body: { now: feed.now().toISOString() } }
  if (method === 'PUT' && call === 'clock') return setClock(feed, body)
  if (method === 'PUT' && call === 'scenarios') return setScenario(feed, argument, body)
  if (method === 'POST' && call === 'truth') return truth(feed, body)
  return { status: 404 }
}

function define(feeds: Feeds, clock: Clock, user: string, body: unknown): ControlAnswer {
  const defined = parseFeedDefinition(body)
  if (defined === undefined) return { status: 400 }
  const feed = feeds.get(user)
  if (feed !== undefined) feed.define(defined)
  else if (feeds.size === FEEDS_MAX) return { status: 503 }
  else feeds.set(user, new SimulatedFeed(clock, defined))
  return { status: 204 }
}

function setClock(feed: SimulatedFeed, body: unknown): ControlAnswer {
  const { now, stopped } = membersOf(body)
  const at = typeof now === 'string' ? new Date(now) : undefined
  if (at === undefined || Number.isNaN(at.getTime()) || (stopped !== undefined && typeof stopped !== 'boolean'))
    return { status: 400 }
  if (!feed.setClock(at, stopped === true)) return { status: 409 }
  return { status: 200, body: { now: feed.now().toISOString() } }
}

function setScenario(feed: SimulatedFeed, dayText: string, body: unknown): ControlAnswer {
  const day = parseLocalDate(dayText)
  const scenario = SCENARIOS.find((known) => known === membersOf(body).scenario)
  if (day === undefined || scenario === undefined) return { status: 400 }
  return { status: feed.setScenario(day, scenario) ? 204 : 409 }
}

function truth(feed: SimulatedFeed, body: unknown): ControlAnswer {
  const { day: dayText, npns } = membersOf(body)
  const day = typeof dayText === 'string' ? parseLocalDate(dayText) : undefined
  if (day === undefined || !Array.isArray(npns) || npns.length > TRUTHS_MAX) return { status: 400 }
  const known = npns.flatMap((npn: unknown) => (typeof npn === 'string' ? (parseNpn(npn) ?? []) : []))
  if (known.length !== npns.length) return { status: 400 }
  return { status: 200, body: { producers: known.map((npn) => feed.truth(npn, day) ?? null) } }
}

function membersOf(body: unknown): Readonly<Record<string, unknown>> {
  return typeof body === 'object' && body !== null ? { ...body } : {}
}
