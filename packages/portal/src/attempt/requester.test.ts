import { expect, test } from 'vitest'
import { requesterWords } from './requester.ts'

test.each([
  ['person Ada Lovelace', 'Ada Lovelace · Person'],
  ['key billing sync', 'billing sync · API key'],
  ['staff Bob', 'Bob · Staff'],
  ['environment_key tok_1', 'environment_key tok_1'], // as it was kept before
  ['somebody', 'somebody'],
])('S7: asked for by %s reads %s', (text, words) => {
  expect(requesterWords(text)).toBe(words)
})
