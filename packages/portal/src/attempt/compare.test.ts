import type { AttemptDetail } from '@producersync/server/contract'
import { expect, test } from 'vitest'
import { compareAttempts } from './compare.ts'

const timings = { queueMs: 2, dnsMs: 14, connectMs: 21, tlsMs: 63, firstByteMs: 40, totalMs: 140, limitMs: 5_000 }
const failed = {
  failure: { title: 'Your endpoint is busy' },
  responseHead: {
    statusCode: 503,
    headers: [
      ['Retry-After', '5'],
      ['X-Same', '1'],
    ],
    sensitive: [],
  },
  responseBody: { text: 'busy', encoding: 'utf-8', bytes: 4 },
  connection: { address: '203.0.113.7', tlsVersion: 'TLSv1.3', certificateExpiresAt: null },
  timings,
} as unknown as AttemptDetail
const delivered = {
  ...failed,
  failure: null,
  responseHead: {
    statusCode: 204,
    headers: [
      ['x-same', '1'],
      ['X-Same', '1'],
    ],
    sensitive: [],
  },
  responseBody: null,
  timings: { ...timings, dnsMs: null, totalMs: 90 },
} as unknown as AttemptDetail

test('S8: two attempts are compared by result, status, each phase, headers and body; what is the same is said to be', () => {
  const facts = compareAttempts(failed, delivered)
  expect(facts.filter(({ differs }) => differs).map(({ name, one, other }) => [name, one, other])).toEqual([
    ['Result', 'Your endpoint is busy', 'Delivered'],
    ['Status', '503', '204'],
    ['DNS', '14 ms', '–'],
    ['Total', '140 ms', '90 ms'],
    ['Response header retry-after', '5', '–'],
    ['Response header x-same', '1', '1\n1'],
    ['Response body', 'busy', '–'],
  ])
  expect(facts.filter(({ differs }) => !differs).map(({ name }) => name)).toEqual([
    'Queue',
    'Connect',
    'TLS',
    'First byte',
    'Address',
    'TLS version',
  ])
  expect(compareAttempts(failed, failed).every(({ differs }) => !differs)).toBe(true)
})
