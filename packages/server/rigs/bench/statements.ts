import { randomUUID } from 'node:crypto'
import { IdSource } from '#src/adapters/ids.ts'
import { Database } from '#src/adapters/postgres/database.ts'
import { connectionToRunning } from '#src/adapters/postgres/embedded.ts'
import { type AttemptRecord, recordAttempts } from '#src/delivery/attempt-store.ts'
import { noFailpoint } from '#src/delivery/failpoint.ts'
import { BUNDLED_FROM } from '#src/delivery/own-work.ts'
import type { NewEvent, PlannedDelivery } from '#src/events/accept.ts'
import { AcceptQueue } from '#src/events/accept-queue.ts'
import { endpointUrl } from './addresses.ts'
import { payloadsOf } from './bodies.ts'
import { channelName } from './calls.ts'
import { onCpuUs } from './cpu.ts'
import { rounded } from './figures.ts'
import { makeReceivers } from './receivers.ts'
import { asSuperuser } from './service.ts'
import type { Stage } from './stage.ts'

/** What one event costs in a statement of so many, on one connection each: CPU in µs, and WAL with the payload in it. */
export type StatementFigures = {
  eventsPerStatement: number
  accept: Cost
  record: Cost
}
type Cost = { postgresUs: number; nodeUs: number; walBytes: number }

const EVENTS_PER_STATEMENT = [8, 32, 128, 400]
/** Not counted: until statements are planned and this process has compiled what it runs. */
const FIRST_STATEMENTS = 30
const DAY_MS = 86_400_000

/**
 * The two statements that every event goes through, one after the other and with nothing beside them. CPU is that of the connections'
 * own processes, so that what else the machine does matters little. Needs a service that has no worker.
 * @param statements  of each size
 */
export async function measureStatements(
  { api, dataDir, sinkPort, seed, say }: Stage,
  { endpoints, statements }: { endpoints: number; statements: number },
): Promise<StatementFigures[]> {
  const endpointsPerAccount = Math.min(endpoints, 10)
  const accounts = Math.ceil(endpoints / endpointsPerAccount)
  const { accountIds } = await makeReceivers(api, { accounts, endpointsPerAccount, channels: true }, (number) =>
    endpointUrl(sinkPort, number),
  )
  const connection = connectionToRunning(dataDir)
  const open = (role: 'accept' | 'worker') =>
    new Database(connection, {
      role,
      connectionsMax: 1,
      applicationName: 'bench-statements',
      statementTimeoutMs: 60_000,
      queryTimeoutMs: 60_000,
    })
  const [accept, worker] = [open('accept'), open('worker')]
  const { workerId, epochs, endpointIds } = await ownEverything(dataDir)
  const ids = new IdSource({ now: () => new Date(), alarm: () => ({ cancel() {} }) })
  const payloads = payloadsOf(seed).map((payload) => Buffer.from(payload))
  let planned: readonly PlannedDelivery[] = []
  const queue = new AcceptQueue({
    accept,
    wake: (deliveries) => {
      planned = deliveries
    },
    ownWork: (counts) =>
      Math.min(...counts.values()) < BUNDLED_FROM ? null : { workerId, shards: epochs, endpointIds },
    now: () => new Date(),
    statementsMax: 1,
    callMsMax: 60_000,
    isBusy: () => false,
    onCommit: () => {},
    failpoint: noFailpoint,
  })
  const figures: StatementFigures[] = []
  try {
    for (const eventsPerStatement of EVENTS_PER_STATEMENT) {
      say(`${statements} statements of ${eventsPerStatement} events`)
      const accepting = await Meter.on(dataDir, accept)
      const recording = await Meter.on(dataDir, worker)
      for (let statement = -FIRST_STATEMENTS; statement < statements; statement += 1) {
        const counts = statement >= 0
        const events = Array.from({ length: eventsPerStatement }, (_, index): NewEvent => {
          const { ksuid, at } = ids.next()
          return {
            accountId: accountIds[index % accountIds.length] ?? '',
            environment: 'sandbox',
            id: `msg_${ksuid}`,
            createdAt: at,
            type: 'license.updated',
            payload: payloads[index % payloads.length] ?? Buffer.alloc(0),
            channels: [channelName(Math.floor(index / accountIds.length) % endpointsPerAccount)],
            payloadExpiresAt: new Date(at.getTime() + 90 * DAY_MS),
            cause: 'event',
          }
        })
        await accepting.measure(counts, () => queue.accept({ events, key: null, items: events.map((_, item) => item) }))
        const records = inOtherOrder(
          planned.map((delivery) => recordOf(delivery, epochs.get(delivery.shard) ?? 0, ids)),
        )
        const bundles = [...new Set(planned.flatMap(({ bundle }) => bundle ?? []))]
        for (const bundle of bundles) bundle.left = 0
        const writing = { again: false, packed: bundles, emptied: bundles }
        await recording.measure(counts, () => recordAttempts(worker, workerId, records, [], writing))
      }
      const events = statements * eventsPerStatement
      figures.push({ eventsPerStatement, accept: accepting.perEvent(events), record: recording.perEvent(events) })
    }
    return figures
  } finally {
    await accept.close()
    await worker.close()
  }
}

