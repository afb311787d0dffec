import type { Command } from 'commander'
import pino from 'pino'
import type { Database } from '#src/adapters/postgres/database.ts'
import { Housekeeping } from '#src/operate/housekeeping.ts'
import { type Commands, leaf, type Options, print } from './commands.ts'
import { openDatabase, withInstallation } from './connect.ts'

/** `purge`. */
export function purgeCommand(admin: Command, commands: Commands): void {
  leaf(
    admin,
    'purge',
    'remove now what is past its time, and what is left of accounts that were deleted more than an hour ago; workers do it by themselves, within a day',
  ).action(async ({ json }: Options) => {
    await withInstallation(commands, async ({ connection, clock }) => {
      const database = openDatabase(connection, 'worker')
      try {
        await new Housekeeping({ database, clock, log: pino({ level: 'silent' }) }).purge()
        const ended = await countEnded(database)
        print(commands, json, { endedAccounts: ended }, [
          'Nothing is left that is past its time.',
          `Deleted accounts that are not yet empty: ${ended}${ended > 0 ? ' (deleted within the hour, or deliveries of theirs are still being cancelled)' : ''}`,
        ])
      } finally {
        await database.close()
      }
    })
  })
}

async function countEnded(database: Database): Promise<number> {
  const [row] = await database.query<{ ended: number }>`
    select count(*)::int as ended from account where deleted_at is not null and purged_at is null`
  return row?.ended ?? 0
}
