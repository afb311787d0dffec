import { rmSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'
import type { Connection } from '#src/adapters/postgres/database.ts'
import { temporaryFolder } from './temporary-folder.ts'

/**
 * What passes: everything; nothing, and connections are closed; nothing, and nobody is told; only what goes to the
 * server, so that answers are lost.
 */
export type Weather = 'up' | 'down' | 'silent' | 'answers_lost'

export type PostgresProxy = {
  /** The same database, through the proxy. */
  connection: Connection
  become(weather: Weather): void
  /** The next connection that sends this text is cut before the server gets it; resolves then. */
  cutAt(text: string): Promise<void>
  close(): Promise<void>
}

type Pair = { client: Socket; server: Socket }

/** Stands between a service and its database, on a unix socket. */
export async function startPostgresProxy(to: Connection): Promise<PostgresProxy> {
  if (!('socketDir' in to)) throw new TypeError('the test run’s server listens on a unix socket')
  const socketDir = temporaryFolder()
  const name = `.s.PGSQL.${to.port}`
  const pairs = new Set<Pair>()
  let weather: Weather = 'up'
  let cut: { text: string; done: () => void } | undefined

  const proxy = createServer((client) => {
    if (weather === 'down') return client.destroy()
    const pair = { client, server: connect(join(to.socketDir, name)) }
    pairs.add(pair)
    for (const [one, other] of [
      [client, pair.server],
      [pair.server, client],
    ] as const) {
      one.on('error', () => {}) // its close says enough
      one.on('close', () => {
        pairs.delete(pair)
        other.destroy()
      })
    }
    client.on('data', (bytes) => {
      if (cut && bytes.includes(cut.text)) {
        client.destroy()
        cut.done()
        cut = undefined
        return
      }
      if (weather !== 'silent') pair.server.write(bytes)
    })
    pair.server.on('data', (bytes) => {
      if (weather === 'up') client.write(bytes)
    })
  })
  await new Promise<void>((resolve) => proxy.listen(join(socketDir, name), resolve))
  return {
    connection: { ...to, socketDir },
    become(next) {
      // what was lost on a connection makes the rest of it useless
      if (next === 'down' || weather !== 'up') for (const { client } of pairs) client.destroy()
      weather = next
    },
    cutAt: (text) =>
      new Promise((done) => {
        cut = { text, done }
      }),
    async close() {
      for (const { client } of pairs) client.destroy()
      await new Promise<void>((resolve) => proxy.close(() => resolve()))
      rmSync(socketDir, { recursive: true, force: true })
    },
  }
}
