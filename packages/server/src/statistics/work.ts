import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type CountedTo, chosenTypes, countMade, nextAccounts } from '#src/tally/store.ts'
import type { Task, TaskKind, TaskStep, TaskWork } from '#src/tasks/task.ts'

export const USAGE_BY_ACCOUNT = 'application.stats'
export const CHOSEN_TYPES = 'event-type.aggregate'

/** What the task of counting keeps: times as text; ids of accounts, null: all of the environment. */
export type UsageParameters = { since: string; until: string; accountIds: readonly string[] | null }

const ACCOUNTS_PER_STEP = 100
const ROWS_PER_STEP = 50_000
const START: CountedTo = { endpointId: '', attemptId: '' }

/** Statistics of a whole environment, as work for a `TaskRunner`. Source: webhook-api 8.1, 13. */
export const statisticsWorks: Partial<Record<TaskKind, TaskWork>> = {
  [USAGE_BY_ACCOUNT]: countSome,
  [CHOSEN_TYPES]: gatherSome,
}

type AccountUsage = { appId: string; appUid: string | null; messageDestinations: number }

/** The cursor: the account counted last, and within one that is not finished the attempt. */
async function countSome(tx: Queryable, task: Task): Promise<TaskStep> {
  const { since, until, accountIds } = parseUsageParameters(task.parameters)
  const usages = usagesOf(task.data)
  let [after = '', endpointId, attemptId] = (task.position ?? '').split(' ')
  let rows = 0
  const open = endpointId && attemptId ? usages.at(-1) : undefined
  if (open) {
    const counted = await countMade(tx, open.appId, {
      ...{ since, until, limit: ROWS_PER_STEP },
      after: { endpointId: endpointId ?? '', attemptId: attemptId ?? '' },
    })
    open.messageDestinations += counted.made
    if (counted.next) return stepOf(task, { appStats: usages }, cursorOf(open.appId, counted.next), 'now')
    rows += counted.made
    after = open.appId
  }
  const accounts = await nextAccounts(tx, task.environment, { after, ids: accountIds, limit: ACCOUNTS_PER_STEP })
  for (const { id, uid } of accounts) {
    if (rows >= ROWS_PER_STEP) return stepOf(task, { appStats: usages }, after, 'now')
    const counted = await countMade(tx, id, { since, until, after: START, limit: ROWS_PER_STEP })
    usages.push({ appId: id, appUid: uid, messageDestinations: counted.made })
    if (counted.next) return stepOf(task, { appStats: usages }, cursorOf(id, counted.next), 'now')
    rows += counted.made
    after = id
  }
  return stepOf(task, { appStats: usages }, after, accounts.length < ACCOUNTS_PER_STEP ? 'finished' : 'now')
}

async function gatherSome(tx: Queryable, task: Task): Promise<TaskStep> {
  const wanted = { after: task.position ?? '', ids: null, limit: ACCOUNTS_PER_STEP }
  const accounts = await nextAccounts(tx, task.environment, wanted)
  const accountIds = accounts.map(({ id }) => id)
  const chosen = await chosenTypes(tx, accountIds)
  const gathered = accountIds.map((appId) => ({
    appId,
    explicitlySubscribedEventTypes: chosen.get(appId)?.types ?? [],
    hasCatchAllEndpoint: chosen.get(appId)?.all ?? false,
  }))
  const before = Array.isArray(task.data.event_types) ? task.data.event_types : []
  const data = { event_types: [...before, ...gathered] }
  return stepOf(
    task,
    data,
    accountIds.at(-1) ?? task.position,
    accounts.length < ACCOUNTS_PER_STEP ? 'finished' : 'now',
  )
}

function stepOf({ pacedUntil }: Task, data: Task['data'], position: string | null, kind: 'now' | 'finished'): TaskStep {
  return { position, pacedUntil, data, next: { kind }, lanes: [] }
}

function cursorOf(accountId: string, { endpointId, attemptId }: CountedTo): string {
  return `${accountId} ${endpointId} ${attemptId}`
}

/** @param data  as `countSome` wrote it */
function usagesOf({ appStats }: Task['data']): AccountUsage[] {
  const usages: AccountUsage[] = Array.isArray(appStats) ? appStats : []
  return usages.map((usage) => ({ ...usage }))
}

function parseUsageParameters({ since, until, accountIds }: Task['parameters']) {
  return {
    since: new Date(String(since)),
    until: new Date(String(until)),
    accountIds: Array.isArray(accountIds) ? accountIds.map(String) : null,
  }
}
