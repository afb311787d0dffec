import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Ajv } from 'ajv'
import { AnswerJudge, type Described, type SeenAnswer } from '../../test/answer-judge.ts'

/** The Svix descriptions: `lib`, from which the SDKs are made, and `server`, of the open-source server. */
export type Oracle = { lib: Described; server: Described }

/** They are third-party data and not part of this repository. */
export class OracleMissing extends Error {}

const ROOT = fileURLToPath(new URL('../../../../', import.meta.url))
/** Listed only here and there: where they are not, the body is that of an error. */
const UNLISTED = new Set([405, 413, 415, 431, 500, 501, 503])
const FORMATS = ['uint', 'uint16', 'uint32', 'uint64', 'int', 'int16', 'color']

/** @throws OracleMissing */
export function loadOracle(): Oracle {
  const folder = process.env.ORACLE_DIR ?? join(ROOT, '../shared/oracle')
  const read = (name: string): Described => {
    const file = join(folder, name)
    if (!existsSync(file)) {
      throw new OracleMissing(
        `There is no ${file}: the Svix descriptions are read from ORACLE_DIR, or ../shared/oracle.`,
      )
    }
    return prepared(JSON.parse(readFileSync(file, 'utf8'))) as Described
  }
  return { lib: read('svix-lib-openapi.json'), server: read('svix-server-openapi.json') }
}

/** Judges answers by one of the two. `also` are statuses that it does not list and means. */
export class OracleJudge {
  readonly name: string
  readonly #judge: AnswerJudge
  readonly #unlisted: ReadonlySet<number>
  readonly #description: Described

  constructor(name: string, description: Described, { dialect, also = [] }: { dialect?: Ajv; also?: number[] } = {}) {
    this.name = name
    this.#description = description
    this.#judge = new AnswerJudge(description, { ajv: dialect, formats: FORMATS })
    this.#unlisted = new Set([...UNLISTED, ...also])
  }

  operationOf(method: string, url: string): string | undefined {
    return this.#judge.operationOf(method, url)
  }

  faultsOf(answer: SeenAnswer): string[] {
    const operation = this.#judge.operationOf(answer.method, answer.url)
    if (operation === undefined) return []
    const [method = '', path = ''] = operation.split(' ')
    const isListed = this.#description.paths[path]?.[method.toLowerCase()]?.responses[answer.status] !== undefined
    if (isListed || !this.#unlisted.has(answer.status)) return this.#judge.faultsOf(answer)
    return isError(answer.text) ? [] : [`${operation}: ${answer.status} is no HttpErrorOut`]
  }
}

export function judgesOf({ lib, server }: Oracle): OracleJudge[] {
  return [
    new OracleJudge('L', lib),
    new OracleJudge('S', server, { dialect: new Ajv({ strict: false, allErrors: true }), also: [400] }),
  ]
}

function isError(text: string): boolean {
  const body: unknown = JSON.parse(text)
  if (typeof body !== 'object' || body === null || !('code' in body) || !('detail' in body)) return false
  return typeof body.code === 'string' && typeof body.detail === 'string'
}

/** What validators stumble over, put right in memory: null beside a reference, and examples. */
function prepared(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(prepared)
  if (typeof value !== 'object' || value === null) return value
  const kept = Object.entries(value).filter(([key]) => !['example', 'examples', 'x-codeSamples'].includes(key))
  const inner: Record<string, unknown> = Object.fromEntries(kept.map(([key, each]) => [key, prepared(each)]))
  if (inner.nullable !== true || inner.type !== undefined) return inner
  const { nullable: _, ...schema } = inner
  return { anyOf: [schema, { type: 'null' }] }
}
