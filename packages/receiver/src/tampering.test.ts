import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import * as core from './index.ts'
import * as node from './node.ts'

const hmacSecret = `whsec_${Buffer.alloc(32, 1).toString('base64')}`
const edSecret = node.generateEd25519Secret()
const timestamp = 1772809332
const options = { now: new Date(timestamp * 1000), toleranceSeconds: Number.POSITIVE_INFINITY }

const message = fc.record({
  id: fc.stringMatching(/^msg_[0-9A-Za-z]{27}$/),
  timestamp: fc.integer({ min: 1, max: 4_000_000_000 }),
  body: fc.json().map((text) => Buffer.from(text)),
})

function flipBit(bytes: Uint8Array, at: number): Uint8Array {
  const flipped = Uint8Array.from(bytes)
  const bit = at % (bytes.length * 8)
  flipped.set([(flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))], bit >> 3)
  return flipped
}

function flipText(text: string, at: number): string {
  return Buffer.from(flipBit(Buffer.from(text, 'latin1'), at)).toString('latin1')
}

describe.each([
  ['core', core],
  ['node', node],
])('%s', (_, { check }) => {
  test.each([
    ['v1', hmacSecret, hmacSecret],
    ['v1a', edSecret, node.verifyingSecretOf(edSecret)],
  ])('one changed bit in id, timestamp, body or signature is refused, %s', async (_version, signing, verifying) => {
    const part = fc.constantFrom('webhook-id', 'webhook-timestamp', 'webhook-signature', 'body')
    const property = fc.asyncProperty(message, part, fc.nat(), async (given, changed, at) => {
      const headers = node.sign({ ...given, secrets: signing })
      const secrets = { ...options, secrets: verifying }
      // The body may not be an event: what counts is that the signature was accepted.
      expect(await check(given.body, headers, secrets)).not.toHaveProperty('code', 'no_matching_signature')
      const verdict =
        changed === 'body'
          ? await check(flipBit(given.body, at), headers, secrets)
          : await check(given.body, { ...headers, [changed]: flipText(headers[changed], at) }, secrets)
      expect(['no_matching_signature', 'invalid_header']).toContain(verdict.ok ? 'ok' : verdict.code)
    })
    await fc.assert(property, { numRuns: 1000 })
  })

  test('signatures that were added, before or behind, neither help nor harm', async () => {
    const added = fc.array(
      fc.oneof(
        fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => `v1,${Buffer.from(bytes).toString('base64')}`),
        fc.stringMatching(/^v[0-9]a?,[0-9A-Za-z+/=]{1,44}$/),
      ),
      { maxLength: 15 },
    )
    const property = fc.asyncProperty(message, added, added, async (given, before, behind) => {
      const headers = node.sign({ ...given, secrets: hmacSecret })
      const among = (own: string[]) => ({ ...headers, 'webhook-signature': [...before, ...own, ...behind].join(' ') })
      const secrets = { ...options, secrets: hmacSecret }
      const withOwn = await check(given.body, among([headers['webhook-signature']]), secrets)
      expect(withOwn.ok || withOwn.code === 'invalid_event').toBe(true)
      const without = await check(
        given.body,
        { ...among([]), 'webhook-signature': among([])['webhook-signature'] || 'v1,' },
        secrets,
      )
      expect(without).toMatchObject({ ok: false, code: 'no_matching_signature' })
    })
    await fc.assert(property, { numRuns: 500 })
  })

  test('headers of two families are never joined into one webhook', async () => {
    const property = fc.asyncProperty(message, fc.subarray(['id', 'timestamp', 'signature']), async (given, moved) => {
      const headers = Object.entries(node.sign({ ...given, secrets: hmacSecret })).map(([name, value]) =>
        moved.some((part) => name.endsWith(part)) ? [name.replace('webhook', 'svix'), value] : [name, value],
      )
      const verdict = await check(given.body, Object.fromEntries(headers), { ...options, secrets: hmacSecret })
      const whole = moved.length === 0 || moved.length === 3
      expect(!verdict.ok && verdict.code === 'missing_header').toBe(!whole)
    })
    await fc.assert(property, { numRuns: 200 })
  })
})
