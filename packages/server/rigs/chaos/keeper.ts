import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import type { DiskOrder, KeeperOrders, KeeperReport } from './database.ts'
import { Disk } from './disk.ts'

/**
 * A process beside the rig that holds what must not outlive it: PostgreSQL under its supervisor, the folder of the run, and
 * the ids of the rig's other processes (`+id`, `-id`, a line each), and its disk (`!fill`). When its input ends, the rig has: everything goes.
 */
const orders: KeeperOrders = JSON.parse(process.argv[2] ?? '')
const processes = new Set<number>()
const disk = orders.hasDisk ? new Disk(join(orders.folder, 'disk'), orders.dataDir) : null

// a terminal's Ctrl-C is for the rig, which then lets go of this one
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const input = createInterface({ input: process.stdin })
input.on('line', (line) => {
  if (line.startsWith('!')) {
    doToDisk(line.slice(1) as DiskOrder) // written by database.ts
    return
  }
  const id = Number(line.slice(1))
  if (line.startsWith('+')) processes.add(id)
  else processes.delete(id)
})
const abandoned = new Promise<void>((resolve) => input.once('close', resolve))

const home = await keep().catch((error: unknown) => {
  report({ event: 'failed', reason: error instanceof Error ? error.message : String(error) })
  return undefined
})
disk?.unmount()
for (const folder of [orders.folder, home]) if (folder) rmSync(folder, { recursive: true, force: true })

async function keep(): Promise<string> {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  disk?.mount()
  const server = await startEmbeddedPostgres({ dataDir: orders.dataDir, log, settings: orders.settings })
  server.onExit((error) => report({ event: 'failed', reason: error.message }))
  const { connection, superuserConnection, home } = server
  disk?.sync() // its programs lie there, too
  report({ event: 'ready', connection, superuserConnection, home })
  await abandoned
  for (const id of processes) endProcess(id)
  disk?.heal()
  await server.stop()
  return home
}

function doToDisk(order: DiskOrder): void {
  let hasLost = false
  try {
    if (order === 'cut') hasLost = disk?.cutPower() ?? false
    else disk?.[order]()
  } catch (error) {
    report({ event: 'failed', reason: `${order}: ${error instanceof Error ? error.message : String(error)}` })
  }
  report({ event: 'done', hasLost })
}

function endProcess(id: number): void {
  try {
    process.kill(id, 'SIGKILL')
  } catch {
    // it has ended by itself
  }
}

function report(what: KeeperReport): void {
  process.stdout.write(`${JSON.stringify(what)}\n`)
}
