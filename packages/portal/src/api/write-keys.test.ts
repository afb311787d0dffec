import { expect, test } from 'vitest'
import { WriteKeys } from './write-keys.ts'

test('G13: a write that is tried again has its key, another one has another, and so has the next after an answer', () => {
  const keys = new WriteKeys()
  const first = keys.keyFor({ url: 'https://a.example' })
  expect(keys.keyFor({ url: 'https://a.example' })).toBe(first)
  expect(keys.keyFor({ url: 'https://b.example' })).not.toBe(first)
  expect(keys.keyFor({ url: 'https://a.example' })).toBe(first)
  keys.done()
  expect(keys.keyFor({ url: 'https://a.example' })).not.toBe(first)
})
