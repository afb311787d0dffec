import type { Clock } from '#src/adapters/clock.ts'
import type { Queryable } from '#src/adapters/postgres/database.ts'
import { type EnvironmentSettings, type SettingChange, toSettings } from './environment-settings.ts'
import type { Environment } from './principal.ts'

export const environments: readonly Environment[] = ['sandbox', 'production']

export function isEnvironment(text: string): text is Environment {
  return text === 'sandbox' || text === 'production'
}

/** An environment as requests see it: its id in the API (`org_…`) and its settings. */
export type EnvironmentView = { id: string; settings: EnvironmentSettings }

type Row = { id: string; settings: Record<string, unknown> }
const MAX_AGE_MS = 2_000

/** Reads environments, each at most every 2 s, so that a changed setting holds in every process within 5 s. */
export class Environments {
  readonly #read: (environment: Environment) => Promise<Row[]>
  readonly #clock: Clock
  readonly #held = new Map<Environment, { askedAt: number; view: Promise<EnvironmentView> }>()

  /** @param read  runs `readEnvironment` where the caller's role may: `(environment) => database.transaction(…)` */
  constructor(read: (environment: Environment) => Promise<Row[]>, clock: Clock) {
    this.#read = read
    this.#clock = clock
  }

  /** @throws what the database throws */
  async of(environment: Environment): Promise<EnvironmentView> {
    const now = this.#clock.now().getTime()
    const held = this.#held.get(environment)
    if (held && now >= held.askedAt && now - held.askedAt < MAX_AGE_MS) return await held.view
    const asked = { askedAt: now, view: this.#ask(environment) }
    this.#held.set(environment, asked)
    try {
      return await asked.view
    } catch (error) {
      if (this.#held.get(environment) === asked) this.#held.delete(environment)
      throw error
    }
  }

  async settings(environment: Environment): Promise<EnvironmentSettings> {
    return (await this.of(environment)).settings
  }

  async #ask(environment: Environment): Promise<EnvironmentView> {
    const [row] = await this.#read(environment)
    if (!row) throw notMade(environment)
    return { id: row.id, settings: toSettings(row.settings) }
  }
}

export async function readEnvironment(tx: Queryable, environment: Environment): Promise<Row[]> {
  return await tx.query<Row>`select id, settings from environment where name = ${environment}`
}

/** All settings of an environment as they are now. @throws Error when the environment has not been made */
export async function readSettings(tx: Queryable, environment: Environment): Promise<EnvironmentSettings> {
  const [row] = await readEnvironment(tx, environment)
  if (!row) throw notMade(environment)
  return toSettings(row.settings)
}

/** Applies changes to the settings of an environment, in the caller's transaction. @returns all settings as they are then */
export async function changeSettings(
  tx: Queryable,
  environment: Environment,
  changes: readonly SettingChange[],
): Promise<EnvironmentSettings> {
  const toDefault = changes.filter((change) => change.value === null).map((change) => change.name)
  const toValue = Object.fromEntries(
    changes.filter((change) => change.value !== null).map((change) => [change.name, change.value]),
  )
  const [row] = await tx.query<Row>`
    update environment set settings = (settings || ${JSON.stringify(toValue)}::jsonb) - ${toDefault}::text[]
     where name = ${environment}
    returning id, settings`
  if (!row) throw notMade(environment)
  return toSettings(row.settings)
}

function notMade(environment: Environment): Error {
  return new Error(`the environment ${environment} has not been made`)
}
