import type { Environments } from '#src/accounts/environments.ts'
import { type Environment, visibleTo } from '#src/accounts/principal.ts'
import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type DomainError, invalidInput } from '#src/domain-error.ts'
import type { NewEvent } from './accept.ts'
import { compilePayloadCheck, type PayloadCheck } from './event-type.ts'
import { readSchemas } from './event-type-store.ts'

type Compiled = PayloadCheck | null | 'unusable'
type Known = { schemas: string | null; check: Compiled; readAtMs: number }

const AGE_MS_MAX = 2_000
const TYPES_MAX = 500

/**
 * Holds payloads against the schemas of their types, where an environment's setting asks for it. A schema is compiled once, a
 * changed one holds within seconds, and the ones used last are kept.
 */
export class SchemaEnforcement {
  readonly #database: Database
  readonly #environments: Pick<Environments, 'settings'>
  readonly #clock: Clock
  readonly #known = new Map<string, Known>()

  /** @param parts  `database`: of role `api` */
  constructor(parts: { database: Database; environments: Pick<Environments, 'settings'>; clock: Clock }) {
    this.#database = parts.database
    this.#environments = parts.environments
    this.#clock = parts.clock
  }

  /**
   * @param events  of one environment
   * @returns for each event what it is refused with, or null: its payload fits, its type is not registered or has no schema, or
   *          the environment does not enforce schemas
   */
  async misfits(events: readonly NewEvent[]): Promise<(DomainError | null)[]> {
    const [first] = events
    if (!first) return []
    const { enforceSchemas } = await this.#environments.settings(first.environment)
    if (!enforceSchemas) return events.map(() => null)
    const checks = await this.#checks(first.environment, [...new Set(events.map(({ type }) => type))])
    return events.map((event) => misfit(event, checks.get(event.type) ?? null))
  }

  /** @throws DomainError invalid_input */
  async refuseMisfit(event: NewEvent): Promise<void> {
    const [misfit] = await this.misfits([event])
    if (misfit) throw misfit
  }

  async #checks(environment: Environment, types: readonly string[]): Promise<Map<string, Compiled>> {
    const nowMs = this.#clock.now().getTime()
    const isYoung = ({ readAtMs }: Known) => nowMs >= readAtMs && nowMs - readAtMs < AGE_MS_MAX
    const checks = new Map<string, Compiled>()
    const old: string[] = []
    for (const type of types) {
      const known = this.#known.get(`${environment} ${type}`)
      if (known && isYoung(known)) checks.set(type, known.check)
      else old.push(type)
    }
    if (old.length === 0) return checks
    const read = await this.#database.transaction({ settings: visibleTo(environment), readOnly: true }, (tx) =>
      readSchemas(tx, environment, old),
    )
    for (const type of old) checks.set(type, this.#keep(`${environment} ${type}`, read.get(type) ?? null, nowMs))
    return checks
  }

  #keep(name: string, schemas: string | null, readAtMs: number): Compiled {
    const known = this.#known.get(name)
    const check = known?.schemas === schemas ? known.check : compilePayloadCheck(schemas)
    this.#known.delete(name)
    const oldest = this.#known.keys().next()
    if (this.#known.size >= TYPES_MAX && !oldest.done) this.#known.delete(oldest.value)
    this.#known.set(name, { schemas, check, readAtMs })
    return check
  }
}

function misfit({ payload }: NewEvent, check: Compiled): DomainError | null {
  if (check === null) return null
  const refused = (loc: string[], msg: string) => invalidInput({ loc: ['body', ...loc], msg, type: 'value_error' })
  if (check === 'unusable') return refused(['eventType'], 'has a schema that payloads cannot be held against')
  const value = parsed(payload)
  if (value === undefined) return refused(['payload'], 'must be JSON: its type has a schema')
  const wrong = check(value)
  return wrong && refused(['payload', ...wrong.path.split('/').slice(1)], wrong.msg)
}

/** A raw payload can be any text. */
function parsed(payload: Buffer): unknown {
  try {
    return JSON.parse(payload.toString())
  } catch {
    return undefined
  }
}
