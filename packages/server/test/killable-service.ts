import { Buffer } from 'node:buffer'
import pino from 'pino'
import { sealingKey } from '#src/accounts/encryption.ts'
import { createApp } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { FailpointName } from '#src/delivery/failpoint.ts'
import { PATIENCE } from './patience.ts'
import type { KillableOrders } from './service-process.ts'

/**
 * The service on a database of the test run, as a process that can be killed at an exact place: no setting of the product
 * switches failpoints on. Its orders are the only argument; it ends with the test that started it.
 */
const orders: KillableOrders = JSON.parse(process.argv[2] ?? '')
const { connection, masterKey, environment, leaseTimes, killAt } = orders

const reached = new Map<FailpointName, number>()
const failpoint = (name: FailpointName): Promise<void> | undefined => {
  const time = (reached.get(name) ?? 0) + 1
  reached.set(name, time)
  if (killAt?.failpoint !== name || killAt.time !== time) return undefined
  process.kill(process.pid, 'SIGKILL')
  return new Promise(() => {}) // not one step further
}

const log = pino({ level: 'info', base: null }, pino.destination({ fd: 2, sync: true }))
const config = loadConfig({ PORT: '0', ADMIN_PORT: '0', ...environment })
const app = await createApp(config, connection, sealingKey(Buffer.from(masterKey, 'base64')), log, {
  durabilityUnchecked: true,
  patience: PATIENCE,
  pages: { status: 200, index: '', files: new Map() },
  failpoint,
  ...(leaseTimes ? { leaseTimes } : {}),
})
log.info({ event: 'service.ready', url: app.url, adminUrl: app.adminUrl })

const stop = () => void app.close().then(() => process.exit(0))
process.once('SIGTERM', stop)
process.stdin.once('close', () => process.exit(1)).resume()
