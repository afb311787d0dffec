import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { between, type Random } from './chance.ts'

/** Below the ports that the kernel gives to outgoing connections: a process finds its own free when it comes back. */
const PORTS = [20_000, 32_000] as const

/** What every process of a run is told, its master key with it, which is made here. */
export function serviceEnvironment(folder: string, loopbackReceivers: readonly string[]): Record<string, string> {
  const keyFile = join(folder, 'master-key')
  writeFileSync(keyFile, randomBytes(32).toString('base64'), { mode: 0o600 })
  const many = String(1_000_000)
  return {
    MASTER_KEY_FILE: keyFile,
    LOOPBACK_RECEIVERS: loopbackReceivers.join(','),
    PSAPI_SERVER_HOST: '127.0.0.1',
    PSAPI_SERVER_LOG_LEVEL: 'warn',
    // all receivers are one host here: its limits would hold attempts back
    PSAPI_SERVER_HOST_IN_FLIGHT_MAX: many,
    PSAPI_SERVER_HOST_PER_SECOND_MAX: many,
    PSAPI_SERVER_ADDRESS_IN_FLIGHT_MAX: many,
    PSAPI_SERVER_ADDRESS_PER_SECOND_MAX: many,
  }
}

/** `DATABASE_URL` of a server behind a socket in `folder`. */
export function databaseUrl(
  folder: string,
  { port, user, database }: { port: number; user: string; database: string },
) {
  return `postgresql://${user}@localhost:${port}/${database}?host=${encodeURIComponent(folder)}`
}

export async function freePort(random: Random): Promise<number> {
  for (;;) {
    const port = between(random, ...PORTS)
    const probe = createServer()
    const free = await new Promise<boolean>((resolve) => {
      probe.once('error', () => resolve(false))
      probe.listen(port, '127.0.0.1', () => resolve(true))
    })
    await new Promise<void>((resolve) => probe.close(() => resolve()))
    if (free) return port
  }
}
