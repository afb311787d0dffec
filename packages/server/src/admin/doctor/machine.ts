import { existsSync } from 'node:fs'
import { stat, statfs } from 'node:fs/promises'
import { dirname } from 'node:path'
import { loadMasterKey, MasterKeyFault } from '#src/accounts/master-key.ts'
import type { Config } from '#src/config.ts'
import { areDocsBuilt } from '#src/portal/built-docs.ts'
import { PagesNotBuilt } from '#src/portal/built-folder.ts'
import { arePagesBuilt } from '#src/portal/built-pages.ts'
import { type Check, failed, ok, PAGES, skipped, type Verdict, warning } from './finding.ts'

const NODE_MAJOR = 24
const OTHERS_MAY = 0o077
/** Shares of the disk. */
const FREE_FEW = 0.15
const FREE_TOO_FEW = 0.05

/** What can be seen without the database. */
export function machineChecks(config: Config): Check[] {
  return [
    { check: 'node', page: PAGES.install, look: async () => nodeVersion(process.version) },
    { check: 'master-key', page: PAGES.backups, look: () => masterKeyFile(config) },
    { check: 'disk', page: PAGES.runbook('disk-fills-up'), look: () => disk(config) },
    { check: 'pages', page: PAGES.install, look: () => pages(config) },
  ]
}

function nodeVersion(version: string): Verdict {
  if (version.startsWith(`v${NODE_MAJOR}.`)) return ok(`Node ${version}`)
  return failed(
    `Node ${version}; the service runs on Node ${NODE_MAJOR}.`,
    'Start with npm, which brings the right one.',
  )
}

async function masterKeyFile({ masterKeyFile: path, masterKeyIsOurs }: Config): Promise<Verdict> {
  if (masterKeyIsOurs && !existsSync(path)) return skipped('The first start makes one beside the embedded database.')
  try {
    await loadMasterKey(path, { create: false })
  } catch (error) {
    if (!(error instanceof MasterKeyFault)) throw error
    return failed(error.message, 'Bring the key back from where it is kept, and let the service’s user read it.')
  }
  const { mode } = await stat(path)
  if ((mode & OTHERS_MAY) === 0) return ok(`${path} can be read by its owner alone`)
  return warning(`${path} can be read by others (mode ${(mode & 0o777).toString(8)}).`, `chmod 600 ${path}`)
}

async function disk({ database, dataDir }: Config): Promise<Verdict> {
  if (database !== null)
    return skipped('The disk of a database server is seen by its own monitoring (alert DiskFillsUp).')
  const { bavail, blocks, bsize } = await statfs(existsSync(dataDir) ? dataDir : dirname(dataDir))
  const free = bavail / blocks
  const text = `${Math.floor(free * 100)} % (${Math.floor((bavail * bsize) / 2 ** 30)} GiB) are free where the database is`
  const remedy = 'Make room, or move the data folder to a larger disk: a full one refuses every event.'
  if (free < FREE_TOO_FEW) return failed(`Only ${text}.`, remedy)
  return free < FREE_FEW ? warning(`Only ${text}.`, remedy) : ok(text)
}

async function pages({ roles }: Config): Promise<Verdict> {
  if (!roles.has('api') && !roles.has('portal')) return skipped('ROLES names neither api nor portal.')
  try {
    if ((await arePagesBuilt()) && (await areDocsBuilt())) return ok('The portal and the documentation are built')
    return warning('The portal or the documentation is not built yet; the next start does it.', 'npm run build')
  } catch (error) {
    if (!(error instanceof PagesNotBuilt)) throw error
    return failed(error.message, 'Install the release whole again.')
  }
}
