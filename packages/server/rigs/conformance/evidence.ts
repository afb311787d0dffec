import type { AnswerJudge, SeenAnswer } from '../../test/answer-judge.ts'
import { isIntended } from './differences.ts'
import type { OracleJudge } from './oracle.ts'

/** Lines of rows, of which there may be none; a stream is told of by its head. */
const MAY_BE_EMPTY = new Set(['application/x-ndjson', 'text/event-stream'])
/** What is described as text. */
const NO_JSON = new Set(['text/csv', ...MAY_BE_EMPTY])

/** Everything that was seen: which operations which client got done, and what was not as any description says. */
export class Evidence {
  readonly #ours: AnswerJudge
  readonly #oracle: readonly OracleJudge[]
  readonly #done = new Map<string, Set<string>>()
  readonly #violations = new Map<string, number>()
  #answers = 0
  #intended = 0

  constructor(ours: AnswerJudge, oracle: readonly OracleJudge[]) {
    this.#ours = ours
    this.#oracle = oracle
  }

  /** Judges an answer that a client got. */
  saw(client: string, answer: SeenAnswer): void {
    this.#answers += 1
    const operation = this.#ours.operationOf(answer.method, answer.url)
    if (operation !== undefined && answer.status >= 200 && answer.status < 300) this.#doneBy(client).add(operation)
    for (const fault of this.#faultsOf(answer)) this.#violations.set(fault, (this.#violations.get(fault) ?? 0) + 1)
  }

  #faultsOf(answer: SeenAnswer): string[] {
    const [type = ''] = (answer.contentType ?? '').split(';', 1)
    if (answer.text === '' && answer.status !== 204 && !MAY_BE_EMPTY.has(type))
      return [`${answer.method} ${answer.url}: ${answer.status} without a body`]
    try {
      if (answer.text !== '' && !NO_JSON.has(type)) JSON.parse(answer.text)
    } catch {
      return [`${answer.method} ${answer.url}: ${answer.status} is not JSON`]
    }
    const ofOracle = this.#oracle.flatMap((judge) => judge.faultsOf(answer).map((fault) => `${judge.name} ${fault}`))
    const unintended = ofOracle.filter((fault) => !isIntended(fault))
    this.#intended += ofOracle.length - unintended.length
    return [...this.#ours.faultsOf(answer), ...unintended]
  }

  /** Operations (`POST /api/v1/app`) that a client, or any client, has had a 2xx of. */
  exercised(client?: string): ReadonlySet<string> {
    if (client !== undefined) return this.#doneBy(client)
    return new Set([...this.#done.values()].flatMap((done) => [...done]))
  }

  /** What was wrong → how often. */
  get violations(): ReadonlyMap<string, number> {
    return this.#violations
  }

  get counts(): { answers: number; intendedDifferences: number } {
    return { answers: this.#answers, intendedDifferences: this.#intended }
  }

  #doneBy(client: string): Set<string> {
    const done = this.#done.get(client) ?? new Set()
    this.#done.set(client, done)
    return done
  }
}
