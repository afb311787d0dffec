import { expect, test } from 'vitest'
import { changeWords } from './change-words.ts'

test.each([
  [{ field: 'disabled', before: false, after: true, withheld: false }, 'disabled: false → true'],
  [{ field: 'eventTypes', before: null, after: ['a.b'], withheld: false }, 'eventTypes: ["a.b"]'],
  [{ field: 'rate', before: 5, after: null, withheld: false }, 'rate: 5 → –'],
  [{ field: 'headers', before: null, after: null, withheld: true }, 'headers: changed, not shown'],
  [{ field: 'url', before: '', after: 'x'.repeat(200), withheld: false }, `url: ${'x'.repeat(80)}…`],
])('%j reads %s', (change, words) => {
  expect(changeWords(change)).toBe(words)
})
