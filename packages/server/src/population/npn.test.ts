import { expect, test } from 'vitest'
import { parseNpn } from './npn.ts'

test.each(['1', '15645555', '912484758', '9999999999'])('%s is an NPN', (text) => {
  expect(parseNpn(text)).toBe(text)
})

test.each(['', '0', '00123', '12345678901', '-1', '+1', '1.0', '1e3', ' 1', '1 ', '1\n', '１', '1\u0000', 'a'])(
  '%j is no NPN: nothing is padded, trimmed or converted',
  (text) => {
    expect(parseNpn(text)).toBeUndefined()
  },
)
