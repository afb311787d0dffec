import { endpointUrl } from './addresses.ts'
import { Durations, type Spread } from './figures.ts'
import { HISTORY_DAYS, type Share, storeHistory } from './history.ts'
import { type KeptHistory, noteHistory, readHistory, type Stored } from './kept-history.ts'
import { type ListCase, listCases, sampleOf, waitingCases } from './list-cases.ts'
import { makeReceivers } from './receivers.ts'
import type { Api } from './service.ts'
import { type Stage, untilReceived } from './stage.ts'

/** Lists are to be answered within this time, 95 of 100: what an account has stored does not count. */
export const LIST_MS = 100
/** Counts of the portal's log, up to 10,000. Source: portal 10 */
export const COUNT_MS = 300

/** One account has most of what is stored, some have a little, many have next to nothing. */
const KINDS = [
  { share: 0.7, accounts: 1, endpointsPerAccount: 20 },
  { share: 0.25, accounts: 5, endpointsPerAccount: 5 },
  { share: 0.05, accounts: 50, endpointsPerAccount: 2 },
] as const
const ANSWER_MS_MAX = 60_000

/** How a list was answered. `found`: rows in all answers; null for statistics, which list none. `statuses`: other than 200. */
export type ListFigures = {
  account: keyof KeptHistory['accountIds']
  name: string
  ms: Spread
  found: number | null
  statuses: Record<string, number>
}
export type ListsFigures = { days: number; stored: Stored; lists: ListFigures[] }

/** Of fewer, the slowest alone would be the 95th of 100. */
const REQUESTS_MIN = 20

/** How many requests of each list are made, one at a time: at most so many, and but for the first 20 no more than fit into `secondsMax`. */
export type Effort = { requests: number; secondsMax: number }

/** Stores a history of at least so many attempts, unless the stage's folder has one, and asks for it. */
export async function measureLists(
  stage: Stage,
  { attempts, ...effort }: Effort & { attempts: number },
): Promise<ListsFigures> {
  const { accountIds, stored } = readHistory(stage.folder) ?? (await makeHistory(stage, attempts))
  return { days: HISTORY_DAYS, stored, lists: await askForLists(stage, accountIds, effort) }
}

async function makeHistory(stage: Stage, attempts: number): Promise<KeptHistory> {
  const shares = await makeShares(stage)
  const waiting = await makeWaitingAccount(stage, shares)
  stage.say(`storing ${attempts} attempts`)
  const stored = await storeHistory(stage.dataDir, { shares, waiting }, attempts, stage.say)
  const [large = '', small = ''] = [shares.at(0), shares.at(-1)].map((share) => share?.receivers.accountIds[0])
  const history = { accountIds: { large, small, waiting }, stored }
  noteHistory(stage.folder, history)
  return history
}

async function askForLists(
  { api, dataDir, say }: Pick<Stage, 'api' | 'dataDir' | 'say'>,
  accountIds: KeptHistory['accountIds'],
  effort: Effort,
): Promise<ListFigures[]> {
  const now = new Date()
  const lists: ListFigures[] = []
  for (const account of ['large', 'small', 'waiting'] as const) {
    say(`asking for the lists of the ${account} account`)
    const sample = await sampleOf(dataDir, accountIds[account], now)
    for (const listCase of account === 'waiting' ? waitingCases(sample) : listCases(sample, now)) {
      const figures = await measureCase(api, listCase, effort)
      // a small account may have none of what many events have
      const finds = account === 'small' && listCase.finds === 'rows' ? 'either' : listCase.finds
      if (Object.keys(figures.statuses).length === 0 && !isAsExpected(finds, figures.found)) {
        throw new Error(`${account}: ${listCase.name}: ${figures.found} rows found, ${finds} expected`)
      }
      lists.push({ account, name: listCase.name, ...figures })
    }
  }
  return lists
}

async function makeShares({ api, sink, sinkPort, say }: Stage): Promise<Share[]> {
  const shares: Share[] = []
  let firstNumber = 0
  for (const { share, accounts, endpointsPerAccount } of KINDS) {
    say(`making ${accounts} accounts with ${endpointsPerAccount} endpoints each`)
    const wanted = { accounts, endpointsPerAccount, channels: false, firstNumber }
    const receivers = await makeReceivers(api, wanted, (number) => endpointUrl(sinkPort, number))
    shares.push({ share, receivers })
    firstNumber += accounts * endpointsPerAccount
  }
  await untilReceived(sink, firstNumber)
  return shares
}

async function makeWaitingAccount({ api, sink, sinkPort, say }: Stage, shares: readonly Share[]): Promise<string> {
  say('making the account whose endpoint much waits for')
  const firstNumber = shares.reduce(
    (sum, { receivers: { accountIds, endpointsPerAccount } }) => sum + accountIds.length * endpointsPerAccount,
    0,
  )
  const wanted = { accounts: 1, endpointsPerAccount: 1, channels: false, firstNumber }
  const { accountIds } = await makeReceivers(api, wanted, (number) => endpointUrl(sinkPort, number))
  await untilReceived(sink, firstNumber + 1)
  return accountIds[0] ?? ''
}

async function measureCase(
  api: Api,
  { request }: ListCase,
  { requests, secondsMax }: Effort,
): Promise<Pick<ListFigures, 'ms' | 'found' | 'statuses'>> {
  const durations = new Durations()
  const statuses: Record<string, number> = {}
  let found: number | null = null
  const endsAt = performance.now() + secondsMax * 1_000
  for (let number = 0; number < requests && (number < REQUESTS_MIN || performance.now() < endsAt); number += 1) {
    const { path, body } = request(number)
    const startedAt = performance.now()
    const answer = await fetch(`http://127.0.0.1:${api.port}/api/v1${path}`, {
      method: body ? 'POST' : 'GET',
      headers: { authorization: `Bearer ${api.key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: AbortSignal.timeout(ANSWER_MS_MAX),
    })
    const text = await answer.text()
    durations.add(performance.now() - startedAt)
    if (answer.status === 200) {
      const { data }: { data?: unknown } = JSON.parse(text)
      if (Array.isArray(data)) found = (found ?? 0) + data.length
    } else {
      statuses[answer.status] = (statuses[answer.status] ?? 0) + 1
    }
  }
  return { ms: durations.spread(), found, statuses }
}

function isAsExpected(finds: ListCase['finds'], found: number | null): boolean {
  switch (finds) {
    case 'rows':
      return found !== null && found > 0
    case 'nothing':
      return found === 0
    case 'either':
      return true
  }
}

/** Those that were slower, or not answered. */
export function slowLists({ lists }: Pick<ListsFigures, 'lists'>): string[] {
  return lists
    .filter(({ name, ms, statuses }) => {
      const goalMs = name.startsWith('A/delivery/count') ? COUNT_MS : LIST_MS
      return ms.p95 > goalMs || Object.keys(statuses).length > 0
    })
    .map(({ account, name }) => `${account}: ${name}`)
}

/** The figures for people: Markdown. */
export function listsTable({ lists }: ListsFigures): string {
  const rows = lists.map(({ account, name, ms, found, statuses }) => {
    const failed = Object.entries(statuses).map(([status, count]) => `${count} × ${status}`)
    const figures = [ms.count, ms.p50, ms.p95, ms.p99, found ?? '–', failed.join(', ') || '–']
    return `| ${[account, name, ...figures].join(' | ')} |`
  })
  return [
    '| account | list | requests | p50 ms | p95 ms | p99 ms | rows | not 200 |',
    '|---|---|---|---|---|---|---|---|',
    ...rows,
  ].join('\n')
}
