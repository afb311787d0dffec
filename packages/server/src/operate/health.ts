import { type MasterKey, openingKeys } from '#src/accounts/encryption.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { durabilityFaults } from '#src/adapters/postgres/durability.ts'
import { DomainError } from '#src/domain-error.ts'

/** One part of being ready: what is wrong with it, or null. */
export type ReadyParts = Record<'database' | 'masterKey' | 'durability' | 'draining', string | null>

const ASK_MS_MAX = 1_000
const DURABILITY_CHECK_MS = 60_000

/** Whether this process can keep what it promises. What it says holds no secrets. */
export class Health {
  readonly #database: Database
  readonly #checksDurability: boolean
  readonly #masterKeyIds: readonly Buffer[]
  #faults: readonly string[] = []
  #draining = false
  #started = false
  #timer: NodeJS.Timeout | undefined

  /** @param checksDurability  false in tests only, whose server runs without fsync */
  constructor(database: Database, options: { checksDurability: boolean; masterKey: MasterKey }) {
    this.#database = database
    this.#checksDurability = options.checksDurability
    this.#masterKeyIds = openingKeys(options.masterKey).map(({ id }) => id)
  }

  /** @throws DatabaseUnavailable */
  async start(): Promise<readonly string[]> {
    await this.#check()
    this.#timer = setInterval(() => void this.#check().catch(() => undefined), DURABILITY_CHECK_MS)
    return this.#faults
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Migrations and warm-up are done. */
  started(): void {
    this.#started = true
  }

  /** Stops are asked for: send no more requests here. */
  drain(): void {
    this.#draining = true
  }

  get isStarted(): boolean {
    return this.#started
  }

  /** What would make an acknowledgement a lie; empty when all is well. */
  get durabilityFaults(): readonly string[] {
    return this.#faults
  }

  /** @throws DomainError unavailable: nothing may be acknowledged that a power cut could take back */
  refuseUnlessDurable(): void {
    if (this.#faults.length === 0) return
    throw new DomainError('unavailable', 'The database does not keep what it acknowledges.', { retryAfterSeconds: 5 })
  }

  async ready(): Promise<{ ready: boolean; parts: ReadyParts }> {
    const holdsOurs = await this.#holdsOurMasterKey()
    const parts: ReadyParts = {
      database: holdsOurs === undefined ? 'does not answer' : null,
      masterKey: holdsOurs === false ? 'not that of the database' : null,
      durability: this.#faults[0] ?? null,
      draining: this.#draining ? 'stopping' : null,
    }
    return { ready: this.#started && Object.values(parts).every((fault) => fault === null), parts }
  }

  /** Does the database answer within a second? */
  async answers(): Promise<boolean> {
    return (await this.#holdsOurMasterKey()) !== undefined
  }

  /** Whether what others seal opens here, which ends when the master key is changed without this process; undefined: no answer within a second. */
  async #holdsOurMasterKey(): Promise<boolean | undefined> {
    const limit = Promise.withResolvers<undefined>()
    const timer = setTimeout(() => limit.resolve(undefined), ASK_MS_MAX)
    try {
      const asked = this.#database.query<{ held: boolean }>`
        select exists (select from master_key where id = any (${this.#masterKeyIds}::bytea[])) as held`.then(
        ([row]) => row?.held,
        () => undefined,
      )
      return await Promise.race([asked, limit.promise])
    } finally {
      clearTimeout(timer)
    }
  }

  /** Some worker holds a lease: what is accepted will be delivered. */
  async hasWorker(): Promise<boolean> {
    const [row] = await this.#database.query<{ alive: boolean }>`
      select exists (select from worker where lease_until > clock_timestamp()) as alive`
    return row?.alive ?? false
  }

  async #check(): Promise<void> {
    if (this.#checksDurability) this.#faults = await durabilityFaults(this.#database)
  }
}
