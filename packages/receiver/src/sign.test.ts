import fc from 'fast-check'
import { Webhook as StandardWebhook } from 'standardwebhooks'
import { Webhook as SvixWebhook } from 'svix'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { decodeBase64 } from './base64.ts'
import { signedContent } from './claim.ts'
import * as core from './index.ts'
import * as node from './node.ts'
import { signerBy } from './node-crypto.ts'
import { signatureBy } from './web-crypto.ts'

const published = {
  id: 'msg_p5jXN8AQM9LWM0D4loKWxJek',
  timestamp: 1614265330,
  body: '{"test": 2432232314}',
}
const publishedSecret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const publishedV1 = 'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
const publishedPrivateKey =
  'whsk_6Xb/dCcHpPea21PS1N9VY/NZW723CEc77N4rJCubMbfVKIDij2HKpMKkioLlX0dRqSKJp4AJ6p9lMicMFs6Kvg=='
const publishedPublicKey = 'whpk_1SiA4o9hyqTCpIqC5V9HUakiiaeACeqfZTInDBbOir4='
const publishedV1a = 'v1a,hnO3f9T8Ytu9HwrXslvumlUpqtNVqkhqw/enGzPCXe5BdqzCInXqYXFymVJaA7AZdpXwVLPo3mNl8EM+m7TBAg=='

afterEach(() => vi.useRealTimers())

const variants = [
  ['core', core],
  ['node', node],
] as const

describe.each(variants)('%s', (_, { check, sign, verify }) => {
  test('signs the published v1 vector (Standard Webhooks)', async () => {
    expect(await sign({ ...published, secrets: publishedSecret })).toEqual({
      'webhook-id': published.id,
      'webhook-timestamp': '1614265330',
      'webhook-signature': publishedV1,
    })
  })

  test('signs the published v1a vector (svix-server), from seed and public key or from the seed alone', async () => {
    const seedOnly = `whsk_${Buffer.from(publishedPrivateKey.slice(5), 'base64').subarray(0, 32).toString('base64')}`
    for (const secrets of [publishedPrivateKey, seedOnly]) {
      const { 'webhook-signature': signature } = await sign({ ...published, secrets })
      expect(signature).toBe(publishedV1a)
    }
  })

  test('gives one signature for each secret, in their order', async () => {
    const headers = await sign({ ...published, secrets: [publishedPrivateKey, publishedSecret] })
    expect(headers['webhook-signature']).toBe(`${publishedV1a} ${publishedV1}`)
  })

  test('while a secret is rotated out, whoever has either one verifies', async () => {
    const [former, current] = [node.generateSecret(), node.generateSecret()]
    const now = new Date(published.timestamp * 1000)
    const during = await sign({ ...published, secrets: [current, former] })
    const after = await sign({ ...published, secrets: [current] })
    for (const secrets of [former, current, [former, current]]) {
      expect(await verify(published.body, during, { secrets, now })).toEqual({ test: 2432232314 })
    }
    expect(await verify(published.body, after, { secrets: [former, current], now })).toEqual({ test: 2432232314 })
    expect(await check(published.body, after, { secrets: former, now })).toMatchObject({
      code: 'no_matching_signature',
    })
  })

  test.each([
    ['an id with a dot', { id: 'msg_a.b' }, 'invalid_header'],
    ['an empty id', { id: '' }, 'invalid_header'],
    ['a fraction of a second', { timestamp: 1614265330.5 }, 'invalid_header'],
    ['a time before 1970', { timestamp: -1 }, 'invalid_header'],
    ['a public key', { secrets: publishedPublicKey }, 'invalid_secret'],
    ['a private key of 31 bytes', { secrets: `whsk_${Buffer.alloc(31).toString('base64')}` }, 'invalid_secret'],
    ['a secret of 18 bytes', { secrets: 'whsec_plJ3nmyCDGBKInavdOK15jsl' }, 'invalid_secret'],
    ['no secret', { secrets: [] }, 'invalid_secret'],
  ])('does not sign with %s', async (_what, wrong, code) => {
    const signing = (async () => sign({ ...published, secrets: publishedSecret, ...wrong }))()
    await expect(signing).rejects.toMatchObject({ name: 'VerificationError', code })
  })
})

test('the key-level functions sign the published vector whose key has 18 bytes', async () => {
  const key = { version: 'v1', secret: decodeBase64('plJ3nmyCDGBKInavdOK15jsl') ?? new Uint8Array() } as const
  const body = new TextEncoder().encode('{"event_type":"ping","data":{"success":true}}')
  const signature = 'v1,rAvfW3dJ/X/qxhsaXPOyyCGmRKsaKWcsNccKXlIktD0='
  expect(await signatureBy(key, signedContent('msg_loFOjxBNrRLzqYUf', 1731705121, body))).toBe(signature)
  expect(signerBy(key)('msg_loFOjxBNrRLzqYUf.1731705121.', body)).toBe(signature)
})

const message = fc.record({
  id: fc.stringMatching(/^msg_[0-9A-Za-z]{1,40}$/),
  timestamp: fc.integer({ min: 1, max: 4_000_000_000 }),
  body: fc.json({ stringUnit: 'binary' }),
  secret: fc
    .uint8Array({ minLength: 24, maxLength: 64 })
    .map((bytes) => `whsec_${Buffer.from(bytes).toString('base64')}`),
})

