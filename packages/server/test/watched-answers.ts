import { readFileSync } from 'node:fs'
import type { FastifyInstance } from 'fastify'
import { AnswerJudge } from './answer-judge.ts'

const KEPT = new URL('../openapi.json', import.meta.url)
/** Compiling takes longer than judging: one for all services of a test file. */
let judge: AnswerJudge | undefined

/** Sees every answer of a service and says, in the end, which were not as openapi.json describes them. */
export class WatchedAnswers {
  readonly #faults = new Set<string>()

  /** For `Overrides.watch`. */
  readonly watch = (http: FastifyInstance): void => {
    http.addHook('onSend', (request, reply, payload, done) => {
      done(null, payload)
      const text = payload === undefined || payload === null ? '' : payload
      if (typeof text !== 'string' && !Buffer.isBuffer(text)) return // of a body that was not read: sent piece by piece
      const type = reply.getHeader('content-type')
      judge ??= new AnswerJudge(JSON.parse(readFileSync(KEPT, 'utf8')), { closed: true })
      const faults = judge.faultsOf({
        method: request.method,
        url: request.originalUrl,
        status: reply.statusCode,
        contentType: type === undefined ? null : String(type),
        text: text.toString(),
      })
      for (const fault of faults) this.#faults.add(fault)
    })
  }

  /** @throws an error that names every answer that was not as described */
  check(): void {
    if (this.#faults.size > 0) throw new Error(`answers are not as described:\n${[...this.#faults].join('\n')}`)
  }
}
