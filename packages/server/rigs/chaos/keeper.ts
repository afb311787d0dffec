import { rmSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import type { KeeperOrders, KeeperReport } from './database.ts'

/**
 * A process beside the rig that holds what must not outlive it: PostgreSQL under its supervisor, the folder of the run, and
 * the ids of the rig's other processes (`+id`, `-id`, a line each). When its input ends, the rig has: everything goes.
 */
const orders: KeeperOrders = JSON.parse(process.argv[2] ?? '')
const processes = new Set<number>()

// a terminal's Ctrl-C is for the rig, which then lets go of this one
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {})

const input = createInterface({ input: process.stdin })
input.on('line', (line) => {
  const id = Number(line.slice(1))
  if (line.startsWith('+')) processes.add(id)
  else processes.delete(id)
})
const abandoned = new Promise<void>((resolve) => input.once('close', resolve))

const home = await keep().catch((error: unknown) => {
  report({ event: 'failed', reason: error instanceof Error ? error.message : String(error) })
  return undefined
})
for (const folder of [orders.folder, home]) if (folder) rmSync(folder, { recursive: true, force: true })

async function keep(): Promise<string> {
  const log = { info: () => {}, warn: () => {}, error: () => {} }
  const server = await startEmbeddedPostgres({ dataDir: orders.dataDir, log, settings: orders.settings })
  server.onExit((error) => report({ event: 'failed', reason: error.message }))
  const { connection, superuserConnection, home } = server
  report({ event: 'ready', connection, superuserConnection, home })
  await abandoned
  for (const id of processes) endProcess(id)
  await server.stop()
  return home
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
