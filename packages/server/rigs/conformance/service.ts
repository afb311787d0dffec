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

/** Changed settings are in force everywhere after so long. Source: webhook-api 15. */
const SETTINGS_MS = 5_000

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
    const { stdout } = await run(process.execPath, [ADMIN, ...args, '--json'], { env, timeout: 30_000 })
    return JSON.parse(stdout) as { client?: Client }
  }
  try {
    const service = await startService(processes, folder, receivers, { inspected: false })
    if (service.key === null) throw new Error('the first start showed no environment key')
    await admin('environment', 'set', 'sandbox', 'testRequestOnSave=false', 'httpsOnly=false')
    await sleep(SETTINGS_MS)
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
      close,
    }
  } catch (error) {
    await close()
    throw error
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

async function insertHeldRun(owner: Database, feedId: string): Promise<string> {
  const id = randomUUID()
  await owner.query`
    insert into nipr_run (id, feed_id, run_date, state, trigger, next_try_at, scheduled_at, started_at, details_at, collected_at, message)
    select ${id}, ${feedId}, max(run_date), 'held', 'schedule', now() + interval '1 hour', now(), now(), now(), now(), 'Held by the rig'
      from nipr_run where feed_id = ${feedId}`
  return id
}