test.each([
  ['standardwebhooks', 'webhook', StandardWebhook],
  ['svix', 'svix', SvixWebhook],
] as const)('%s verifies what we sign, and we verify what it signs', async (_, family, Oracle) => {
  const property = fc.asyncProperty(message, async ({ id, timestamp, body, secret }) => {
    const now = new Date(timestamp * 1000)
    vi.setSystemTime(now)
    const oracle = new Oracle(secret)
    const theirs = {
      [`${family}-id`]: id,
      [`${family}-timestamp`]: String(timestamp),
      [`${family}-signature`]: oracle.sign(id, now, body),
    }
    for (const { sign, verify } of [core, node]) {
      const ours = await sign({ id, timestamp, body, secrets: secret })
      expect(() => oracle.verify(body, ours)).not.toThrow()
      expect(await verify(body, theirs, { secrets: secret, now })).toEqual(JSON.parse(body))
    }
  })
  await fc.assert(property, { numRuns: 2000 })
})

test('both variants make the same signatures, over any bytes', async () => {
  const property = fc.asyncProperty(
    message,
    fc.uint8Array({ maxLength: 300 }),
    async ({ id, timestamp, secret }, body) => {
      const given = { id, timestamp, body, secrets: [secret, node.generateEd25519Secret()] }
      expect(await core.sign(given)).toEqual(node.sign(given))
    },
  )
  await fc.assert(property, { numRuns: 500 })
})

describe('secrets', () => {
  test('a new HMAC secret has 32 bytes and is never the same', () => {
    const secrets = Array.from({ length: 100 }, () => node.generateSecret())
    expect(new Set(secrets).size).toBe(100)
    for (const secret of secrets) expect(Buffer.from(secret.slice(6), 'base64')).toHaveLength(32)
    expect(secrets[0]).toMatch(/^whsec_/)
  })

  test('a new Ed25519 secret signs, and its public form verifies', async () => {
    const secret = node.generateEd25519Secret()
    const publicForm = node.verifyingSecretOf(secret)
    expect(secret).toMatch(/^whsk_[A-Za-z0-9+/]{86}==$/)
    expect(publicForm).toMatch(/^whpk_[A-Za-z0-9+/]{43}=$/)
    const headers = node.sign({ ...published, secrets: secret })
    const options = { secrets: publicForm, now: new Date(published.timestamp * 1000) }
    expect(node.verify(published.body, headers, options)).toEqual({ test: 2432232314 })
    expect(await core.verify(published.body, headers, options)).toEqual({ test: 2432232314 })
  })

  test('the public form of the published private key is the published one; an HMAC secret is its own', () => {
    expect(node.verifyingSecretOf(node.parseSigningSecret(publishedPrivateKey))).toBe(publishedPublicKey)
    expect(node.verifyingSecretOf(node.parseSigningSecret(publishedSecret))).toBe(publishedSecret)
  })

  test('a secret is stored one way, however it was given', () => {
    const seedOnly = `whsk_${Buffer.from(publishedPrivateKey.slice(5), 'base64').subarray(0, 32).toString('base64')}`
    expect(node.parseSigningSecret(publishedSecret.slice(6))).toBe(publishedSecret)
    expect(node.parseSigningSecret(publishedSecret)).toBe(publishedSecret)
    expect(node.parseSigningSecret(seedOnly)).toBe(publishedPrivateKey)
    expect(node.parseSigningSecret(publishedPrivateKey)).toBe(publishedPrivateKey)
  })

  test.each([
    ['of 23 bytes', `whsec_${Buffer.alloc(23).toString('base64')}`],
    ['of 65 bytes', `whsec_${Buffer.alloc(65).toString('base64')}`],
    ['that is empty', ''],
    ['that is only a prefix', 'whsec_'],
    ['that is not Base64', 'whsec_not-base64-not-base64-not-base64-'],
    ['that is public', publishedPublicKey],
    ['with a public key of another pair', `${publishedPrivateKey.slice(0, -6)}AAAA==`],
    ['with Base64 that has stray bits', `whsec_${'A'.repeat(42)}B=`],
  ])('a secret %s is invalid_secret', (_what, text) => {
    expect(() => node.parseSigningSecret(text)).toThrow(expect.objectContaining({ code: 'invalid_secret' }))
  })

  test('a bad setting is found at the start, before any webhook', () => {
    for (const text of [publishedPrivateKey, 'whsec_short', '']) {
      expect(() => core.parseVerifyingKey(text)).toThrow(expect.objectContaining({ code: 'invalid_secret' }))
    }
    expect(core.parseVerifyingKey(publishedSecret).version).toBe('v1')
    expect(core.parseVerifyingKey(publishedPublicKey).version).toBe('v1a')
  })

  test('a signer signs every attempt anew, with all of its secrets', () => {
    const signer = node.createSigner([publishedSecret, publishedPrivateKey])
    const body = Buffer.from(published.body)
    expect(signer(published.id, published.timestamp, body)).toBe(`${publishedV1} ${publishedV1a}`)
    expect(signer(published.id, published.timestamp + 1, body)).not.toContain(publishedV1)
    expect(signer(published.id, published.timestamp, body)).toBe(`${publishedV1} ${publishedV1a}`)
    expect(() => node.createSigner([])).toThrow(expect.objectContaining({ code: 'invalid_secret' }))
  })
})
