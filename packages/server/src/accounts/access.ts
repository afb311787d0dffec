import type { Clock } from '#src/adapters/clock.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { DomainError, notFound } from '#src/domain-error.ts'
import { credentialHash, isBearer } from './credentials.ts'
import {
  type Account,
  type Capability,
  DEFAULT_CAPABILITIES,
  type Environment,
  isKey,
  isStaffRole,
  type Principal,
  type Scope,
  visibleTo,
} from './principal.ts'
import { type AccountRow, selectAccount, toAccount } from './store.ts'
import { KEY_USE_MS, noteKeyUse, type TokenRow, tokenByHash } from './tokens.ts'

export type Access = {
  /**
   * Who the bearer token speaks for. A revoked token is refused within 2 s in every process, an expired one at once.
   * @throws DomainError unauthenticated, the same for missing, malformed, unknown, expired and revoked tokens
   */
  authenticate(bearer: string | undefined): Promise<Principal>
  /**
   * The account that a path names by id or uid, if the principal may know of it.
   * @param options  `maxAgeMs` (≤ 1,000, default 0: read now): for paths where the effect itself is refused by a deleted account
   * @throws DomainError not_found, the same for unknown, deleted and foreign ones and for those of the other environment
   */
  accountOf(principal: Principal, idOrUid: string, options?: { maxAgeMs?: number }): Promise<Account>
}

/** What a token of an account's client with scope `webhooks` may do. Source: webhook-api 2.1. */
const OF_CLIENT: ReadonlySet<Capability> = new Set(DEFAULT_CAPABILITIES)
/** With scope `producersync.write` too: what it may do under `/v1` it may do here. See docs/decisions/0038. */
const OF_WRITING_CLIENT: ReadonlySet<Capability> = new Set([...DEFAULT_CAPABILITIES, 'ManagePopulation'])
const NONE: ReadonlySet<never> = new Set()

const PRINCIPAL_MAX_AGE_MS = 2_000
const ACCOUNT_MAX_AGE_MS = 1_000
const PRINCIPALS_MAX = 20_000
const UNKNOWN_MAX = 10_000
const ACCOUNTS_MAX = 20_000

type Known = { principal: Principal; expiresAt: Date | null }

/** One per process: each remembers for itself. */
export function createAccess(database: Database, clock: Clock): Access {
  const known = new ShortMemory<Known>(clock, PRINCIPALS_MAX)
  const unknown = new ShortMemory<true>(clock, UNKNOWN_MAX) // apart, so that guesses push no principal out
  const accounts = new ShortMemory<Account>(clock, ACCOUNTS_MAX)
  const askedTokens = new Map<string, Promise<Known | undefined>>()
  const askedAccounts = new Map<string, Promise<Account>>()

  async function ask(hash: Buffer, key: string): Promise<Known | undefined> {
    const since = clock.now()
    const row = await tokenByHash(database, hash)
    if (!row) {
      unknown.keep(key, true, since)
      return undefined
    }
    const found = { principal: toPrincipal(row), expiresAt: row.expires_at }
    // of people every request is asked for, in the portal and by a code: what they may do changes with the next one
    if (row.portal_session_id === null && row.person === null) known.keep(key, found, since)
    if (isKey(row.id) && isDue(row.used_at, since)) void noteKeyUse(database, hash, since).catch(() => undefined)
    return found
  }

  async function readAccount(environment: Environment, accountId: string | null, name: string): Promise<Account> {
    const statement = selectAccount(environment, name)
    if (!statement) throw notFound()
    const settings = visibleTo(environment, accountId ?? undefined)
    const [rows] = await database.transactionBatch<AccountRow>([statement], { settings })
    const [row] = rows ?? []
    if (!row || (accountId !== null && row.id !== accountId)) throw notFound()
    return toAccount(row)
  }

  return {
    async authenticate(bearer) {
      if (bearer === undefined || !isBearer(bearer)) throw unauthenticated()
      const hash = credentialHash(bearer)
      const key = hash.toString('base64')
      if (unknown.recall(key, PRINCIPAL_MAX_AGE_MS)) throw unauthenticated()
      const found = known.recall(key, PRINCIPAL_MAX_AGE_MS) ?? (await once(askedTokens, key, () => ask(hash, key)))
      if (!found || (found.expiresAt && found.expiresAt <= clock.now())) throw unauthenticated()
      return found.principal
    },

    async accountOf(principal, idOrUid, options = {}) {
      const { environment, accountId } = principal
      const key = `${environment} ${accountId ?? ''} ${idOrUid}`
      const maxAgeMs = Math.min(options.maxAgeMs ?? 0, ACCOUNT_MAX_AGE_MS)
      if (maxAgeMs <= 0) return await readAccount(environment, accountId, idOrUid)
      const held = accounts.recall(key, maxAgeMs)
      if (held) return held
      return await once(askedAccounts, key, async () => {
        const since = clock.now()
        const account = await readAccount(environment, accountId, idOrUid)
        accounts.keep(key, account, since)
        return account
      })
    },
  }
}

