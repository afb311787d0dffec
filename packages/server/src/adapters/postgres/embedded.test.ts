import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { temporaryFolder } from '../../../test/temporary-folder.ts'
import { withClient } from './client.ts'
import type { Connection } from './connection.ts'
import { Database } from './database.ts'
import { durabilityFaults } from './durability.ts'
import { EmbeddedFailed, EmbeddedInUse, type EmbeddedPostgres, startEmbeddedPostgres } from './embedded.ts'
import { roleFaults } from './roles.ts'

const isRoot = process.getuid?.() === 0
const nobody = 65_534
const log = { info: () => {}, warn: () => {}, error: () => {} }
const settings = { shared_buffers: '32MB', max_connections: '20' }

let folder: string
let dataDir: string
let servers: EmbeddedPostgres[]
let children: ChildProcess[]

// As root, the server's user must be able to go there.
const temporary =
  [tmpdir(), '/tmp'].map((path) => realpathSync(path)).find((path) => !isRoot || isOpen(path)) ?? '/var/tmp'

// made once: copying it takes a fifth of the time
let template: string

beforeAll(async () => {
  template = temporaryFolder(temporary)
  const server = await startEmbeddedPostgres({ dataDir: template, log, settings })
  await server.stop()
})
afterAll(() => rmSync(template, { recursive: true, force: true }))

beforeEach(() => {
  folder = temporaryFolder(temporary)
  chmodSync(folder, 0o711)
  dataDir = join(folder, 'a data folder')
  servers = []
  children = []
})
afterEach(async () => {
  for (const server of servers) await server.stop()
  for (const child of children) child.kill('SIGKILL')
  await serverGone()
  rmSync(folder, { recursive: true, force: true })
})

function useTemplate(): void {
  mkdirSync(dataDir, { mode: 0o711 })
  for (const entry of readdirSync(template)) {
    const how = entry === 'cluster' ? '-a' : '-al'
    spawnSync('cp', [how, join(template, entry), dataDir])
  }
}

async function start(options: { dataDir?: string; settings?: Record<string, string> } = {}): Promise<EmbeddedPostgres> {
  const server = await startEmbeddedPostgres({
    dataDir,
    log,
    ...options,
    settings: { ...settings, ...options.settings },
  })
  servers.push(server)
  return server
}

type Helper = { child: ChildProcess; connection: Connection; exit: Promise<unknown> }

/** Another process that runs the server on the same folder, as `uid`. */
async function startInProcess(uid?: number): Promise<Helper> {
  const script = `
    import { startEmbeddedPostgres } from ${JSON.stringify(new URL('embedded.ts', import.meta.url).href)}
    const log = { info() {}, warn() {}, error() {} }
    const settings = ${JSON.stringify(settings)}
    const { connection } = await startEmbeddedPostgres({ dataDir: process.argv[1], log, settings })
    console.log(JSON.stringify(connection))`
  const ids = uid === undefined ? {} : { uid, gid: uid }
  const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
    ...ids,
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  children.push(child)
  const exit = once(child, 'exit')
  for await (const line of createInterface(child.stdout)) return { child, exit, connection: JSON.parse(line) }
  throw new Error('the helper process did not start its server')
}

function pidOf(cluster = join(dataDir, 'cluster')): number | undefined {
  try {
    return Number(readFileSync(join(cluster, 'postmaster.pid'), 'utf8').split('\n')[0]) || undefined
  } catch {
    return undefined
  }
}

function kill(...pids: (number | undefined)[]): void {
  for (const pid of pids) {
    if (pid === undefined || !(pid > 1)) throw new Error(`not a process: ${pid}`) // 0 would be this one's whole group
    process.kill(pid, 'SIGKILL')
  }
}

// In /proc, the parent of the server is its guard.
function parentOf(pid: number | undefined): number {
  return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
}

