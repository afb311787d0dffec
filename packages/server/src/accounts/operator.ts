import type { Page } from '#src/adapters/http/pages.ts'
import { faultsOf } from '#src/adapters/http/schema.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { DomainError, invalidInput, notFound } from '#src/domain-error.ts'
import { applicationBody } from './body.ts'
import {
  type Client,
  createClient,
  findClient,
  isScope,
  listClients,
  type NewSecret,
  revokeClient,
  revokeSecret,
  rotateSecret,
  scopeNames,
} from './clients.ts'
import { type EnvironmentSettings, parseChange } from './environment-settings.ts'
import { changeSettings, environments, readSettings } from './environments.ts'
import { type Account, type Environment, type Scope, visibleTo } from './principal.ts'
import { type AccountParts, actingFor, createAccount, findAccount, listAccounts, uidTaken } from './store.ts'
import { createKey, type EnvironmentKey, listKeys, revokeKey } from './tokens.ts'

const PAGE_ROWS = 250

/** What a command did, for the audit. */
export type CommandDone = {
  environment: Environment
  /** null: to the environment itself. */
  accountId: string | null
  /** `admin.client.rotate` */
  operation: string
  target?: { kind: string; id: string }
  before?: object | null
  after?: object | null
}
export type OperatorParts = Omit<AccountParts, 'dataKeys'> & {
  /** Notes a command, as the last thing in its transaction. */
  record: (tx: Queryable, done: CommandDone) => Promise<void>
}

/** What operators do, each in one transaction; the command line (`admin.ts`) reads and prints. */
export class Operator {
  readonly #database: Database
  readonly parts: OperatorParts

  /** @param database  role `api` */
  constructor(database: Database, parts: OperatorParts) {
    this.#database = database
    this.parts = parts
  }

  /** @throws DomainError invalid_input, conflict (uid) */
  async createAccount(
    input: { environment: Environment; name: string; uid?: string; withClient: boolean },
    dataKeys: AccountParts['dataKeys'],
  ): Promise<{ account: Account; client?: NewSecret }> {
    const { environment, name, uid, withClient } = input
    const faults = faultsOf(uid === undefined ? { name } : { name, uid }, applicationBody, 'body')
    if (faults.length > 0) throw invalidInput(...faults)
    return await this.within(environment, async (tx) => {
      const account = await createAccount(tx, { ...this.parts, dataKeys }, { environment, name, uid })
      if (!account) throw uidTaken()
      const client = withClient
        ? await actingFor(tx, account.id, () => createClient(tx, this.parts, account, { name }))
        : undefined
      await this.parts.record(tx, {
        ...{ environment, accountId: account.id, operation: 'admin.account.create' },
        ...{ target: { kind: 'app', id: account.id }, after: { name, uid: account.uid } },
      })
      return client ? { account, client } : { account }
    })
  }

  /** All accounts of an environment by id, a page at a time. */
  async *accounts(environment: Environment): AsyncGenerator<Account[]> {
    let above: string | null = null
    for (;;) {
      const page: Page = { limit: PAGE_ROWS, above, below: null, read: 'ascending', show: 'ascending' }
      const rows = await this.within(environment, (tx) => listAccounts(tx, { environment, page }))
      const shown = rows.slice(0, PAGE_ROWS)
      if (shown.length > 0) yield shown
      if (rows.length <= PAGE_ROWS) return
      above = shown.at(-1)?.id ?? null
    }
  }

  /** @throws DomainError not_found (account), invalid_input (scope, or a uid of both environments) */
  async createClient(input: {
    account: string
    environment?: Environment
    name: string
    scopes?: readonly string[]
  }): Promise<NewSecret & { account: Account; scopes?: Scope[] }> {
    const scopes = input.scopes?.map(parseScope)
    return await this.forAccount(input, async (tx, account) => {
      const { name } = input
      const made = await createClient(tx, this.parts, account, { name, scopes })
      await this.parts.record(
        tx,
        ofClient('create', { ...account, accountId: account.id }, made.clientId, { after: { name, scopes } }),
      )
      return { ...made, account, scopes }
    })
  }

  /** @throws DomainError not_found */
  async clients(input: { account: string; environment?: Environment }): Promise<Client[]> {
    return await this.forAccount(input, (tx, account) => listClients(tx, account.id))
  }

  /** @throws DomainError not_found, limit_reached */
  async rotateClient(clientId: string): Promise<NewSecret> {
    const client = await this.#client(clientId)
    return await this.within(client.environment, (tx) =>
      actingFor(tx, client.accountId, async () => {
        const secret = await rotateSecret(tx, this.parts, client)
        await this.parts.record(tx, ofClient('rotate', client, clientId))
        return secret
      }),
    )
  }

