import { setTimeout as sleep } from 'node:timers/promises'
import { createClient } from '#src/accounts/clients.ts'
import { type Environment, visibleTo } from '#src/accounts/principal.ts'
import { createKey } from '#src/accounts/tokens.ts'
import { DatabaseClock } from '#src/adapters/clock.ts'
import { IdSource } from '#src/adapters/ids.ts'
import { type Connection, Database } from '#src/adapters/postgres/database.ts'
import { Api } from './api.ts'

const ENVIRONMENT: Environment = 'production'
const BODY_NPNS_MAX = 50_000
const LOOK_MS = 500

/** An account with as many clients as its pulls need. */
export type RigAccount = { id: string; api: Api; npns: readonly string[] }

/** Producers of the simulator that can be told apart: without those whose first reports come late or fail. */
export function chooseNpns(count: number): string[] {
  const npns: string[] = ['15645555', '19855109']
  for (let number = 2_000_001; npns.length < count; number += 1) {
    const text = String(number)
    if (!/00[234]$/.test(text)) npns.push(text)
  }
  return npns
}

/** Each account monitors its share, and some of its neighbour's too. */
export function share(npns: readonly string[], accounts: number): string[][] {
  return Array.from({ length: accounts }, (_, account) =>
    npns.filter(
      (_, index) => index % accounts === account || (index % 10 === 0 && index % accounts === (account + 1) % accounts),
    ),
  )
}

/** Clients of the first account that only read, as many as keep within their rate limits whatever a day brings. */
const READERS = 40
/** Keys of the operator, who looks for what a run does many times a second. */
const OPERATORS = 4

/** The operator, and accounts with an endpoint each, made as operators make them. */
export async function makeWorld(parts: {
  url: string
  connection: Connection
  receiverUrl: string
  shares: readonly (readonly string[])[]
  clients: number
}): Promise<{ operator: Api; accounts: RigAccount[]; readers: Api[] }> {
  const { url, connection, receiverUrl, shares, clients } = parts
  const limits = { connectionsMax: 2, statementTimeoutMs: 10_000, queryTimeoutMs: 10_000 }
  const database = new Database(connection, { role: 'api', applicationName: 'daily', ...limits })
  const clock = new DatabaseClock()
  const ids = new IdSource(clock)
  try {
    const keys: string[] = []
    while (keys.length < OPERATORS) {
      const { key } = await database.transaction({ settings: visibleTo(ENVIRONMENT) }, (tx) =>
        createKey(tx, { clock, ids }, { environment: ENVIRONMENT, name: 'daily' }),
      )
      keys.push(key)
    }
    const operator = new Api(url, keys)
    const accounts: RigAccount[] = []
    const tokensOf = async (id: string, count: number) => {
      const tokens: string[] = []
      while (tokens.length < count) {
        const made = await database.transaction({ settings: visibleTo(ENVIRONMENT, id) }, (tx) =>
          createClient(tx, { clock, ids }, { id, environment: ENVIRONMENT }, { name: `Client ${tokens.length}` }),
        )
        tokens.push(await takeToken(url, made.clientId, made.secret))
      }
      return tokens
    }
    for (const [number, npns] of shares.entries()) {
      const { id } = (await operator.call('POST', '/api/v1/app', { name: `Account ${number}` })) as { id: string }
      const tokens = await tokensOf(id, clients)
      await operator.call('POST', `/api/v1/app/${id}/endpoint`, { url: `${receiverUrl}/${id}` })
      accounts.push({ id, api: new Api(url, tokens), npns })
    }
    const tokens = await tokensOf(accounts[0]?.id ?? '', READERS)
    return { operator, accounts, readers: tokens.map((token) => new Api(url, [token])) }
  } finally {
    await database.close()
  }
}

async function takeToken(url: string, clientId: string, secret: string): Promise<string> {
  const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: clientId, client_secret: secret })
  const response = await fetch(`${url}/oauth2/token`, { method: 'POST', body })
  const { access_token } = (await response.json()) as { access_token: string }
  return access_token
}

/** Adds the NPNs to what the account monitors. */
export async function monitor({ api, npns }: Pick<RigAccount, 'api' | 'npns'>): Promise<void> {
  for (let start = 0; start < npns.length; start += BODY_NPNS_MAX) {
    await api.call('PUT', '/v1/accounts/subscriptions', npns.slice(start, start + BODY_NPNS_MAX))
  }
}

/** Until the account monitors so many NPNs, and none of them is being loaded. */
export async function waitUntilLoaded(api: Api, npns: number): Promise<void> {
  const total = async (filter: string) => {
    const { page } = (await api.get(`/v1/accounts/subscriptions?size=1${filter}`)) as {
      page: { totalElements: number }
    }
    return page.totalElements
  }
  while ((await total('')) !== npns || (await total('&dataStatus=loading')) > 0) await sleep(LOOK_MS)
}
