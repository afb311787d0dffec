import { endpointUrl } from './addresses.ts'
import type { LoadOptions } from './options.ts'
import { makeReceivers } from './receivers.ts'
import { asSuperuser } from './service.ts'
import { type Plan, pause, planOf, prepare, publish, type Stage, untilReceived } from './stage.ts'
import { type Figures, halfOf, measureBeside, measureFull, measureHalf } from './throughput.ts'

const BACKLOG = 1_000_000
const BACKLOG_PER_STATEMENT = 50_000
/** A worker looks for what nobody told it of at least this often. */
const SWEEP_MS = 10_000
const QUIET_ACCOUNTS = 10

/** How healthy endpoints fare with something beside them, against the same without it. */
export async function measureDisturbed(stage: Stage, options: LoadOptions): Promise<Figures> {
  const plan = planOf(options)
  const { accountIds } = await prepare(stage, plan)
  const disturb = await disturbanceOf(stage, plan, options, accountIds)
  return await measureBeside(stage, plan, options, accountIds, async (full) => {
    const rate = halfOf(full, plan, options)
    const half = await measureHalf(stage, plan, options.durationS / 2, rate)

    await disturb()
    const halfBeside = await measureHalf(stage, plan, options.durationS / 2, rate)
    const fullBeside = await measureFull(stage, plan, { ...options, profile: null })
    return { half, beside: { full: fullBeside, half: halfBeside }, workers: null }
  })
}

/** Sets up what can be set up before; the disturbance itself begins when the result is called. */
async function disturbanceOf(
  stage: Stage,
  plan: Plan,
  { mode }: LoadOptions,
  accountIds: readonly string[],
): Promise<() => Promise<void>> {
  const { sink, publisher, say } = stage
  switch (mode) {
    case 'slow1':
    case 'slow10': {
      const every = mode === 'slow1' ? 100 : 10
      return async () => {
        say(`one of ${every} endpoints stops answering`)
        await sink.ask('hang', every)
        await publisher.ask('hang', every)
      }
    }
    case 'backlog1m': {
      const deadAccount = await makeDeadAccount(stage, plan)
      return async () => {
        await sink.ask('die')
        await makeBacklog(stage, deadAccount)
        await pause(SWEEP_MS)
      }
    }
    default:
      await publish(stage, plan, accountIds.slice(0, QUIET_ACCOUNTS))
      return async () => {
        say('publishing to all endpoints')
        await publish(stage, plan, accountIds)
      }
  }
}

/** An account whose one endpoint has worked, and then dies with the sink's second port. */
async function makeDeadAccount({ api, sink, mortalPort }: Stage, plan: Plan): Promise<string> {
  const { received } = await sink.ask('count')
  const firstNumber = plan.accounts * plan.endpointsPerAccount
  const wanted = { accounts: 1, endpointsPerAccount: 1, channels: false, firstNumber }
  const { accountIds } = await makeReceivers(api, wanted, (number) => endpointUrl(mortalPort, number))
  await untilReceived(sink, received + 1)
  await sink.ask('forget')
  return accountIds[0] ?? ''
}

/** Events and pending deliveries as the service would have stored them, all due. */
async function makeBacklog({ dataDir, say }: Stage, accountId: string): Promise<void> {
  say(`${BACKLOG} pending deliveries for a dead endpoint`)
  await asSuperuser(dataDir, async (client) => {
    for (let from = 0; from < BACKLOG; from += BACKLOG_PER_STATEMENT) {
      await client.query(
        `with made as (
           insert into event (account_id, id, type, payload, created_at, payload_expires_at)
           select $1, 'msg_' || left(ksuid_floor(now()), 15) || lpad(n::text, 12, '0'), 'license.updated',
                  convert_to(format('{"id":"evt_%s","type":"license.updated","data":{"npn":"%s"}}', n, n), 'utf8'),
                  now(), now() + interval '90 days'
             from generate_series($2::int, $2::int + $3::int - 1) as n
           returning account_id, id, created_at
         )
         insert into pending (account_id, event_id, delivery_id, endpoint_id, shard, queue, cause, created_at, due_at)
         select m.account_id, m.id, gen_random_uuid(), e.id, e.shard, 0, 'event', m.created_at, m.created_at
           from made m join endpoint e on e.account_id = m.account_id`,
        [accountId, from, BACKLOG_PER_STATEMENT],
      )
    }
    await client.query('analyze pending')
  })
}
