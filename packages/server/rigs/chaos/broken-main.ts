import pino from 'pino'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { createApp } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import type { Overrides } from '#src/wiring/base.ts'
import { acknowledgeBeforeCommit } from './breaks.ts'

/**
 * The service as `main.ts` starts it, with one bug planted that no setting of the product reaches. The rig has to find it:
 * a checker that calls this build healthy checks nothing.
 */
const [name] = process.argv.slice(2)
const overrides = plant(name)
const config = loadConfig(process.env)
const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }))
if (!config.database) throw new Error('DATABASE_URL is missing')
const masterKey = await loadMasterKey(config.masterKeyFile, { create: false })
const app = await createApp(config, config.database, masterKey, log, overrides)
process.stdout.write('ready\n')
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))

function plant(bug: string | undefined): Overrides {
  switch (bug) {
    case 'ack-before-commit':
      acknowledgeBeforeCommit()
      return {}
    case 'short-lease':
      // leases end before the heartbeat that would renew them
      return { leaseTimes: { leaseMs: 600, heartbeatMs: 1_000, selfStopMs: 3_000, startMs: 2_000, lookMs: 200 } }
    case 'jitter-subtracts':
      return { random: () => -Math.random() }
    default:
      throw new Error(`no bug is called ${bug}`)
  }
}
