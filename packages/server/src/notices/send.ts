import { createSigner } from '@producersync/webhooks/node'
import type { DataKeys } from '#src/accounts/encryption.ts'
import type { Environment } from '#src/accounts/principal.ts'
import type { Mailer } from '#src/adapters/mail/mail.ts'
import type { AddressPolicy, Outgoing, PostResult } from '#src/adapters/outgoing/outgoing.ts'
import { openChannelSecret, openTarget } from './channel.ts'
import type { DueNotice } from './store.ts'
import { type Words, wordsOf } from './words.ts'

export type SendParts = {
  outgoing: Pick<Outgoing, 'post'>
  policyOf: (environment: Environment) => Promise<AddressPolicy>
  mailer: Mailer | null
  dataKeys: Pick<DataKeys, 'of'>
  /** The service's own, without a slash at its end. */
  publicUrl: () => string
  clock: { now(): Date }
  signal: AbortSignal
}

const POST_MS_MAX = 5_000

/** Sends a notice once. @returns null, or why it was not taken, in words without a secret */
export async function sendNotice(notice: DueNotice, parts: SendParts): Promise<string | null> {
  const { accountId, channelId, kind } = notice
  const owner = { accountId, id: channelId }
  const key = parts.dataKeys.of(accountId, notice.dataKey)
  const target = openTarget(key, owner, notice.target)
  const words = wordsOf(notice.details, `${parts.publicUrl()}/portal/a/${accountId}`)
  if (kind === 'mail') return await sendMail(parts.mailer, target, words)
  const now = parts.clock.now()
  const body = Buffer.from(JSON.stringify(kind === 'chat' ? chatBody(words) : webhookBody(notice, words, now)))
  const secret = openChannelSecret(key, owner, notice.secret)
  const result = await parts.outgoing.post({
    url: target,
    headers: { 'content-type': 'application/json', ...(secret ? signed(notice.id, secret, body, now) : {}) },
    body,
    timeoutMs: POST_MS_MAX,
    connectionKey: channelId,
    resolutionKey: accountId,
    policy: await parts.policyOf(notice.environment),
    signal: parts.signal,
  })
  return failureOf(result)
}

async function sendMail(mailer: Mailer | null, to: string, { subject, text }: Words): Promise<string | null> {
  if (mailer === null) return 'This service sends no mail.'
  try {
    await mailer.send({ to, subject, text })
    return null
  } catch {
    return 'The mail server did not take it.'
  }
}

/** What incoming webhooks of chat services take. */
function chatBody({ subject, text }: Words): object {
  return { text: `${subject}\n${text}` }
}

function webhookBody({ details }: DueNotice, words: Words, now: Date): object {
  const { rule, ...data } = details
  return { type: `notice.${rule}`, timestamp: now.toISOString(), data: { ...data, ...words } }
}

function signed(id: string, secret: string, body: Buffer, now: Date): Record<string, string> {
  const timestamp = Math.floor(now.getTime() / 1000)
  const signature = createSigner([secret])(id, timestamp, body)
  return { 'webhook-id': id, 'webhook-timestamp': String(timestamp), 'webhook-signature': signature }
}

function failureOf(result: PostResult): string | null {
  if (result.kind === 'deferred') return 'A limit of the destination is reached.'
  const { outcome } = result
  if (outcome.kind !== 'responded')
    return outcome.kind === 'blocked' ? 'The address is not allowed.' : 'There was no answer.'
  return outcome.status >= 200 && outcome.status <= 299 ? null : `It answered ${outcome.status}.`
}