/** The last use of a key is kept to within some minutes, so that using it costs no write. */
function isDue(usedAt: Date | null, now: Date): boolean {
  return usedAt === null || now.getTime() - usedAt.getTime() >= KEY_USE_MS
}

/** One question at a time per key: what is asked while an answer is awaited gets that answer. */
async function once<T>(asked: Map<string, Promise<T>>, key: string, ask: () => Promise<T>): Promise<T> {
  const before = asked.get(key)
  if (before) return await before
  const answer = ask()
  asked.set(key, answer)
  try {
    return await answer
  } finally {
    asked.delete(key)
  }
}

function toPrincipal(row: TokenRow): Principal {
  const { id: tokenId, environment, expires_at: expiresAt } = row
  const { name, person, role } = row
  if (row.kind === 'environment_key' || row.account_id === null) {
    return { kind: 'environment_key', tokenId, environment, accountId: null, name, expiresAt }
  }
  if (row.kind === 'staff') {
    const { portal_session_id: portalSessionId } = row
    if (portalSessionId === null || !isStaffRole(role)) throw new Error('a staff token without a session of staff')
    return { kind: 'staff', tokenId, environment, accountId: null, role, person, portalSessionId, expiresAt }
  }
  const scopes: ReadonlySet<Scope> = new Set(row.scopes)
  // A client's token without `webhooks` is known to the webhook API, and may do nothing there.
  const webhooks = scopes.has('producersync.write') ? OF_WRITING_CLIENT : OF_CLIENT
  const ofClient = scopes.has('webhooks') ? webhooks : NONE
  return {
    kind: row.kind,
    tokenId,
    environment,
    accountId: row.account_id,
    clientId: row.client_id,
    name,
    person,
    role,
    scopes,
    capabilities: row.kind === 'access' ? ofClient : new Set(row.capabilities),
    featureFlags: new Set(row.feature_flags),
    sessionId: row.session_id,
    portalSessionId: row.portal_session_id,
    expiresAt,
  }
}

function unauthenticated(): DomainError {
  return new DomainError('unauthenticated', 'The token is missing, unknown, expired or revoked.')
}

/** Remembers values for a short while, and at most so many: the oldest goes first. */
class ShortMemory<T> {
  readonly #clock: Clock
  readonly #max: number
  readonly #held = new Map<string, { value: T; sinceMs: number }>()

  constructor(clock: Clock, max: number) {
    this.#clock = clock
    this.#max = max
  }

  recall(key: string, maxAgeMs: number): T | undefined {
    const held = this.#held.get(key)
    if (!held) return undefined
    const ageMs = this.#clock.now().getTime() - held.sinceMs
    // a clock that was set back makes every age too small: below zero it shows
    if (ageMs >= 0 && ageMs < maxAgeMs) return held.value
    return undefined
  }

  /** @param since  when the question was asked, not when the answer came */
  keep(key: string, value: T, since: Date): void {
    this.#held.delete(key)
    const oldest = this.#held.keys().next()
    if (this.#held.size >= this.#max && !oldest.done) this.#held.delete(oldest.value)
    this.#held.set(key, { value, sinceMs: since.getTime() })
  }
}
