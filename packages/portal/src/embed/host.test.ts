import { expect, test } from 'vitest'
import { hostsOf, parseFromHost } from './host.ts'

test('only whole origins are hosts', () => {
  expect(hostsOf('https://a.example https://b.example:8443')).toEqual(['https://a.example', 'https://b.example:8443'])
  expect(hostsOf('* https://a.example/path javascript:alert(1) __FRAME_HOSTS__')).toEqual([])
  expect(hostsOf('')).toEqual([])
  expect(hostsOf(null)).toEqual([])
})

test.each([
  [
    { type: 'psapi:session', key: 'abc' },
    { type: 'psapi:session', key: 'abc' },
  ],
  [
    { type: 'psapi:session', key: 'abc', more: 1 },
    { type: 'psapi:session', key: 'abc' },
  ],
  [
    { type: 'psapi:theme', scheme: 'dark' },
    { type: 'psapi:theme', scheme: 'dark' },
  ],
  [{ type: 'psapi:session', key: '' }, undefined],
  [{ type: 'psapi:session', key: 'x'.repeat(513) }, undefined],
  [{ type: 'psapi:session', key: { toString: 'abc' } }, undefined],
  [{ type: 'psapi:theme', scheme: 'red; background: url(//evil.example)' }, undefined],
  [{ type: 'psapi:navigate', path: '/a' }, undefined],
  ['psapi:session', undefined],
  [null, undefined],
])('of %j a page hears %j', (data, heard) => {
  expect(parseFromHost(data)).toEqual(heard)
})
