import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import fc from 'fast-check'
import { describe, test } from 'vitest'
import { CannotOpen, DataKeys, open, type SealedFor, seal, sealingKey } from './encryption.ts'

const key = sealingKey(randomBytes(32))
const place: SealedFor = { accountId: 'app_a', objectId: 'ep_a', purpose: 'signing-secret' }
const secret = Buffer.from('whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw')

describe('secrets at rest (T01)', () => {
  test('what is sealed opens again, and never twice the same bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), fc.string(), fc.string(), (text, a, b, c) => {
        const at = { accountId: a, objectId: b, purpose: c }
        const sealed = seal(key, text, at)
        assert.deepEqual(open(key, sealed, at), Buffer.from(text))
        assert.notDeepEqual(seal(key, text, at), sealed)
      }),
    )
  })

  test('ciphertexts moved to another account, object or purpose do not open', () => {
    const sealed = seal(key, secret, place)
    const elsewhere: SealedFor[] = [
      { ...place, accountId: 'app_b' },
      { ...place, objectId: 'ep_b' },
      { ...place, purpose: 'headers' },
      { accountId: 'app_aep', objectId: '_a', purpose: 'signing-secret' },
      { accountId: 'app_a","ep_a', objectId: '', purpose: 'signing-secret' },
    ]
    for (const other of elsewhere) assert.throws(() => open(key, sealed, other), CannotOpen)
  })

  test('changed, cut and empty bytes, and those of another key, do not open', () => {
    const sealed = seal(key, secret, place)
    for (let index = 0; index < sealed.length; index += 1) {
      const changed = Buffer.from(sealed)
      changed[index] = (changed[index] ?? 0) ^ 1
      assert.throws(() => open(key, changed, place), CannotOpen, `byte ${index}`)
      assert.throws(() => open(key, sealed.subarray(0, index), place), CannotOpen, `cut to ${index}`)
    }
    assert.throws(() => open(sealingKey(randomBytes(32)), sealed, place), CannotOpen)
  })

  test('sealed bytes name their key, and neither it nor the text stands in them', () => {
    const bytes = randomBytes(32)
    const other = sealingKey(bytes)
    const sealed = seal(other, secret, place)
    assert.deepEqual(sealed.subarray(1, 9), other.id)
    for (const encoding of ['latin1', 'base64', 'hex'] as const) {
      assert.ok(!sealed.toString('latin1').includes(secret.toString(encoding)))
      assert.ok(!sealed.toString('latin1').includes(bytes.toString(encoding)))
    }
  })

  test('an account’s data key opens with its master key, for that account only', () => {
    const master = sealingKey(randomBytes(32))
    const keys = new DataKeys(master)
    const wrapped = keys.newDataKey('app_a')
    const sealed = seal(keys.of('app_a', wrapped), secret, place)
    assert.deepEqual(open(new DataKeys(master).of('app_a', wrapped), sealed, place), secret)
    assert.throws(() => new DataKeys(master).of('app_b', wrapped), CannotOpen)
    assert.throws(() => new DataKeys(sealingKey(randomBytes(32))).of('app_a', wrapped), CannotOpen)
  })

  test('each account has a data key of its own', () => {
    const keys = new DataKeys(sealingKey(randomBytes(32)))
    const ids = ['app_a', 'app_b'].map((account) => keys.of(account, keys.newDataKey(account)).id.toString('hex'))
    assert.equal(new Set(ids).size, 2)
  })
})
