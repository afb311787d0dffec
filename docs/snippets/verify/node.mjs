import { createHmac, timingSafeEqual } from 'node:crypto'
import { readFileSync } from 'node:fs'

// #region verify
const TOLERANCE_SECONDS = 300

/**
 * @param {Buffer} body       the bytes as they came, before any parser
 * @param {Record<string, string | undefined>} headers  names in lower case
 * @param {string[]} secrets  the endpoint's signing secrets, whsec_…: two while one is rotated out
 */
export function isGenuine(body, headers, secrets, now = Date.now() / 1000) {
  const id = headers['webhook-id']
  const timestamp = headers['webhook-timestamp']
  const signatures = (headers['webhook-signature'] ?? '').split(' ')
  if (!id || !/^\d+$/.test(timestamp ?? '')) return false
  if (Math.abs(now - Number(timestamp)) > TOLERANCE_SECONDS) return false
  return secrets.some((secret) => {
    const key = Buffer.from(secret.slice('whsec_'.length), 'base64')
    const mac = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body)
    const expected = Buffer.from(`v1,${mac.digest('base64')}`)
    return signatures.some((signature) => {
      const given = Buffer.from(signature)
      return given.length === expected.length && timingSafeEqual(given, expected)
    })
  })
}
// #endregion verify

for (const line of readFileSync(0, 'utf8').trimEnd().split('\n')) {
  const [id, timestamp, signature, secrets, now, body] = line.split('\t').map((field) => (field === '-' ? '' : field))
  const headers = { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signature }
  console.log(isGenuine(Buffer.from(body, 'base64'), headers, secrets.split(' '), Number(now)) ? 'ok' : 'refused')
}