function runs(pid: number): boolean {
  try {
    return !/^State:\s*Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

/** What runs with `folder` as its working folder. */
function commandsIn(folder: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      if (!/^\d+$/.test(pid) || readlinkSync(`/proc/${pid}/cwd`) !== realpathSync(folder)) return []
      return [readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ').trim()]
    } catch {
      return [] // it has just ended
    }
  })
}

async function until(holds: () => boolean): Promise<void> {
  const deadlineMs = performance.now() + 60_000
  while (!holds()) {
    if (performance.now() > deadlineMs) throw new Error(`It did not happen in time: ${holds.toString()}`)
    await new Promise((resolve) => setImmediate(resolve))
  }
}

async function serverGone(): Promise<void> {
  const pid = pidOf()
  if (pid) await until(() => !runs(pid))
}

async function ask<Row>(connection: Connection, text: string): Promise<Row[]> {
  const options = { role: 'migrate', applicationName: 'test', statementTimeoutMs: 30_000 } as const
  const { rows } = await withClient(connection, options, (client) => client.query(text))
  return rows
}

const makeItem = `create table if not exists item (id int); insert into item values (1)`
const readItems = 'select id from item'

describe('the embedded server', () => {
  test('starts on a new folder, durable, for an unprivileged login, and keeps its data', async () => {
    const first = await start()
    const pool = new Database(first.connection, {
      role: 'worker',
      connectionsMax: 1,
      applicationName: 'test',
      statementTimeoutMs: 30_000,
      queryTimeoutMs: 30_000,
    })
    expect(await durabilityFaults(pool)).toEqual([])
    await pool.close()
    expect(await roleFaults(first.connection)).toEqual([])
    await ask(first.connection, makeItem)
    const pid = pidOf()
    await first.stop()
    expect(pid !== undefined && runs(pid)).toBe(false)
    expect(pidOf()).toBeUndefined()
    const second = await start()
    expect(await ask(second.connection, readItems)).toEqual([{ id: 1 }])
  })

  test('listens on no network, and lets no other user in', async () => {
    useTemplate()
    const { connection, superuserConnection } = await start()
    expect(await ask(connection, 'show listen_addresses')).toEqual([{ listen_addresses: '' }])
    if (!('socketDir' in superuserConnection)) throw new Error('it has a socket')
    expect(statSync(superuserConnection.socketDir).mode & 0o777).toBe(0o700)
    expect(statSync(join(superuserConnection.socketDir, `.s.PGSQL.${superuserConnection.port}`)).mode & 0o777).toBe(
      0o700,
    )
    expect(statSync(join(dataDir, 'cluster')).uid === 0).toBe(false)
  })

  test('does not take fsync = off from its configuration file', async () => {
    useTemplate()
    await (await start()).stop()
    writeFileSync(join(dataDir, 'cluster', 'postgresql.auto.conf'), 'fsync = off\nfull_page_writes = off\n')
    const { connection } = await start()
    expect(
      await ask(connection, `select current_setting('fsync') as fsync, current_setting('full_page_writes') as pages`),
    ).toEqual([{ fsync: 'on', pages: 'on' }])
  })

  test('has written what it leaves to the kernel, again and again until it ends', async () => {
    const server = await start()
    await until(() => commandsIn(server.home).includes('sync -f cluster'))
    await until(() => commandsIn(server.home).includes('sleep 1'))
    await until(() => commandsIn(server.home).includes('sync -f cluster'))
    await server.stop()
    await until(() => commandsIn(server.home).length === 0)
    const hasty = await start({ settings: { fsync: 'off' } })
    expect(commandsIn(hasty.home).some((command) => command.startsWith('sleep'))).toBe(false)
  })

  test('refuses a second process, naming folder and holder, and serves on', async () => {
    useTemplate()
    const { child, connection } = await startInProcess()
    const refused = startEmbeddedPostgres({ dataDir, log, settings })
    await expect(refused).rejects.toThrow(EmbeddedInUse)
    await expect(refused).rejects.toThrow(`${dataDir} is in use by process ${child.pid}`)
    expect(await ask(connection, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('does not start beside one whose lock it cannot see, as in another container', async () => {
    useTemplate()
    const lock = join(dataDir, 'lock')
    const holder = spawn('flock', ['-n', lock, 'sh', '-c', 'echo held; read -r _'], {
      stdio: ['pipe', 'pipe', 'inherit'],
    })
    children.push(holder)
    await once(holder.stdout, 'data')
    // there it names the server, here some other process
    const pidFile = join(dataDir, 'cluster', 'postmaster.pid')
    const itsPidFile = `${process.pid}\n${join(dataDir, 'cluster')}\n`
    writeFileSync(pidFile, itsPidFile)
    const waiting = Promise.withResolvers<void>()
    const warn = () => waiting.resolve()
    const started = startEmbeddedPostgres({ dataDir, settings, log: { ...log, warn } })
    await waiting.promise
    expect(readFileSync(pidFile, 'utf8')).toBe(itsPidFile)
    holder.stdin.end()
    const server = await started
    servers.push(server)
    expect(await ask(server.connection, 'select 1 as one')).toEqual([{ one: 1 }])
  })

  test('frees the folder when it stops, and when it cannot start', async () => {
    useTemplate()
    await expect(start({ settings: { shared_buffers: 'many' } })).rejects.toThrow(/shared_buffers/)
    await (await start()).stop()
    await start()
  })

  test('goes with its process, killed, and starts again on the same data', async () => {
    useTemplate()
    const { child, connection, exit } = await startInProcess()
    await ask(connection, makeItem)
    const pid = pidOf() ?? -1
    child.kill('SIGKILL')
    await exit
    await until(() => !runs(pid))
    const { connection: again } = await start()
    expect(await ask(again, readItems)).toEqual([{ id: 1 }])
  })

  test('starts at once after its process was killed, while the old server still ends', async () => {
    useTemplate()
    const { child, connection, exit } = await startInProcess()
    await ask(connection, makeItem)
    child.kill('SIGKILL')
    await exit
    const { connection: again } = await start()
    expect(await ask(again, readItems)).toEqual([{ id: 1 }])
  })

  test('starts again when process, guard and server were all killed', async () => {
    useTemplate()
    const { child, connection, exit } = await startInProcess()
    await ask(connection, makeItem)
    const pid = pidOf() ?? -1
    const guard = parentOf(pid)
    kill(child.pid, guard, pid)
    await exit
    const { connection: again } = await start()
    expect(await ask(again, readItems)).toEqual([{ id: 1 }])
  })

  test('ends an orphan, left when process and guard were killed, and takes its place', async () => {
    useTemplate()
    const { child, connection, exit } = await startInProcess()
    await ask(connection, makeItem)
    const pid = pidOf() ?? -1
    const guard = parentOf(pid)
    const helpers = readdirSync('/proc').filter(
      (entry) => /^\d+$/.test(entry) && entry !== String(pid) && isChildOf(entry, guard),
    )
    kill(guard, ...helpers.map(Number), child.pid)
    await exit
    expect(runs(pid)).toBe(true)
    const { connection: again } = await start()
    expect(pidOf()).not.toBe(pid)
    expect(await ask(again, readItems)).toEqual([{ id: 1 }])
  })

  test('comes back by itself when it is killed', async () => {
    useTemplate()
    const { connection, onExit } = await start()
    let gaveUp = false
    onExit(() => {
      gaveUp = true
    })
    await ask(connection, makeItem)
    const limits = { connectionsMax: 2, statementTimeoutMs: 5_000, queryTimeoutMs: 5_000 }
    const pool = new Database(connection, { role: 'migrate', applicationName: 'test', ...limits })
    await pool.query`select 1`
    const pid = pidOf() ?? -1
    kill(pid)
    await until(() => pidOf() !== pid) // its backends may serve on for a moment
    const deadlineMs = performance.now() + 60_000
    const items = async (): Promise<unknown> => {
      try {
        return await pool.query`select id from item`
      } catch (error) {
        if (performance.now() > deadlineMs) throw error
        return await items()
      }
    }
    expect(await items()).toEqual([{ id: 1 }])
    expect(pidOf()).not.toBe(pid)
    expect(gaveUp).toBe(false)
    await pool.close()
  })

  test('gives up when it dies again and again, and says so once', async () => {
    useTemplate()
    const { onExit } = await start()
    const failures: Error[] = []
    const ended = new Promise<void>((resolve) =>
      onExit((error) => {
        failures.push(error)
        resolve()
      }),
    )
    let killed: number | undefined
    for (let deaths = 0; deaths < 6; deaths += 1) {
      let pid: number | undefined
      await until(() => {
        pid = pidOf()
        return pid !== undefined && pid !== killed
      })
      kill(pid)
      killed = pid
    }
    await ended
    expect(failures).toEqual([expect.any(EmbeddedFailed)])
    expect(failures[0]?.message).toMatch(/died 6 times within a minute/)
  })

  test('is not blocked by what an interrupted first start left, nor by a pid that now belongs to another process', async () => {
    mkdirSync(join(dataDir, 'cluster.new-abc', 'base'), { recursive: true })
    mkdirSync(join(dataDir, 'postgresql-18.new-abc'), { recursive: true })
    await (await start()).stop()
    const { uid, gid } = statSync(join(dataDir, 'cluster')) // PostgreSQL minds processes of its own user only
    const other = spawn('sleep', ['1000'], { uid, gid })
    children.push(other)
    for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock'])
      writeFileSync(join(dataDir, 'cluster', file), `${other.pid}\n${join(dataDir, 'cluster')}\n`)
    await start()
    expect(readdirSync(dataDir).filter((entry) => entry.includes('.new-'))).toEqual([])
  })

  test('is not blocked by a dead server that nobody waits for, as in a container without init', async () => {
    await (await start()).stop()
    const { uid, gid } = statSync(join(dataDir, 'cluster')) // PostgreSQL minds processes of its own user only
    const script = 'sleep 1000 & echo $!; exec sleep 1000' // what it has become waits for no child
    const parent = spawn('/bin/sh', ['-c', script], { uid, gid, stdio: ['ignore', 'pipe', 'ignore'] })
    children.push(parent)
    const [line] = await once(parent.stdout.setEncoding('utf8'), 'data')
    await expect.poll(() => readFileSync(`/proc/${parent.pid}/comm`, 'utf8')).toBe('sleep\n')
    const dead = Number(line)
    process.kill(dead, 'SIGKILL')
    await expect.poll(() => readFileSync(`/proc/${dead}/status`, 'utf8')).toMatch(/^State:\tZ/m)
    for (const file of ['postmaster.pid', '.s.PGSQL.5432.lock'])
      writeFileSync(join(dataDir, 'cluster', file), `${dead}\n${join(dataDir, 'cluster')}\n`)
    await start()
  })

  test('mends programs that a power cut left empty', async () => {
    useTemplate()
    await (await start()).stop()
    const [programs = ''] = readdirSync(dataDir).filter((entry) => entry.startsWith('postgresql-'))
    rmSync(join(dataDir, programs, 'bin', 'postgres'))
    writeFileSync(join(dataDir, programs, 'bin', 'postgres'), '')
    await start()
  })

  test('refuses data of another PostgreSQL version, and leaves it alone', async () => {
    useTemplate()
    await (await start()).stop()
    writeFileSync(join(dataDir, 'cluster', 'PG_VERSION'), '14\n')
    await expect(start()).rejects.toThrow(/is of PostgreSQL 14; this release brings 18/)
    expect(readFileSync(join(dataDir, 'cluster', 'PG_VERSION'), 'utf8')).toBe('14\n')
  })

  test('works where the path is too long for a socket', async () => {
    const long = join(dataDir, 'x'.repeat(100))
    const { connection, stop } = await start({ dataDir: long })
    expect(await ask(connection, 'select 1 as one')).toEqual([{ one: 1 }])
    await stop()
    if (!('socketDir' in connection)) throw new Error('it has a socket')
    expect(existsSync(connection.socketDir)).toBe(false)
  })

  test('logs no data', async () => {
    useTemplate()
    const lines: string[] = []
    const write = (fields: object, message: string) => void lines.push(JSON.stringify({ ...fields, message }))
    const server = await startEmbeddedPostgres({ dataDir, settings, log: { info: write, warn: write, error: write } })
    servers.push(server)
    await ask(server.connection, makeItem)
    await expect(ask(server.connection, `select 'canary'::int`)).rejects.toThrow()
    await expect(
      ask(server.connection, `alter table item add unique (id); insert into item values (1) -- canary`),
    ).rejects.toThrow()
    await server.stop()
    expect(lines.join('\n')).toMatch(/shut down/)
    expect(lines.join('\n')).not.toMatch(/canary/)
  })
})

describe.runIf(isRoot)('as root', () => {
  const canBeRead = isOpen(fileURLToPath(import.meta.url))

  test.runIf(canBeRead)(
    'an ordinary user starts it too; root then runs it as that user; the user starts it again',
    async () => {
      mkdirSync(dataDir, { mode: 0o700 })
      chownSync(dataDir, nobody, nobody)
      const first = await startInProcess(nobody)
      await ask(first.connection, makeItem)
      first.child.kill('SIGKILL')
      await first.exit
      const asRoot = await start()
      expect(await ask(asRoot.connection, readItems)).toEqual([{ id: 1 }])
      expect(statSync(join(dataDir, 'cluster')).uid).toBe(nobody)
      await asRoot.stop()
      const again = await startInProcess(nobody)
      expect(await ask(again.connection, readItems)).toEqual([{ id: 1 }])
      again.child.kill('SIGKILL')
      await again.exit
    },
  )

  test('a folder in a home that only root may enter works: the cluster is kept in /var/lib', async () => {
    chmodSync(folder, 0o700)
    const server = await start()
    const { connection, home } = server
    expect(home).toMatch(/^\/var\/lib\/producersync\//)
    await ask(connection, makeItem)
    await server.stop()
    chmodSync(folder, 0o711) // the data stays where it is
    const again = await start()
    expect(await ask(again.connection, readItems)).toEqual([{ id: 1 }])
    await again.stop()
    rmSync(home, { recursive: true })
    if (readdirSync(dirname(home)).length === 0) rmdirSync(dirname(home)) // it was not there before
  })

  test('an ordinary user is told when the folder is another’s', async () => {
    useTemplate()
    await (await start()).stop()
    const script = `
      import { startEmbeddedPostgres } from ${JSON.stringify(new URL('embedded.ts', import.meta.url).href)}
      process.setuid(${nobody})
      const log = { info() {}, warn() {}, error() {} }
      await startEmbeddedPostgres({ dataDir: process.argv[1], log }).catch((error) => console.log(error.name, error.message))`
    const child = spawn(process.execPath, ['--input-type=module', '-e', script, dataDir], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [lines] = await Promise.all([child.stdout.toArray(), once(child, 'close')])
    expect(Buffer.concat(lines).toString()).toMatch(/^EmbeddedFailed The data folder .* belongs to another user/)
  })
})

/** Everyone may enter all folders above the path. */
function isOpen(path: string): boolean {
  const parent = dirname(path)
  return (statSync(parent).mode & 0o001) !== 0 && (parent === path || isOpen(parent))
}

function isChildOf(pid: string, parent: number): boolean {
  try {
    return parentOf(Number(pid)) === parent
  } catch {
    return false
  }
}
