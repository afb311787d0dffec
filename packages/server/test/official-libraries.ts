import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { vi } from 'vitest'
import type { ReceivedRequest } from './receiver.ts'

/**
 * Verifies a request as receivers do that use the official packages, at the time that the request says.
 * @throws what they throw when the signature is wrong or a header is missing
 */
export function verifyOfficially({ headers, body }: ReceivedRequest, secret: string): void {
  vi.useFakeTimers({ toFake: ['Date'], now: Number(headers['webhook-timestamp']) * 1_000 })
  try {
    const of = (prefix: string) =>
      Object.fromEntries(
        ['id', 'timestamp', 'signature'].map((part) => [`${prefix}-${part}`, String(headers[`${prefix}-${part}`])]),
      )
    const text = body.toString('utf8')
    new StandardWebhook(secret).verify(text, of('webhook'))
    for (const prefix of ['webhook', 'svix']) new SvixWebhook(secret).verify(text, of(prefix))
  } finally {
    vi.useRealTimers()
  }
}
