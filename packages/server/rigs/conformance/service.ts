import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Database } from '#src/adapters/postgres/database.ts'
import { connectionToRunning } from '#src/adapters/postgres/embedded.ts'
import { sql } from '#src/adapters/postgres/sql.ts'
import { RECORD_KINDS, type RecordKind } from '#src/producers/record.ts'
import { TABLE_OF } from '../../test/record-rows.ts'
import { Processes } from '../bench/processes.ts'
import { startService } from '../bench/service.ts'

const ADMIN = fileURLToPath(new URL('../../src/admin.ts', import.meta.url))
const run = promisify(execFile)

export type Client = { id: string; secret: string }

/** A record of each kind. */
export type Producer = Record<RecordKind, { id: number }>

const ADMIN_MS_MAX = 120_000
/** Changed settings are in force everywhere after 5 s (webhook-api 15): a machine with much else to do may need longer. */
const SETTINGS_MS_MAX = 60_000
const RUN_MS_MAX = 60_000
const LOOK_MS = 100

/** The service, by its production entry, on a PostgreSQL of its own: what an operator sets up for the rig. */
export type RunningService = {
  url: string
  /** Of the sandbox, where receivers on loopback and plain http are allowed and test requests are off. */
  key: string
  /** Gives an account one more OAuth2 client, of all usual scopes. */
  client: (account: string) => Promise<Client>
  /** Records of a producer that an account monitors. */
  producer: (accountId: string, npn: string) => Promise<Producer>
  /** A run of the account's feed that waits for an operator. @returns its id */
  heldRun: (accountId: string) => Promise<string>
  /** A job on the account's population that nobody works on. @returns its id */
  heldJob: (accountId: string) => Promise<string>
  close: () => Promise<void>
}

/** Starts it on a temporary folder, which `close` removes. @param receivers `127.0.0.1:port`, which endpoints may use */
export async function openService(receivers: readonly string[]): Promise<RunningService> {
  const folder = mkdtempSync(join(tmpdir(), 'producersync-conformance-'))
  chmodSync(folder, 0o711) // PostgreSQL's user goes through it
  const processes = new Processes()
  const close = async () => {
    await processes.end()
    rmSync(folder, { recursive: true, force: true })
  }
  const admin = async (...args: string[]): Promise<{ client?: Client }> => {
    const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', PSAPI_SERVER_DATA_DIR: folder }
    const { stdout } = await run(process.execPath, [ADMIN, ...args, '--json'], { env, timeout: ADMIN_MS_MAX })
    return JSON.parse(stdout) as { client?: Client }
  }
  try {
    const service = await startService(processes, folder, receivers, { inspected: false })
    if (service.key === null) throw new Error('the first start showed no environment key')
    await admin('environment', 'set', 'sandbox', 'testRequestOnSave=false', 'httpsOnly=false')
    await untilInForce(service.url, service.key, receivers)
    return {
      url: service.url,
      key: service.key,
      client: async (account) => {
        const { client } = await admin('client', 'create', '--account', account, '--environment', 'sandbox')
        if (!client) throw new Error('no client was made')
        return client
      },
      producer: async (accountId, npn) => await asOwner(folder, (owner) => readProducer(owner, accountId, npn)),
      heldRun: async (accountId) => await asOwner(folder, (owner) => insertHeldRun(owner, accountId)),
      heldJob: async (accountId) => await asOwner(folder, (owner) => insertHeldJob(owner, accountId)),
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}

/** Resolves once an endpoint may have a URL of plain http, with which test requests end too. */
async function untilInForce(url: string, key: string, [receiver]: readonly string[]): Promise<void> {
  const post = async (path: string, body: object) =>
    await fetch(`${url}/api/v1${path}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${key}`, 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  await (await post('/app', { name: 'Settings', uid: 'settings' })).text()
  const lateAt = performance.now() + SETTINGS_MS_MAX
  for (;;) {
    const answer = await post('/app/settings/endpoint', { url: `http://${receiver}/settings`, disabled: true })
    if (answer.status === 201) return
    if (performance.now() > lateAt) throw new Error(`the settings are not in force: ${await answer.text()}`)
    await sleep(LOOK_MS)
  }
}

/** What no call of the API can bring about, or tell: done as the owner of the tables. */
async function asOwner<T>(folder: string, work: (owner: Database) => Promise<T>): Promise<T> {
  const owner = new Database(connectionToRunning(folder), {
    role: 'migrate',
    applicationName: 'conformance',
    connectionsMax: 1,
    statementTimeoutMs: 5_000,
    queryTimeoutMs: 5_000,
  })
  try {
    return await work(owner)
  } finally {
    await owner.close()
  }
}

async function readProducer(owner: Database, accountId: string, npn: string): Promise<Producer> {
  const ids: [RecordKind, { id: number }][] = []
  for (const kind of RECORD_KINDS) {
    // a sandbox account has a feed of its own
    const [row] = await owner.run<{ id: number }>(
      sql`select id from ${TABLE_OF[kind]} where feed_id = ${accountId} and npn = ${npn} order by id limit 1`,
    )
    if (!row) throw new Error(`the producer ${npn} has no ${kind}`)
    ids.push([kind, row])
  }
  return Object.fromEntries(ids) as Producer
}

/** A feed has one open run at a time: one of its calendar's, at the hour of the day at which it starts, is waited for. */
async function insertHeldRun(owner: Database, feedId: string): Promise<string> {
  const id = randomUUID()
  const lateAt = performance.now() + RUN_MS_MAX
  for (;;) {
    const inserted = await owner.query`
      insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, started_at, details_at, collected_at, message)
      select ${id}, ${feedId}, max(run_date), 'held', 'schedule', now() + interval '1 hour', now(), now(), now(), now(), 'Held by the rig'
        from nipr_run where feed_id = ${feedId}
      on conflict (feed_id) where ended_at is null do nothing
      returning id`
    if (inserted.length > 0) return id
    if (performance.now() > lateAt) throw new Error('another run of the feed does not end')
    await sleep(LOOK_MS)
  }
}

async function insertHeldJob(owner: Database, accountId: string): Promise<string> {
  const id = randomUUID()
  await owner.query`
    insert into population_job (account_id, id, number, change_id, change_type, type, state, requested, distinct_elements,
                                accepted_at, updated_at, lease_owner, lease_until)
    select ${accountId}, ${id}::uuid, coalesce(max(number), 0) + 1, ${id}::uuid, 'add', 'add', 'pending', 0, 0,
           now(), now(), gen_random_uuid(), now() + interval '1 hour'
      from population_job where account_id = ${accountId}`
  return id
}
