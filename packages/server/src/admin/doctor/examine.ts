import { DatabaseClock } from '#src/adapters/clock.ts'
import type { Connection } from '#src/adapters/postgres/database.ts'
import type { Config } from '#src/config.ts'
import { openDatabase, readClock } from '../connect.ts'
import { databaseChecks, footingChecks } from './database.ts'
import { type Finding, lookAt, PAGES, passOver } from './finding.ts'
import { machineChecks } from './machine.ts'
import { networkChecks } from './network.ts'
import { workChecks } from './work.ts'

export type Examination = {
  config: Config
  connection: Connection
  /** Any page of the Internet: that it can be reached shows that receivers can. */
  reach: URL
}

/** Looks at all that keeps this installation from doing what it should. Changes nothing. */
export async function examine({ config, connection, reach }: Examination): Promise<Finding[]> {
  const settings: Finding = { check: 'settings', page: PAGES.install, state: 'ok', text: 'All settings can be read' }
  const machine = await lookAt(machineChecks(config))
  const footing = await lookAt(footingChecks(connection))
  const isFirm = footing.every(({ state }) => state !== 'failed')
  const database = await examineDatabase(config, connection, isFirm)
  return [settings, ...machine, ...footing, ...database, ...(await lookAt(networkChecks(config, reach)))]
}

async function examineDatabase(config: Config, connection: Connection, isFirm: boolean): Promise<Finding[]> {
  const worker = openDatabase(connection, 'worker')
  const updates = openDatabase(connection, 'updates')
  const api = openDatabase(connection, 'api')
  try {
    const clock = isFirm ? await readClock(worker) : new DatabaseClock()
    const checks = [...databaseChecks(worker, api, config), ...workChecks({ database: worker, updates, clock, config })]
    if (isFirm) return await lookAt(checks)
    return passOver(checks, 'Not looked at: the database, its roles or its schema have to be mended first.')
  } finally {
    await Promise.all([worker.close(), updates.close(), api.close()])
  }
}
