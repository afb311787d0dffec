import { readFileSync } from 'node:fs'
// #region verify
import { VerificationError, verify } from '@producersync/webhooks'

/** @param body  the bytes as they came, before any parser */
export async function isGenuine(body: Uint8Array, headers: Record<string, string>, secrets: string[], now?: Date) {
  try {
    await verify(body, headers, now ? { secrets, now } : { secrets })
    return true
  } catch (error) {
    if (!(error instanceof VerificationError)) throw error
    console.error(error.code, error.message) // says what is wrong, and never a secret
    return false
  }
}
// #endregion verify

for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const [id = '', timestamp = '', signature = '', secrets = '', now, body = ''] = line
    .split('\t')
    .map((field) => (field === '-' ? '' : field))
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  const genuine = await isGenuine(
    Buffer.from(body, 'base64'),
    headers,
    secrets.split(' '),
    new Date(Number(now) * 1000),
  )
  console.log(genuine ? 'ok' : 'refused')
}
