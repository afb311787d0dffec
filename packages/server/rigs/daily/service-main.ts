import pino from 'pino'
import { loadMasterKey } from '#src/accounts/master-key.ts'
import { createApp } from '#src/app.ts'
import { loadConfig } from '#src/config.ts'
import { niprClient, USER } from './nipr.ts'

/**
 * The service as `main.ts` starts it, with the rig's simulator as production's feed: it outlives the service, and a wire that
 * the rig cuts leads to it.
 */
const [url = '', password = ''] = process.argv.slice(2)
const config = loadConfig(process.env)
const log = pino({ level: config.logLevel, base: null }, pino.destination({ fd: 2, sync: false }))
if (!config.database) throw new Error('DATABASE_URL is missing')
const masterKey = await loadMasterKey(config.masterKeyFile, { create: false })
const client = niprClient(url, password)
const connectFeed = async ({ environment }: { environment: string }) => (environment === USER ? client : null)
const app = await createApp(config, config.database, masterKey, log, { connectFeed })
process.stdout.write('ready\n')
process.once('SIGTERM', () => void app.close().then(() => process.exit(0)))