type Owned = { workerId: string; epochs: ReadonlyMap<number, number>; endpointIds: string[] }

/** Makes a worker that owns all shards with an endpoint, and never lets go of them. */
async function ownEverything(dataDir: string): Promise<Owned> {
  const workerId = randomUUID()
  return await asSuperuser(dataDir, async (client) => {
    await client.query(
      `insert into worker (id, lease_until, started_at) values ($1, clock_timestamp() + interval '1 hour', clock_timestamp())`,
      [workerId],
    )
    const { rows } = await client.query<{ number: number; epoch: string }>(
      `update shard set owner = $1, epoch = epoch + 1 where number in (select shard from endpoint) returning number, epoch`,
      [workerId],
    )
    const endpoints = await client.query<{ id: string }>('select id from endpoint')
    return {
      workerId,
      epochs: new Map(rows.map(({ number, epoch }) => [number, Number(epoch)])),
      endpointIds: endpoints.rows.map(({ id }) => id),
    }
  })
}

function recordOf(planned: PlannedDelivery, epoch: number, ids: IdSource): AttemptRecord {
  const startedAt = new Date()
  return {
    delivery: { ...planned, queue: 'first', attemptsMade: 0, taskId: null },
    epoch,
    id: `atmpt_${ids.next().ksuid}`,
    number: 1,
    url: endpointUrl(0, 0),
    outcome: 'responded',
    failureClass: null,
    statusCode: 200,
    durationMs: 1.3,
    phase: null,
    timingsMs: [null, null, null, 1, 5, 30_000],
    address: '127.0.0.1',
    security: null,
    response: Buffer.alloc(0),
    responseHeaders: [['content-length', '0']],
    sentHeaders: null,
    startedAt,
    state: { status: 'delivered', deliveredAt: startedAt },
    endsPlanned: false,
    announcements: [],
  }
}

/** As attempts end: about as they began, but not quite. */
function inOtherOrder(records: readonly AttemptRecord[]): AttemptRecord[] {
  const rank = new Map(records.map((record, index) => [record, index + ((index * 7) % 20)]))
  return records.toSorted((one, other) => (rank.get(one) ?? 0) - (rank.get(other) ?? 0))
}

/** Adds up what statements of one connection take. */
class Meter {
  readonly #dataDir: string
  readonly #pid: number
  readonly #sum: Cost = { postgresUs: 0, nodeUs: 0, walBytes: 0 }

  private constructor(dataDir: string, pid: number) {
    this.#dataDir = dataDir
    this.#pid = pid
  }

  static async on(dataDir: string, database: Database): Promise<Meter> {
    const [row] = await database.query<{ pid: number }>`select pg_backend_pid() as pid`
    if (!row) throw new Error('the connection says nothing of itself')
    return new Meter(dataDir, row.pid)
  }

  async measure(counts: boolean, work: () => Promise<unknown>): Promise<void> {
    const walBefore = counts ? await walBytes(this.#dataDir) : 0
    const postgresBefore = onCpuUs(this.#pid)
    const before = process.cpuUsage()
    await work()
    const { user, system } = process.cpuUsage(before)
    if (!counts) return
    this.#sum.postgresUs += onCpuUs(this.#pid) - postgresBefore
    this.#sum.nodeUs += user + system
    this.#sum.walBytes += (await walBytes(this.#dataDir)) - walBefore
  }

  perEvent(events: number): Cost {
    const { postgresUs, nodeUs, walBytes: bytes } = this.#sum
    return {
      postgresUs: rounded(postgresUs / events, 1),
      nodeUs: rounded(nodeUs / events, 1),
      walBytes: Math.round(bytes / events),
    }
  }
}

async function walBytes(dataDir: string): Promise<number> {
  return await asSuperuser(dataDir, async (client) => {
    const { rows } = await client.query<{ bytes: string }>(
      `select pg_current_wal_insert_lsn() - '0/0'::pg_lsn as bytes`,
    )
    return Number(rows[0]?.bytes)
  })
}

/** The figures for people. */
export function statementsTable(figures: readonly StatementFigures[]): string {
  const cells = ({ postgresUs, nodeUs, walBytes: bytes }: Cost) =>
    `PostgreSQL ${postgresUs} µs, Node ${nodeUs} µs, WAL ${bytes} bytes`
  return figures
    .map(
      ({ eventsPerStatement, accept, record }) =>
        `${eventsPerStatement} events a statement\n  accept  ${cells(accept)}\n  record  ${cells(record)}`,
    )
    .join('\n')
}
