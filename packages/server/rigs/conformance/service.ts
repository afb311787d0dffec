import { execFile } from 'node:child_process'
import { chmodSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { Processes } from '../bench/processes.ts'
import { startService } from '../bench/service.ts'

const ADMIN = fileURLToPath(new URL('../../src/admin.ts', import.meta.url))
const run = promisify(execFile)

export type Client = { id: string; secret: string }

/** Changed settings are in force everywhere after so long. Source: webhook-api 15. */
const SETTINGS_MS = 5_000

/** The service, by its production entry, on a PostgreSQL of its own: what an operator sets up for the rig. */
export type RunningService = {
  url: string
  /** Of the sandbox, where receivers on loopback and plain http are allowed and test requests are off. */
  key: string
  /** Gives an account one more OAuth2 client, of all usual scopes. */
  client: (account: string) => Promise<Client>
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
      close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
