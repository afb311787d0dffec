import { type DedupeStore, keepSecondsDefault } from './dedupe-store.ts'

export { type MemoryOptions, memory } from './dedupe-memory.ts'
export type { DedupeStore } from './dedupe-store.ts'

/** Runs one statement with its values for `$1`, `$2`, … As `pool.query` of `pg`, of Neon and of PGlite. */
export type PostgresQuery = (sql: string, values: unknown[]) => Promise<{ rows: unknown[] }>

/** The table that `postgres` needs: put it among your migrations. */
export const postgresTable = `create table if not exists producersync_webhook (
  event_id text primary key,
  done boolean not null,
  ends_at timestamptz not null
);
create index if not exists producersync_webhook_ends_at on producersync_webhook (ends_at);`

/**
 * Remembers in PostgreSQL, for any number of processes; needs `postgresTable`. What has ended is deleted along the way.
 * @param query             `(sql, values) => pool.query(sql, values)`
 * @param options.keepSeconds  how long a handled event is remembered; default 7 days
 */
export function postgres(query: PostgresQuery, { keepSeconds = keepSecondsDefault } = {}): DedupeStore {
  return {
    async claim(eventId, ttlSeconds) {
      const { rows: taken } = await query(
        `insert into producersync_webhook as w (event_id, done, ends_at)
         values ($1, false, now() + $2 * interval '1 second')
         on conflict (event_id) do update set done = false, ends_at = excluded.ends_at where w.ends_at <= now()
         returning event_id`,
        [eventId, ttlSeconds],
      )
      if (taken.length > 0) return 'new'
      const { rows: done } = await query('select event_id from producersync_webhook where event_id = $1 and done', [
        eventId,
      ])
      return done.length > 0 ? 'done' : 'busy'
    },
    async done(eventId) {
      await query(
        `insert into producersync_webhook (event_id, done, ends_at) values ($1, true, now() + $2 * interval '1 second')
         on conflict (event_id) do update set done = true, ends_at = excluded.ends_at`,
        [eventId, keepSeconds],
      )
      await query(
        `delete from producersync_webhook where event_id in
           (select event_id from producersync_webhook where ends_at <= now() limit 100 for update skip locked)`,
        [],
      )
    },
    async release(eventId) {
      await query('delete from producersync_webhook where event_id = $1 and not done', [eventId])
    },
  }
}

/** Sends one command, its name first. ioredis: `(name, ...rest) => client.call(name, ...rest)`; redis: `(...all) => client.sendCommand(all)`. */
export type RedisCommand = (name: string, ...args: string[]) => Promise<unknown>

const releaseScript = "if redis.call('get', KEYS[1]) == 'busy' then return redis.call('del', KEYS[1]) end return 0"

/**
 * Remembers in Redis (or Valkey), for any number of processes.
 * @param command              sends one command
 * @param options.keepSeconds  how long a handled event is remembered; default 7 days
 * @param options.prefix       of its keys; default `producersync:webhook:`
 */
export function redis(
  command: RedisCommand,
  { keepSeconds = keepSecondsDefault, prefix = 'producersync:webhook:' } = {},
): DedupeStore {
  return {
    async claim(eventId, ttlSeconds) {
      const key = prefix + eventId
      if (await command('SET', key, 'busy', 'NX', 'EX', String(ttlSeconds))) return 'new'
      return String(await command('GET', key)) === 'done' ? 'done' : 'busy'
    },
    async done(eventId) {
      await command('SET', prefix + eventId, 'done', 'EX', String(keepSeconds))
    },
    async release(eventId) {
      await command('EVAL', releaseScript, '1', prefix + eventId)
    },
  }
}
