import { randomBytes } from 'node:crypto'
import { visibleTo } from '#src/accounts/principal.ts'
import { createKey } from '#src/accounts/tokens.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database } from '#src/adapters/postgres/database.ts'
import { parseBody, textField } from './answers.ts'
import type { RigEndpoint } from './deliveries.ts'
import { insist } from './insist.ts'
import { EVENT_TYPES } from './publisher.ts'
import type { Receivers } from './receivers.ts'
import type { Numbers } from './stored.ts'

/** What an endpoint of the run is told; a compressed schedule, so that everything ends soon after the faults. */
/** What an environment sets for endpoints that say nothing. */
export const CONCURRENCY_MAX = 20
export const RETRY_SCHEDULE_S: readonly number[] = [1, 1, 2, 2, 3, 3, 5, 5]
export const TIMEOUT_MS = 3_000

const CALLS_AT_ONCE = 8
const ENVIRONMENT = 'production'

/** The accounts and endpoints of a run, by number and by the ids that the service gave them. */
export type World = { key: string; accounts: string[]; endpoints: RigEndpoint[]; numbers: Numbers }

/** Whose endpoints they are, and what they take: all events of the account, or those of one type. */
export function planEndpoints(accounts: number, endpoints: number): RigEndpoint[] {
  return Array.from({ length: endpoints }, (_, number) => {
    const type = EVENT_TYPES[(Math.floor(number / accounts) % 4) - 1]
    return { number, account: number % accounts, types: type ? [type] : null }
  })
}

export function newSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`
}

/** Makes accounts and endpoints through the API, as an operator would. */
export async function makeWorld(parts: {
  url: string
  connection: Connection
  receivers: Receivers
  secrets: readonly string[]
  accounts: number
  endpoints: readonly RigEndpoint[]
}): Promise<World> {
  const { url, connection, receivers, secrets, endpoints } = parts
  const key = await makeKey(connection)
  const create = async (path: string, body: object): Promise<string> => {
    const answer = await insist(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await answer.text()
    if (!answer.ok) throw new Error(`POST ${path}: ${answer.status} ${text}`)
    return textField(parseBody(text), 'id') ?? ''
  }
  for (const name of EVENT_TYPES) await create('/event-type', { name, description: 'An event of the chaos rig' })
  const accounts = await inTurns(range(parts.accounts), (number) => create('/app', { name: `Account ${number}` }))
  const ids = await inTurns(endpoints, ({ number, account, types }) =>
    create(`/app/${accounts[account]}/endpoint`, {
      url: receivers.urlOf(number),
      secret: secrets[number],
      eventTypes: types,
      retrySchedule: RETRY_SCHEDULE_S,
      timeoutMs: TIMEOUT_MS,
    }),
  )
  await receivers.tested()
  return {
    key,
    accounts,
    endpoints: [...endpoints],
    numbers: { accounts: numbered(accounts), endpoints: numbered(ids) },
  }
}

/** A key of the environment, as an operator makes one. */
export async function makeKey(connection: Connection): Promise<string> {
  const clock = new DatabaseClock()
  const limits = { connectionsMax: 1, statementTimeoutMs: 5_000, queryTimeoutMs: 5_000 }
  const database = new Database(connection, { role: 'api', applicationName: 'rig', ...limits })
  try {
    const made = await database.transaction({ settings: visibleTo(ENVIRONMENT) }, (tx) =>
      createKey(tx, { clock, ids: new IdSource(clock) }, { environment: ENVIRONMENT, name: 'rig' }),
    )
    return made.key
  } finally {
    await database.close()
  }
}

async function inTurns<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = []
  let next = 0
  const take = async () => {
    for (let index = next++; index < items.length; index = next++) {
      const item = items[index]
      if (item !== undefined) done[index] = await work(item)
    }
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, take))
  return done
}

function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index)
}

function numbered(ids: readonly string[]): Map<string, number> {
  return new Map(ids.map((id, number) => [id, number]))
}
