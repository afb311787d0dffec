import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import * as core from './index.ts'
import * as node from './node.ts'

type VectorCase = {
  name: string
  secrets: string[]
  headers: [string, string][]
  body?: string
  bodyBase64?: string
  now: number
  toleranceSeconds?: number
  maxBytes?: number
  expect: 'ok' | core.VerificationCode
}
const { cases }: { cases: VectorCase[] } = JSON.parse(readFileSync(new URL('../vectors.json', import.meta.url), 'utf8'))

describe.each([
  ['core', core],
  ['node', node],
])('vectors.json, %s', (_, { verify }) => {
  test.each(cases)('$expect: $name', async ({ body, bodyBase64 = '', headers, now, secrets, ...given }) => {
    const bytes = body === undefined ? Buffer.from(bodyBase64, 'base64') : Buffer.from(body)
    const options = { ...given, secrets, now: new Date(now * 1000) }
    // Twice: some hand over bytes, some text, and it must not matter.
    for (const form of body === undefined ? [bytes] : [bytes, body]) {
      const verdict = (async () => verify(form, headers, options))()
      if (given.expect === 'ok') await expect(verdict).resolves.toEqual(JSON.parse(bytes.toString()))
      else await expect(verdict).rejects.toMatchObject({ name: 'VerificationError', code: given.expect })
    }
  })
})

test('there are at least 60 cases, good and bad, and every code that a receiver in any language can give', () => {
  expect(cases.length).toBeGreaterThanOrEqual(60)
  expect([...new Set(cases.map((one) => one.expect))].sort()).toEqual([
    'body_too_large',
    'invalid_header',
    'invalid_json',
    'invalid_secret',
    'missing_header',
    'no_matching_signature',
    'ok',
    'timestamp_out_of_range',
  ])
})
