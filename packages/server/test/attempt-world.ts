import { newCredential } from '#src/accounts/credentials.ts'
import type { Capability } from '#src/accounts/principal.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { type Answer, type ServiceOptions, type TestAccount, TestService } from './service.ts'

// biome-ignore lint/suspicious/noExplicitAny: answers are what is tested, member by member
export type Json = any
export type CallOptions = { body?: unknown; token?: string; headers?: Record<string, string> }

/** The whole service, and what the tests of this folder ask it over and over. */
export class DeliveryWorld {
  readonly service: TestService
  /** Of the role that owns the schema and sees every row. */
  readonly owner: Database

  private constructor(service: TestService) {
    this.service = service
    this.owner = service.database.open('migrate')
  }

  static async start(options: ServiceOptions = {}): Promise<DeliveryWorld> {
    return new DeliveryWorld(await TestService.start(options))
  }

  async close(): Promise<void> {
    await this.service.close()
  }

  /** Calls the management API, by default with the key of the production environment. */
  async call(method: 'GET' | 'POST', path: string, { body, ...options }: CallOptions = {}): Promise<Answer> {
    return await this.service.call(method, `/api/v1${path}`, body, options)
  }

  /** The body of a GET that answers 200. */
  async get(path: string, options: CallOptions = {}): Promise<Json> {
    const answer = await this.call('GET', path, options)
    if (answer.status !== 200) throw new Error(`GET ${path}: ${answer.status} ${answer.text}`)
    return answer.body
  }

  /** All rows of a list, page by page to its end. */
  async all(path: string, limit = 250): Promise<Json[]> {
    const rows: Json[] = []
    for (let iterator = ''; ; ) {
      const page = await this.get(`${path}${path.includes('?') ? '&' : '?'}limit=${limit}${iterator}`)
      rows.push(...page.data)
      if (page.done) return rows
      iterator = `&iterator=${page.iterator}`
    }
  }

  /** An app token of the account with these capabilities. */
  async appToken(account: TestAccount, capabilities: readonly Capability[]): Promise<string> {
    const token = newCredential('appsk_')
    await this.owner.query`
      insert into token (hash, kind, id, environment, account_id, capabilities, created_at)
      values (sha256(${Buffer.from(token)}::bytea), 'app', ${token.slice(-20)}, ${account.environment}, ${account.id},
              ${capabilities}::text[], ${this.service.clock.now()})`
    return token
  }

  /** Nothing is under way, and nothing that is due can start: what is left waits for the clock. */
  async settled(): Promise<void> {
    await this.service.settled()
  }

  /** Moves the clock from one due moment to the next, letting the work of each settle. */
  async advance(seconds: number): Promise<void> {
    await this.service.advance({ seconds })
  }
}
