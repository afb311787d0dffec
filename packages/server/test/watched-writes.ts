import type { FastifyInstance } from 'fastify'
import { leavesLine } from '#src/audit/unrecorded.ts'
import type { TestDatabase } from './postgres.ts'

/** Sees every write of a service that succeeds, and says in the end which left no line in the audit, or more than one. */
export class WatchedWrites {
  readonly #writes = new Map<string, string>()

  /** For `Overrides.watch`. */
  readonly watch = (http: FastifyInstance): void => {
    http.addHook('onResponse', (request, reply, done) => {
      const isDone = reply.statusCode < 300 && !reply.hasHeader('x-idempotent-replay')
      const { operation } = request.routeOptions.config
      if (isDone && operation && leavesLine(request)) this.#writes.set(request.id, operation.id)
      done()
    })
  }

  /** @throws an error that names every operation that left another number of lines than one */
  async check(database: TestDatabase): Promise<void> {
    if (this.#writes.size === 0) return
    const rows = await database.open('migrate').query<{ request_id: string; lines: number }>`
      select request_id, count(*) as lines from audit where request_id = any (${[...this.#writes.keys()]}::text[])
       group by request_id`
    const lines = new Map(rows.map((row) => [row.request_id, row.lines]))
    const faults = [...this.#writes].filter(([id]) => lines.get(id) !== 1)
    if (faults.length === 0) return
    const named = new Set(faults.map(([id, operation]) => `${operation}: ${lines.get(id) ?? 0} lines`))
    throw new Error(`writes are not as the audit has them:\n${[...named].join('\n')}`)
  }
}