  /** Ends a client, or with `secretId` one of its secrets. @throws DomainError not_found: unknown, or revoked before */
  async revokeClient(clientId: string, secretId?: string): Promise<void> {
    const client = await this.#client(clientId)
    const { accountId, environment } = client
    const now = this.parts.clock.now()
    await this.within(environment, (tx) =>
      actingFor(tx, accountId, async () => {
        const ended =
          secretId === undefined
            ? await revokeClient(tx, client, now)
            : await revokeSecret(tx, { accountId, clientId, id: secretId }, now)
        if (!ended) throw notFound()
        await this.parts.record(tx, ofClient('revoke', client, clientId))
      }),
    )
  }

  async createKey(environment: Environment, name: string): Promise<{ id: string; key: string }> {
    return await this.within(environment, async (tx) => {
      const made = await createKey(tx, this.parts, { environment, name })
      const target = { kind: 'key', id: made.id }
      await this.parts.record(tx, {
        environment,
        accountId: null,
        operation: 'admin.key.create',
        target,
        after: { name },
      })
      return made
    })
  }

  /** @throws DomainError not_found: unknown, or revoked before */
  async revokeKey(id: string): Promise<void> {
    const now = this.parts.clock.now()
    for (const environment of environments) {
      const isEnded = await this.within(environment, async (tx) => {
        if (!(await revokeKey(tx, environment, id, now))) return false
        const target = { kind: 'key', id }
        await this.parts.record(tx, { environment, accountId: null, operation: 'admin.key.revoke', target })
        return true
      })
      if (isEnded) return
    }
    throw notFound()
  }

  async keys(environment: Environment): Promise<EnvironmentKey[]> {
    return await this.within(environment, (tx) => listKeys(tx, environment))
  }

  async settings(environment: Environment): Promise<EnvironmentSettings> {
    return await this.within(environment, (tx) => readSettings(tx, environment))
  }

  /** @param assignments  `name=value` @throws DomainError invalid_input; then nothing is changed */
  async changeSettings(environment: Environment, assignments: readonly string[]): Promise<EnvironmentSettings> {
    const changes = assignments.map((assignment) => parseChange(assignment, environment))
    return await this.within(environment, async (tx) => {
      const before = await readSettings(tx, environment)
      const after = await changeSettings(tx, environment, changes)
      await this.parts.record(tx, { environment, accountId: null, operation: 'admin.environment.set', before, after })
      return after
    })
  }

  /** Runs `work` in a transaction that sees the account. @throws DomainError not_found, invalid_input (a uid of both environments) */
  async forAccount<T>(
    input: { account: string; environment?: Environment },
    work: (tx: Queryable, account: Account) => Promise<T>,
  ): Promise<T> {
    const account = await this.#account(input.account, input.environment)
    return await this.within(account.environment, (tx) => actingFor(tx, account.id, () => work(tx, account)))
  }

  async #account(idOrUid: string, wanted: Environment | undefined): Promise<Account> {
    const found: Account[] = []
    for (const environment of wanted ? [wanted] : environments) {
      const account = await this.within(environment, (tx) => findAccount(tx, environment, idOrUid))
      if (account) found.push(account)
    }
    const [account] = found
    if (found.length > 1) {
      throw invalidInput({ loc: ['options', 'account'], msg: 'names two; say --environment', type: 'value_error' })
    }
    if (!account) throw new DomainError('not_found', `There is no account ${idOrUid}.`)
    return account
  }

  async #client(id: string): Promise<Omit<Client, 'secrets'>> {
    for (const environment of environments) {
      const client = await this.within(environment, (tx) => findClient(tx, environment, id))
      if (client) return client
    }
    throw new DomainError('not_found', `There is no client ${id}.`)
  }

  /** Runs `work` in a transaction that sees the environment. */
  async within<T>(environment: Environment, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await this.#database.transaction({ settings: visibleTo(environment) }, work)
  }
}

function ofClient(
  what: string,
  { environment, accountId }: { environment: Environment; accountId: string },
  clientId: string,
  more: Pick<CommandDone, 'after'> = {},
): CommandDone {
  return { environment, accountId, operation: `admin.client.${what}`, target: { kind: 'key', id: clientId }, ...more }
}

function parseScope(text: string): Scope {
  if (isScope(text)) return text
  throw invalidInput({ loc: ['options', 'scope'], msg: `must be one of ${scopeNames.join(', ')}`, type: 'value_error' })
}
