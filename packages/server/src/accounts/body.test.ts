import assert from 'node:assert/strict'
import { describe, test } from 'vitest'
import { DomainError } from '#src/domain-error.ts'
import { toNew, toOnTheFly, toReplacement } from './body.ts'

function faultOf(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    assert.ok(error instanceof DomainError && error.code === 'invalid_input')
    return error.faults.map(({ loc, type }) => `${loc.join('.')} ${type}`).join()
  }
  return 'none'
}

describe('an application made on the fly (webhook-api 9.1)', () => {
  test('has the uid of the path', () => {
    assert.deepEqual(toOnTheFly({ name: 'x', uid: 'mine', rateLimit: 5 }, 'mine'), {
      name: 'x',
      uid: 'mine',
      throttleRate: 5,
    })
  })

  test('without a uid, or with another, it is refused by a type of its own', () => {
    for (const uid of [undefined, null]) {
      assert.equal(
        faultOf(() => toOnTheFly({ name: 'x', uid }, 'mine')),
        'body.application.uid application_uid_missing',
      )
    }
    assert.equal(
      faultOf(() => toOnTheFly({ name: 'x', uid: 'other' }, 'mine')),
      'body.application.uid application_uid_mismatch',
    )
  })
})

test('both namings of the rate: either, or both alike (webhook-api 4.1)', () => {
  assert.deepEqual(toNew({ name: 'x', rateLimit: null, throttleRate: null }), { name: 'x', throttleRate: null })
  assert.equal(
    faultOf(() => toNew({ name: 'x', rateLimit: 5, throttleRate: null })),
    'body.rateLimit value_error',
  )
})

test('PUT sets what is missing to its default, and leaves the uid (webhook-api 4.3)', () => {
  const defaults = { name: 'x', uid: undefined, throttleRate: null, metadata: {} }
  assert.deepEqual(toReplacement({ name: 'x' }), defaults)
  assert.deepEqual(toReplacement({ name: 'x', uid: null }), defaults)
})
