import pino from 'pino'
import { WrongMasterKey } from '#src/accounts/encryption.ts'
import { loadMasterKey, MasterKeyFault } from '#src/accounts/master-key.ts'
import { type Connection, DatabaseUnavailable } from '#src/adapters/postgres/database.ts'
import { EmbeddedFailed, EmbeddedInUse, startEmbeddedPostgres } from '#src/adapters/postgres/embedded.ts'
import { SchemaError } from '#src/adapters/postgres/migrate.ts'
import { thrift } from '#src/adapters/thrift.ts'
import { type App, createApp } from '#src/app.ts'
import { type Config, ConfigError, loadConfig, printConfig } from '#src/config.ts'
import { welcome } from '#src/welcome.ts'
import { CannotStart } from '#src/wiring/base.ts'

/**
 * The process: environment in, signals, exit code. Nothing else reads `process.env`.
 * Exit codes: 0 stopped when asked · 1 failed · 2 cannot start as it is set up.
 */

const NODE_MAJOR = 24
/** A stop that has not ended by then is cut: what is left is taken over by others or by the next start. */
const STOP_MS_MAX = 35_000
const SAME_REQUEST_MS = 500
/** More than is left of one that delivers at full rate to a hundred endpoints. */
const OLD_BYTES_ENOUGH = 100 * 1024 * 1024

const HELP = `Usage: npm start [-- --print-config | --help]

Runs the service. Without DATABASE_URL it starts its own PostgreSQL, data in .data/.
  --print-config   show every setting, its value and where it comes from, and stop
  --help           show this, and stop
`

async function main(): Promise<void> {
  const [argument, ...more] = process.argv.slice(2)
  if (argument === '--help') return void process.stdout.write(HELP)
  if (argument === '--print-config' && more.length === 0) return void process.stdout.write(printConfig(process.env))
  if (argument !== undefined) return refuse([`There is no option ${argument}.`, HELP])
  if (Number(process.versions.node.split('.')[0]) !== NODE_MAJOR) {
    return refuse([
      `Node ${NODE_MAJOR} is needed, this is ${process.version}. Start with npm, which brings it: npm start`,
    ])
  }
  const config = loadConfig(process.env)
  const log = pino(
    { level: config.logLevel, base: null, timestamp: pino.stdTimeFunctions.isoTime },
    pino.destination({ fd: 2, sync: false, minLength: 4_096, periodicFlush: 200 }),
  )
  thrift.watch(OLD_BYTES_ENOUGH)
  const stopping = Promise.withResolvers<{ exitCode: number }>()
  let askedAtMs: number | undefined
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      // Ctrl-C comes twice: from the terminal, and from npm, which hands on what it was sent
      if (askedAtMs !== undefined && performance.now() - askedAtMs < SAME_REQUEST_MS) return
      if (askedAtMs !== undefined) process.exit(1) // asked twice: at once
      askedAtMs = performance.now()
      log.info({ event: 'service.stopping', signal })
      stopping.resolve({ exitCode: 0 })
    })
  }
  for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
    process.on(event, (error: unknown) => {
      log.fatal({ event: 'service.broken', kind: event, stack: error instanceof Error ? stackOf(error) : 'unknown' })
      stopping.resolve({ exitCode: 1 })
    })
  }

  const embedded = config.database === null ? await startEmbeddedPostgres({ dataDir: config.dataDir, log }) : null
  embedded?.onExit(() => stopping.resolve({ exitCode: 1 }))
  try {
    const masterKey = await loadMasterKey(config.masterKeyFile, { create: config.masterKeyIsOurs })
    const app = await createApp(config, connectionOf(config, embedded), masterKey, log)
    log.info({ event: 'service.ready', url: app.url, adminUrl: app.adminUrl, roles: [...config.roles] })
    // into the terminal of a developer only: elsewhere what is printed is kept
    const links = config.database === null ? await app.startLinks() : null
    process.stdout.write(welcome(app, config, links))
    const { exitCode } = await stopping.promise
    await stop(app, log)
    process.exitCode = exitCode
  } finally {
    await embedded?.stop()
  }
  log.flush()
  // whatever still holds the process has lost its purpose
  setTimeout(() => process.exit(), 1_000).unref()
}

async function stop(app: App, log: pino.Logger): Promise<void> {
  const late = setTimeout(() => {
    log.error({ event: 'service.stop_late', afterMs: STOP_MS_MAX })
    process.exit(1)
  }, STOP_MS_MAX)
  await app.close()
  clearTimeout(late)
  log.info({ event: 'service.stopped' })
}

function connectionOf(config: Config, embedded: { connection: Connection } | null): Connection {
  if (config.database) return config.database
  if (!embedded) throw new Error('neither a database server nor an embedded one')
  return embedded.connection
}

/** Names and places, no messages: those of a driver can hold data. */
function stackOf(error: Error): string {
  const places = (error.stack ?? '').split('\n').filter((line) => line.trimStart().startsWith('at '))
  return [error.name, ...places].join('\n')
}

function refuse(lines: readonly string[]): void {
  process.stderr.write(`${lines.join('\n')}\n`)
  process.exitCode = 2
}

/** What keeps the service from starting, in words for whoever runs it; undefined for a bug. */
function faultsOf(error: unknown): readonly string[] | undefined {
  if (error instanceof ConfigError || error instanceof CannotStart) return error.faults
  const isExpected =
    error instanceof EmbeddedInUse ||
    error instanceof EmbeddedFailed ||
    error instanceof SchemaError ||
    error instanceof MasterKeyFault ||
    error instanceof WrongMasterKey
  if (isExpected) return [error.message]
  if (error instanceof DatabaseUnavailable)
    return ['The database does not answer. Is it running, and is DATABASE_URL right?']
  if (error instanceof Error && 'code' in error && error.code === 'EADDRINUSE') {
    return ['The port is taken. Set PORT or ADMIN_PORT to a free one, or unset it to let the service find one.']
  }
  return undefined
}

main().catch((error: unknown) => {
  const faults = faultsOf(error)
  if (faults) return refuse(faults)
  process.stderr.write(`The service failed to start: ${error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = 1
})
