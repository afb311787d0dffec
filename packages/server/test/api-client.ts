import type { Environment } from '#src/accounts/principal.ts'

export type TestAccount = { id: string; environment: Environment; key: string }

export type Answer = {
  status: number
  headers: Headers
  /** Parsed JSON; undefined without any. Tests look into it freely. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any operation
  body: any
  text: string
}

export type CallOptions = {
  token?: string
  headers?: Record<string, string>
  method?: string
  rawBody?: string | Uint8Array
}

/** @throws unless the answer is 2xx */
// biome-ignore lint/suspicious/noExplicitAny: an answer of any operation
export function bodyOf({ status, text, body }: Answer, asked: string): any {
  if (status < 200 || status > 299) throw new Error(`${asked}: ${status} ${text}`)
  return body
}

/** Speaks to a service over HTTP, wherever it runs. */
export abstract class ApiClient {
  abstract get url(): string
  /** Keys of the environments; without a token, calls bear the one of production. */
  abstract readonly keys: Record<Environment, string>

  /** Calls the API; `path` from the root. */
  async call(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<Answer> {
    const raw = options.rawBody ?? (body === undefined ? undefined : JSON.stringify(body))
    const response = await fetch(`${this.url}${path}`, {
      method,
      headers: {
        authorization: `Bearer ${options.token ?? this.keys.production}`,
        ...(raw === undefined ? {} : { 'content-type': 'application/json' }),
        ...options.headers,
      },
      ...(raw === undefined ? {} : { body: typeof raw === 'string' ? raw : Buffer.from(raw) }),
    })
    const text = await response.text()
    return {
      status: response.status,
      headers: response.headers,
      body: response.headers.get('content-type')?.includes('json') && text !== '' ? JSON.parse(text) : undefined,
      text,
    }
  }

  /** As `call`, and the body; fails unless the answer is 2xx. */
  // biome-ignore lint/suspicious/noExplicitAny: an answer of any operation
  async ok(method: string, path: string, body?: unknown, options: CallOptions = {}): Promise<any> {
    return bodyOf(await this.call(method, path, body, options), `${method} ${path}`)
  }

  async account(environment: Environment = 'production'): Promise<TestAccount> {
    const key = this.keys[environment]
    const { id } = await this.ok('POST', '/api/v1/app', { name: 'Test' }, { token: key })
    return { id, environment, key }
  }

  /** @returns the message as answered */
  // biome-ignore lint/suspicious/noExplicitAny: the message as answered
  async message(account: TestAccount, message: object = {}, options: CallOptions = {}): Promise<any> {
    const body = { eventType: 'test.happened', payload: { n: 1 }, ...message }
    return await this.ok('POST', `/api/v1/app/${account.id}/msg`, body, { token: account.key, ...options })
  }

  /** As many messages at once, in the order of `payloads`. @returns their ids */
  async messages(account: TestAccount, payloads: readonly object[], message: object = {}): Promise<string[]> {
    const messages = payloads.map((payload) => ({ eventType: 'test.happened', payload, ...message }))
    const path = `/api/v1/app/${account.id}/msg/batch`
    const { results } = await this.ok('POST', path, { messages }, { token: account.key })
    return results.map((result: { message: { id: string } }) => result.message.id)
  }

  /** Attempts and cancellations of a message, oldest first. */
  // biome-ignore lint/suspicious/noExplicitAny: attempts as answered
  async attempts(account: TestAccount, messageId: string, query = ''): Promise<any[]> {
    const path = `/api/v1/app/${account.id}/attempt/msg/${messageId}?limit=250&expanded_statuses=true${query}`
    const { data } = await this.ok('GET', path, undefined, { token: account.key })
    return data.toReversed()
  }

  /** How a message stands with each endpoint that it went to or is to go to. */
  // biome-ignore lint/suspicious/noExplicitAny: destinations as answered
  async destinations(account: TestAccount, messageId: string): Promise<any[]> {
    const path = `/api/v1/app/${account.id}/msg/${messageId}/endpoint?expanded_statuses=true`
    const { data } = await this.ok('GET', path, undefined, { token: account.key })
    return data
  }
}
