import { existsSync, readdirSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import type { Connection } from '#src/adapters/postgres/connection.ts'
import { startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import { migrate } from '#src/adapters/postgres/migrate.ts'
import { ensureRoles } from '#src/adapters/postgres/roles.ts'
import { FOLDER_PREFIX, TEST_RUN, temporaryFolder } from './temporary-folder.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    /** The test run's server, and the templates of every test database: migrated, or with the roles only. */
    postgres: { connection: Connection; superuserConnection: Connection; template: string; emptyTemplate: string }
  }
}

/** One PostgreSQL for the whole test run, with all migrations applied once, in a folder that goes with it. */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  removeAbandoned()
  process.env[TEST_RUN] = String(process.pid)
  const dataDir = temporaryFolder()
  const server = await startEmbeddedPostgres({
    dataDir,
    log: { info: () => {}, warn: () => {}, error: () => {} },
    // never of the product: what a test commits need not survive a power cut
    settings: { fsync: 'off', full_page_writes: 'off', max_connections: '300', shared_buffers: '128MB' },
  })
  const remove = async () => {
    await server.stop()
    for (const folder of [server.home, ...foldersOf(String(process.pid))])
      rmSync(folder, { recursive: true, force: true })
  }
  const { connection, superuserConnection } = server
  const emptyTemplate = 'empty'
  try {
    await ensureRoles(superuserConnection, emptyTemplate)
    await migrate(connection)
  } catch (error) {
    await remove()
    throw error
  }
  project.provide('postgres', { connection, superuserConnection, template: 'producersync', emptyTemplate })
  return remove
}

function foldersOf(run: string): string[] {
  const named = readdirSync(tmpdir()).filter((entry) => entry.startsWith(`${FOLDER_PREFIX}${run}-`))
  return named.map((entry) => join(tmpdir(), entry))
}

const ABANDONED_MS_MIN = 3_600_000
const PID = new RegExp(`^${FOLDER_PREFIX}(\\d+)-`)

// A killed run stops its server (the guard sees to it) but leaves its folder. Another user's is not ours to remove, and a recent
// one may belong to a process that cannot be seen from here (in another container).
function removeAbandoned(): void {
  for (const entry of readdirSync(tmpdir())) {
    const [, pid] = PID.exec(entry) ?? []
    if (!pid || existsSync(`/proc/${pid}`)) continue
    const folder = join(tmpdir(), entry)
    const found = statSync(folder, { throwIfNoEntry: false })
    const isOurs = found?.uid === process.getuid?.()
    if (found && isOurs && found.mtimeMs < Date.now() - ABANDONED_MS_MIN)
      rmSync(folder, { recursive: true, force: true })
  }
}
