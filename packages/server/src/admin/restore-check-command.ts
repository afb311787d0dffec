import type { Command } from 'commander'
import type { Database } from '#src/adapters/postgres/database.ts'
import { missingMigrations } from '#src/adapters/postgres/migrate.ts'
import { loadConfig } from '#src/config.ts'
import { type Commands, leaf, type Options, print, Refused } from './commands.ts'
import { openDatabase, withConnection } from './connect.ts'
import { databaseChecks } from './doctor/database.ts'
import { lookAt } from './doctor/finding.ts'

/** What a database holds, for whoever has just restored it. */
type Held = { restored_to: Date | null; waiting: number; due: number }

/** `restore-check`. */
export function restoreCheckCommand(admin: Command, commands: Commands): void {
  leaf(
    admin,
    'restore-check',
    'after a restore, before the first start: up to when it goes, what is planned, and whether it can be used',
  ).action(async ({ json }: Options) => {
    const config = loadConfig(commands.variables)
    await withConnection(config, commands, async (connection) => {
      if ((await missingMigrations(connection)).includes('001-who.sql'))
        throw new Refused('Nothing was restored: the database is empty.')
      const worker = openDatabase(connection, 'worker')
      const api = openDatabase(connection, 'api')
      try {
        const held = await readHeld(worker)
        const findings = await lookAt(databaseChecks(worker, api, config).filter(({ check }) => NEEDED.includes(check)))
        const broken = findings.filter(({ state }) => state === 'failed')
        const report = { restoredTo: held.restored_to, planned: held.waiting, due: held.due, findings }
        print(commands, json, report, [
          `restored to  ${held.restored_to?.toISOString() ?? 'no event'} (the newest event accepted)`,
          `planned      ${held.waiting} deliveries, ${held.due} of them due: those that had been made since are made once more`,
          ...findings.map(({ state, check, text }) => `${check.padEnd(11)}  ${state}: ${text}`),
        ])
        if (broken.length > 0) throw new Refused('The service cannot be started on it as it is.')
      } finally {
        await Promise.all([worker.close(), api.close()])
      }
    })
  })
}

async function readHeld(worker: Database): Promise<Held> {
  const [row] = await worker.query<Held>`
    select (select created_at from event order by id desc limit 1) as restored_to,
           (select count(*)::int from pending) + packed.count as waiting,
           (select count(*)::int from pending where due_at <= clock_timestamp()) + packed.count as due
      from (select count(*)::int from packed_delivery) as packed`
  return row ?? { restored_to: null, waiting: 0, due: 0 }
}

/** Of what doctor looks at: the keys, and that no account sees another's rows. */
const NEEDED: readonly string[] = ['durability', 'row-security', 'secrets']
