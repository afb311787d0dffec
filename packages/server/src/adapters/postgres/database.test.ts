import { mkdtempSync, rmSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { HELD_OPEN, type TestDatabase, testDatabase } from '../../../test/postgres.ts'
import { Stopwatch } from '../../../test/stopwatch.ts'
import { withClient } from './client.ts'
import {
  Database,
  DatabaseBusy,
  DatabaseUnavailable,
  isCheckViolation,
  isLockTimeout,
  isUniqueViolation,
} from './database.ts'
import { sql } from './sql.ts'

let at: TestDatabase
let database: Database

beforeAll(async () => {
  at = await testDatabase()
  database = at.open('migrate')
  await database.query`
    create table item (id int primary key, name text constraint item_has_name check (name <> ''))`
  await database.query`create table moment (id int primary key, item_id int references item deferrable initially deferred)`
})
afterAll(async () => await at.close())

async function ids(): Promise<number[]> {
  const rows = await database.query<{ id: number }>`select id from item order by id`
  return rows.map(({ id }) => id)
}

async function empty(): Promise<void> {
  await database.query`truncate item, moment`
}

async function asAdministrator(text: string): Promise<number | null> {
  const { rowCount } = await withClient(
    at.superuserConnection,
    { applicationName: 'administrator', statementTimeoutMs: 30_000 },
    (client) => client.query(text),
  )
  return rowCount
}

describe('a connection', () => {
  test('has the rights of its role, and none of the login', async () => {
    const api = at.open('api')
    expect(await api.query`select current_user::text, session_user::text`).toEqual([
      { current_user: 'psapi_api', session_user: 'psapi' },
    ])
    await expect(api.query`create table mine (id int)`).rejects.toThrow(/permission denied/)
  })

  test('has its time limits from the start', async () => {
    const worker = new Database(at.connection, { ...limits, role: 'worker', statementTimeoutMs: 1_234 })
    expect(
      await worker.query`
        select current_setting('statement_timeout') as statement, current_setting('lock_timeout') as lock,
               current_setting('idle_in_transaction_session_timeout') as idle, current_setting('timezone') as timezone`,
    ).toEqual([{ statement: '1234ms', lock: '1s', idle: '2s', timezone: 'UTC' }])
    await worker.close()
  })

  test('of a worker looks for what it wants by index, however little there seems to be', async () => {
    const scans = async (role: 'api' | 'worker') => (await at.open(role).query`show enable_seqscan`)[0]
    expect([await scans('worker'), await scans('api')]).toEqual([{ enable_seqscan: 'off' }, { enable_seqscan: 'on' }])
    await database.query`analyze pending`
    const plan = async (role: 'api' | 'worker') =>
      JSON.stringify(await at.open(role).query`explain select from pending where account_id = 'a' and event_id = 'm'`)
    expect(await plan('api')).toContain('Seq Scan on pending')
    expect(await plan('worker')).toContain('using pending_')
  })
})

test('a URL over TCP works like a socket', async () => {
  const { connection } = at
  if (!('socketDir' in connection)) throw new Error('the test server has a socket')
  const toServer = createServer((socket) => {
    const upstream = connect(join(connection.socketDir, `.s.PGSQL.${connection.port}`))
    socket.pipe(upstream).pipe(socket)
  })
  await new Promise<void>((resolve) => toServer.listen(0, '127.0.0.1', resolve))
  const address = toServer.address()
  if (address === null || typeof address === 'string') throw new Error('it listens on a port')
  const url = `postgres://${connection.user}@127.0.0.1:${address.port}/${connection.database}`
  const pool = new Database({ url }, { ...limits, role: 'api' })
  expect(await pool.query`select current_user::text, current_setting('statement_timeout') as timeout`).toEqual([
    { current_user: 'psapi_api', timeout: '2s' },
  ])
  await pool.close()
  toServer.close()
})

describe('values', () => {
  test('come back as they went in', async () => {
    const [row] = await database.query`
      select ${9_007_199_254_740_991}::int8 as big, ${2n ** 60n}::int8 as bigger, ${new Date('2026-02-03T04:05:06.789Z')}::timestamptz as moment,
             ${Buffer.from([0, 255, 1])}::bytea as bytes, ${['a', null, 'b"\\,{}']}::text[] as texts, ${[1, 2 ** 40]}::int8[] as numbers,
             ${[[1, 2], [3, 4]]}::int[] as grid, ${[Buffer.from([1, 0]), Buffer.from([])]}::bytea[] as blobs, ${{ a: [1] }}::jsonb as json,
             ${null}::text as nothing, ${undefined}::text as undefined, ${true}::bool as yes, ${'2026-02-03'}::date as day,
             ${[new Date('2026-02-03T04:05:06.789Z')]}::timestamptz[] as moments`
    expect(row).toEqual({
      big: 9_007_199_254_740_991,
      bigger: 2n ** 60n,
      moment: new Date('2026-02-03T04:05:06.789Z'),
      bytes: Buffer.from([0, 255, 1]),
      texts: ['a', null, 'b"\\,{}'],
      numbers: [1, 2 ** 40],
      grid: [
        [1, 2],
        [3, 4],
      ],
      blobs: [Buffer.from([1, 0]), Buffer.from([])],
      json: { a: [1] },
      nothing: null,
      undefined: null,
      yes: true,
      day: '2026-02-03',
      moments: [new Date('2026-02-03T04:05:06.789Z')],
    })
  })

  test('any text and any bytes survive, alone and in arrays', async () => {
    const text = fc.string({ unit: 'binary' }).filter((value) => !value.includes('\0') && value.isWellFormed())
    await fc.assert(
      fc.asyncProperty(fc.array(text), fc.uint8Array(), async (texts, bytes) => {
        const [row] = await database.query`
          select ${texts}::text[] as texts, ${texts[0] ?? null}::text as first, ${bytes}::bytea as bytes, ${[bytes]}::bytea[] as all`
        const buffer = Buffer.from(bytes)
        expect(row).toEqual({ texts, first: texts[0] ?? null, bytes: buffer, all: [buffer] })
      }),
      { numRuns: 50 },
    )
  })

  test('a value that cannot be sent leaves the connection as it was', async () => {
    const circular: Record<string, unknown> = {}
    circular.self = circular
    const one = at.open('migrate', { connectionsMax: 1 })
    await expect(one.query`select ${circular}::jsonb`).rejects.toThrow(TypeError)
    expect(await one.query`select 1 as one`).toEqual([{ one: 1 }])
  })
})

describe('a transaction', () => {
  test('commits all or nothing', async () => {
    await empty()
    await database.transaction({}, async (tx) => {
      await tx.query`insert into item values (1, 'a')`
      await tx.query`insert into item values (2, 'b')`
    })
    await expect(
      database.transaction({}, async (tx) => {
        await tx.query`insert into item values (3, 'c')`
        throw new Error('changed my mind')
      }),
    ).rejects.toThrow('changed my mind')
    expect(await ids()).toEqual([1, 2])
  })

  test('has settings of its own, which the next one does not see', async () => {
    const one = at.open('migrate', { connectionsMax: 1 })
    const read = sql`select current_setting('test.account', true) as account`
    const inside = await one.transaction({ settings: { 'test.account': `a'b"c` } }, (tx) => tx.run(read))
    expect(inside).toEqual([{ account: `a'b"c` }])
    expect(await one.run(read)).toEqual([{ account: '' }])
    expect(await one.transaction({}, (tx) => tx.run(read))).toEqual([{ account: '' }])
  })

  test('that only reads cannot write', async () => {
    await expect(
      database.transaction({ readOnly: true }, (tx) => tx.query`insert into item values (9, 'x')`),
    ).rejects.toThrow(/read-only/)
  })

  test('under repeatable read does not see what others commit meanwhile', async () => {
    await empty()
    const seen = await database.transaction({ isolation: 'repeatable read', readOnly: true }, async (tx) => {
      await tx.query`select from item`
      await database.query`insert into item values (1, 'a')`
      return await tx.query`select id from item`
    })
    expect(seen).toEqual([])
    expect(await ids()).toEqual([1])
  })

  test('whose failed statement was swallowed is not taken for committed', async () => {
    await empty()
    await expect(
      database.transaction({}, async (tx) => {
        await tx.query`insert into item values (1, 'a')`
        await tx.query`select 1 / 0`.catch(() => {})
      }),
    ).rejects.toThrow(/rolled back/)
    expect(await ids()).toEqual([])
  })

  test('that fails at its commit is an error', async () => {
    await expect(database.transaction({}, (tx) => tx.query`insert into moment values (1, 77)`)).rejects.toThrow(
      /foreign key/,
    )
  })

  test('runs statements asked for at once in their order', async () => {
    await empty()
    await database.transaction({}, async (tx) => {
      await Promise.all([1, 2, 3, 4].map((id) => tx.query`insert into item select ${id}, count(*)::text from item`))
    })
    expect(await database.query`select name from item order by id`).toEqual(
      ['0', '1', '2', '3'].map((name) => ({ name })),
    )
  })

  test('that has ended runs nothing more', async () => {
    const leaked = await database.transaction({}, async (tx) => ({ tx }))
    await expect(leaked.tx.query`select 1`).rejects.toThrow(/has ended/)
  })

  test('ends at its time limit, whatever it waits for, and its connection is replaced', async () => {
    await empty()
    const one = at.open('migrate', { connectionsMax: 1 })
    const endless = one.transaction({ timeoutMs: 200 }, async (tx) => {
      await tx.query`insert into item values (1, 'a')`
      await new Promise(() => {})
    })
    await expect(endless).rejects.toThrow(DatabaseUnavailable)
    expect(await one.query`select id from item`).toEqual([])
  })

  test('with a longer limit may run longer statements', async () => {
    const impatient = at.open('migrate', { statementTimeoutMs: 50, queryTimeoutMs: 100 })
    await expect(impatient.query`select pg_sleep(0.2)`).rejects.toThrow(DatabaseUnavailable)
    await impatient.transaction({ timeoutMs: 5_000 }, (tx) => tx.query`select pg_sleep(0.2)`)
  })
})

describe('a batch', () => {
  test('answers each statement, and commits all', async () => {
    await empty()
    const insert = (id: number) => sql`insert into item values (${id}, 'x') returning id`
    const rows = await database.transactionBatch([insert(1), insert(2), sql`select count(*) as count from item`])
    expect(rows).toEqual([[{ id: 1 }], [{ id: 2 }], [{ count: 2 }]])
    expect(await ids()).toEqual([1, 2])
  })

  test.each([0, 1, 2, 3])(
    'whose statement %i fails leaves nothing behind, and the same connection goes on',
    async (failing) => {
      await empty()
      const one = at.open('migrate', { connectionsMax: 1 })
      const [before] = await one.query<{ pid: number }>`select pg_backend_pid() as pid`
      const statements = [1, 2, 3, 4].map((id) => sql`insert into item values (${id}, 'x')`)
      statements[failing] = sql`insert into item values (${9}, '')`
      const error = await one.transactionBatch(statements).catch((failure: unknown) => failure)
      expect(isCheckViolation(error, 'item_has_name')).toBe(true)
      expect(await ids()).toEqual([])
      await one.transactionBatch([sql`insert into item values (${1}, 'x')`, sql`insert into item values (${2}, 'y')`])
      expect(await ids()).toEqual([1, 2])
      expect(await one.query`select pg_backend_pid() as pid`).toEqual([before])
    },
  )

  test('that fails at its commit leaves nothing behind', async () => {
    await empty()
    const batch = database.transactionBatch([
      sql`insert into item values (1, 'x')`,
      sql`insert into moment values (1, 2)`,
    ])
    await expect(batch).rejects.toThrow(/foreign key/)
    expect(await ids()).toEqual([])
  })

  test('that cannot be parsed fails as one, and its good statements can be run later', async () => {
    await empty()
    const one = at.open('migrate', { connectionsMax: 1 })
    const insert = (id: number) => sql`insert into item values (${id}, 'batch')`
    await expect(one.transactionBatch([insert(1), sql`selekt 1`, insert(2)])).rejects.toThrow(/syntax error/)
    await expect(one.transactionBatch([sql`selekt 2`, insert(1)])).rejects.toThrow(/syntax error/)
    await one.transactionBatch([insert(1), insert(2)])
    expect(await ids()).toEqual([1, 2])
  })

  test('is one transaction: a lock its first statement takes is held until all is committed', async () => {
    await empty()
    const lock = sql`select pg_advisory_xact_lock(42)`
    const waits = { settings: { lock_timeout: '60s' } }
    const waiting = async (locktype: 'advisory' | 'relation') => {
      const [row] = await database.query<{ count: number }>`
        select count(*) as count from pg_locks join pg_database on pg_database.oid = pg_locks.database
         where datname = current_database() and locktype = ${locktype} and not granted`
      return row?.count
    }
    const batches = await database.transaction(HELD_OPEN, async (tx) => {
      await tx.query`lock table item in exclusive mode`
      const first = database.transactionBatch([lock, sql`insert into item values (1, 'first')`], waits)
      await expect.poll(() => waiting('relation')).toBe(1)
      const second = database.transactionBatch<{ name: string }>([lock, sql`select name from item`], waits)
      await expect.poll(() => waiting('advisory')).toBe(1)
      return { first, second }
    })
    await batches.first
    // a new snapshot for each statement: after the lock, the second sees what the first committed
    expect((await batches.second)[1]).toEqual([{ name: 'first' }])
  })

  test('has settings of its own', async () => {
    const one = at.open('migrate', { connectionsMax: 1 })
    const read = sql`select current_setting('test.account', true) as account`
    expect(await one.transactionBatch([read, read], { settings: { 'test.account': '7' } })).toEqual([
      [{ account: '7' }],
      [{ account: '7' }],
    ])
    expect(await one.run(read)).toEqual([{ account: '' }])
  })

  test('of a thousand statements is one round trip', async () => {
    await empty()
    await database.transactionBatch(Array.from({ length: 1_000 }, (_, id) => sql`insert into item values (${id}, 'x')`))
    expect(
      await database.query`select count(*) as count, count(distinct xmin::text) as transactions from item`,
    ).toEqual([{ count: 1_000, transactions: 1 }])
  })
})

describe('errors', () => {
  test('a unique violation is known by its constraint, and shows no data', async () => {
    await empty()
    await database.query`insert into item values (1, 'secret name')`
    const error = await database.query`insert into item values (1, 'b')`.catch((failure: unknown) => failure)
    expect(isUniqueViolation(error)).toBe(true)
    expect(isUniqueViolation(error, 'item_pkey')).toBe(true)
    expect(isUniqueViolation(error, 'another')).toBe(false)
    expect(JSON.stringify(error)).not.toMatch(/\(1\)/)
  })

  test('a value of the wrong form is not repeated in the message', async () => {
    const error = await database.query`select ${'canary'}::uuid`.catch(String)
    expect(error).toMatch(/invalid input syntax for type uuid/)
    expect(error).not.toMatch(/canary/)
  })

  test('a row that stays locked is DatabaseBusy within lock_timeout', async () => {
    await empty()
    await database.query`insert into item values (1, 'a')`
    await database.transaction(HELD_OPEN, async (tx) => {
      await tx.query`select from item for update`
      const impatient = at.open('migrate', { lockTimeoutMs: 100 })
      const error = await impatient.query`update item set name = 'b'`.catch((failure: unknown) => failure)
      expect(error).toBeInstanceOf(DatabaseBusy)
      expect(isLockTimeout(error)).toBe(true)
    })
  })

  test('a statement over the server’s limit is DatabaseUnavailable, and the connection goes on', async () => {
    const one = at.open('migrate', { connectionsMax: 1, statementTimeoutMs: 50 })
    const [before] = await one.query`select pg_backend_pid() as pid`
    await expect(one.query`select pg_sleep(5)`).rejects.toMatchObject({
      name: 'DatabaseUnavailable',
      reason: 'timed_out',
    })
    expect(await one.query`select pg_backend_pid() as pid`).toEqual([before])
  })

  test('a prepared statement whose result changed under a migration fails once', async () => {
    const one = at.open('migrate', { connectionsMax: 1 })
    await one.query`create table changing (a int)`
    const read = () => one.query`select * from changing`
    await read()
    await database.query`alter table changing add b int`
    await expect(read()).rejects.toThrow(DatabaseUnavailable)
    expect(await read()).toEqual([])
  })
})

describe('the pool', () => {
  test('lets a caller wait for waitMsMax and no longer', async () => {
    const small = at.open('migrate', { connectionsMax: 1, waitMsMax: 100 })
    const held = Promise.withResolvers<void>()
    const begun = Promise.withResolvers<void>()
    const holder = small.transaction(HELD_OPEN, async () => {
      begun.resolve()
      await held.promise
    })
    await begun.promise
    const waiting = [1, 2, 3].map(() => small.query`select 1`)
    expect(small.stats).toEqual({ total: 1, idle: 0, waiting: 3 })
    const watch = new Stopwatch()
    for (const call of await Promise.allSettled(waiting))
      expect(call).toMatchObject({ reason: { name: 'DatabaseBusy', reason: 'pool' } })
    expect(watch.stop()).toBeLessThan(1_000)
    held.resolve()
    await holder
    expect(await small.query`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('serves 500 callers over 10 connections', async () => {
    const pool = at.open('migrate', { connectionsMax: 10 })
    const answers = await Promise.all(
      Array.from({ length: 500 }, (_, i) => pool.query<{ i: number }>`select ${i}::int as i`),
    )
    expect(answers.map(([row]) => row?.i)).toEqual(Array.from({ length: 500 }, (_, i) => i))
    expect(pool.stats.total).toBeLessThanOrEqual(10)
  })

  test('refuses at once when too many wait', async () => {
    const pool = at.open('migrate', { connectionsMax: 1, waitersMax: 2 })
    const calls = [1, 2, 3].map(() => pool.query`select pg_sleep(0.05)`)
    await expect(calls[2]).rejects.toThrow(DatabaseBusy)
    await Promise.all(calls.slice(0, 2))
  })

  test('gives a connection left in a transaction to nobody', async () => {
    const one = at.open('migrate', { connectionsMax: 1 })
    await empty()
    await one.query`begin`
    await one.query`insert into item values (1, 'a')`
    expect(await ids()).toEqual([1])
  })

  test('replaces terminated backends: at most one failed call for each, and no unheard error', async () => {
    const pool = at.open('migrate', { connectionsMax: 5, statementTimeoutMs: 60_000 })
    const sleepers = Promise.allSettled([1, 2, 3].map(() => pool.query`select pg_sleep(60)`))
    const asleep = () =>
      asAdministrator(`select from pg_stat_activity where wait_event = 'PgSleep' and datname = current_database()`)
    await expect.poll(asleep).toBe(3)
    await Promise.all([1, 2].map(() => pool.query`select 1`)) // two more, which become idle
    await asAdministrator(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-migrate' and datname = current_database()`,
    )
    for (const call of await sleepers) expect(call).toMatchObject({ reason: { name: 'DatabaseUnavailable' } })
    const calls = await Promise.allSettled(Array.from({ length: 20 }, () => pool.query`select 1 as one`))
    expect(calls.filter(({ status }) => status === 'rejected').length).toBeLessThanOrEqual(2)
    expect(await pool.query`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('a transaction cut off by the server is DatabaseUnavailable', async () => {
    const pool = at.open('worker', { connectionsMax: 1 })
    const cut = pool.transaction({}, async (tx) => {
      await asAdministrator(
        `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'test-worker' and datname = current_database()`,
      )
      await tx.query`select 1`
    })
    await expect(cut).rejects.toThrow(DatabaseUnavailable)
    expect(await pool.query`select 1 as one`).toEqual([{ one: 1 }])
  })

  test('without a server fails at once', async () => {
    const nowhere = new Database({ socketDir: '/nonexistent', port: 1, database: 'x', user: 'x' }, limits)
    const watch = new Stopwatch()
    await expect(nowhere.query`select 1`).rejects.toMatchObject({ name: 'DatabaseUnavailable', reason: 'unreachable' })
    expect(watch.stop()).toBeLessThan(1_000)
    await nowhere.close()
  })

  test('closing waits for running calls and refuses new ones', async () => {
    const pool = at.open('migrate', { connectionsMax: 2 })
    await pool.query`select 1` // a call that still waits for a connection would be refused
    const running = pool.query`select pg_sleep(0.1), 1 as one`
    const closed = pool.close(60_000)
    await expect(pool.query`select 1`).rejects.toMatchObject({ name: 'DatabaseUnavailable', reason: 'closed' })
    await expect(running).resolves.toMatchObject([{ one: 1 }])
    await closed
    expect(pool.stats).toEqual({ total: 0, idle: 0, waiting: 0 })
  })
})

const limits = {
  role: 'migrate',
  connectionsMax: 3,
  applicationName: 'test',
  statementTimeoutMs: 2_000,
  queryTimeoutMs: 2_000,
} as const

describe('a server that stops answering', () => {
  let folder: string
  let server: Server
  let toServer: (socket: Socket) => void
  const sockets = new Set<Socket>()

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'silent-'))
    server = createServer((socket) => {
      sockets.add(socket.on('error', () => {}))
      toServer(socket)
    })
    await new Promise<void>((resolve) => server.listen(join(folder, '.s.PGSQL.5432'), resolve))
  })
  afterAll(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
    rmSync(folder, { recursive: true, force: true })
  })

  const silent = () => new Database({ socketDir: folder, port: 5432, database: 'x', user: 'x' }, limits)

  test('while connecting: every waiting caller is refused within 2 s', async () => {
    toServer = () => {}
    const pool = silent()
    const watch = new Stopwatch()
    const calls = await Promise.allSettled(Array.from({ length: 100 }, () => pool.query`select 1`))
    for (const call of calls) expect(call).toMatchObject({ reason: { name: 'DatabaseUnavailable' } })
    expect(watch.stop()).toBeLessThan(2_000)
    await pool.close()
  })

  const throughProxy = async (options: { queryTimeoutMs: number; connectionsMax?: number; waitMsMax?: number }) => {
    const { connection } = at
    if (!('socketDir' in connection)) throw new Error('the test server has a socket')
    toServer = (socket) => {
      const upstream = connect(join(connection.socketDir, `.s.PGSQL.${connection.port}`)).on('error', () => {})
      sockets.add(upstream)
      socket.pipe(upstream).pipe(socket)
    }
    const pool = new Database({ ...connection, socketDir: folder, port: 5432 }, { ...limits, ...options })
    await pool.query`select 1`
    return pool
  }
  const fallSilent = () => {
    for (const socket of sockets) socket.unpipe()
  }

  test('during a query: the call ends at its limit and its connection is destroyed', async () => {
    const pool = await throughProxy({ queryTimeoutMs: 1_500 })
    fallSilent()
    await expect(pool.query`select 1`).rejects.toMatchObject({ name: 'DatabaseUnavailable', reason: 'timed_out' })
    expect(pool.stats.total).toBe(0)
    await pool.query`select 1`
    await pool.close()
  })

  test('is not taken for a busy one by those who wait for a connection', async () => {
    const pool = await throughProxy({ queryTimeoutMs: 1_500, connectionsMax: 1, waitMsMax: 700 })
    fallSilent()
    const calls = [1, 2].map(() => pool.query`select 1`)
    for (const call of await Promise.allSettled(calls))
      expect(call).toMatchObject({ reason: { name: 'DatabaseUnavailable', reason: 'timed_out' } })
    await pool.close()
  })
})
