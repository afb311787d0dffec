import { channelName } from './calls.ts'
import type { Api } from './service.ts'

/** Who gets events: accounts with as many endpoints each. Endpoint N in all is number N % endpoints of its account. */
export type Receivers = { accountIds: string[]; endpointsPerAccount: number }

const CALLS_AT_ONCE = 16

/**
 * Makes accounts and endpoints, all at one sink. Each endpoint has a channel of its own within its account when
 * `channels` is set; else each gets all events of its account.
 */
export async function makeReceivers(
  api: Api,
  wanted: {
    accounts: number
    endpointsPerAccount: number
    channels: boolean
    firstNumber?: number
    /** `maxConcurrency` of each endpoint; null: as the environment has it. */
    concurrency?: number | null
    fifo?: boolean
  },
  urlOf: (endpointNumber: number) => string,
): Promise<Receivers> {
  const { accounts, endpointsPerAccount, channels, firstNumber = 0, concurrency = null, fifo = false } = wanted
  const accountIds: string[] = []
  await inParallel(accounts, async (account) => {
    const id = await api.post('/app', { name: `Bench ${firstNumber + account}` })
    accountIds[account] = id
    for (let endpoint = 0; endpoint < endpointsPerAccount; endpoint += 1) {
      const url = urlOf(firstNumber + account * endpointsPerAccount + endpoint)
      await api.post(`/app/${id}/endpoint`, {
        url,
        maxConcurrency: concurrency,
        ordering: fifo ? 'fifo' : 'none',
        ...(channels ? { channels: [channelName(endpoint)] } : {}),
      })
    }
  })
  return { accountIds, endpointsPerAccount }
}

async function inParallel(count: number, work: (number: number) => Promise<void>): Promise<void> {
  let next = 0
  const worker = async () => {
    while (next < count) {
      next += 1
      await work(next - 1)
    }
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, worker))
}
