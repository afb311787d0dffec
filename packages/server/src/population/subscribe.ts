import type { Account } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { IdSource } from '#src/adapters/ids.ts'
import type { Wake } from '#src/events/accept.ts'
import { decideChunk } from './decide.ts'
import type { Npn } from './npn.ts'
import { beginCounting, holdPopulation, readAutoSubscribe, readKnown } from './store.ts'
import { changePopulation, type Transactions } from './work.ts'

export type SubscribeParts = { updates: Transactions; clock: Clock; ids: IdSource; wake: Wake }

/**
 * Joins an NPN that the account reads to its population, with its event, in one transaction; nothing happens when it is
 * there already, the population is full, or the account does not want it. Source: producersync-api 6, "Auto-subscribe".
 */
export async function subscribe(
  parts: SubscribeParts,
  { id: accountId, environment, populationMax }: Account,
  npn: Npn,
): Promise<void> {
  const planned = await parts.updates.transaction({}, async (tx) => {
    if (!(await readAutoSubscribe(tx, accountId))) return []
    await beginCounting(tx, accountId)
    const population = await holdPopulation(tx, accountId)
    const known = await readKnown(tx, accountId, npn)
    const now = parts.clock.now()
    const { changes } = decideChunk('join', [{ position: 0, npn, known }], populationMax - population.size, now)
    const change = { accountId, environment, action: 'join', source: 'read' } as const
    return await changePopulation(tx, parts, change, changes, population, now)
  })
  if (planned.length > 0) parts.wake(planned)
}
