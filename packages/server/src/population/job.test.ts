import { expect, test } from 'vitest'
import { DomainError } from '#src/domain-error.ts'
import { endOf, endWhenStopped, type JobCounts, type JobType, parseJobRequest } from './job.ts'

const none: JobCounts = { added: 0, already_active: 0, removed: 0, not_active: 0, invalid: 0 }

test('rule 14: each distinct element has one place, the first; malformed ones keep their text', () => {
  const request = parseJobRequest('add', ['2', '00123', '1', '2', '00123', '', '\u0000\ud800'], false)
  expect(request).toEqual({
    type: 'add',
    requested: 7,
    items: [
      { npn: '2' },
      { npn: null, malformed: '00123' },
      { npn: '1' },
      { npn: null, malformed: '' },
      { npn: null, malformed: '\u0000\ud800' },
    ],
  })
})

test.each<[JobType, unknown, string]>([
  ['add', {}, 'body: must be a JSON array'],
  ['add', 'text', 'body: must be a JSON array'],
  ['add', null, 'body: must be a JSON array'],
  ['add', [], 'body: must hold at least one NPN'],
  ['remove', [], 'body: must hold at least one NPN'],
  ['add', ['1', '2', 3], 'body[2]: must be a string'],
  ['replace', [null], 'body[0]: must be a string'],
  ['remove', ['1', ['2']], 'body[1]: must be a string'],
])('a %s of %j is refused: %s', (type, body, message) => {
  expect(() => parseJobRequest(type, body, true)).toThrow(message)
})

test('rule 13: 50,000 elements are taken, 50,001 refused, duplicates counted', () => {
  const most = Array.from({ length: 50_000 }, () => '1')
  expect(parseJobRequest('add', most, false)).toEqual({ type: 'add', requested: 50_000, items: [{ npn: '1' }] })
  expect(() => parseJobRequest('add', [...most, '1'], false)).toThrow(DomainError)
})

test.each([[[]], [['00123', 'x']]])('rule 15: a replace by %j needs confirmEmpty', (body) => {
  expect(() => parseJobRequest('replace', body, false)).toThrow('confirmEmpty')
  expect(parseJobRequest('replace', body, true).requested).toBe(body.length)
})

test('rule 15: one valid NPN is enough for a replace', () => {
  expect(parseJobRequest('replace', ['x', '1'], false).items).toHaveLength(2)
})

test.each<[Partial<JobCounts>, string, string]>([
  [{}, 'succeeded', 'failed'],
  [{ added: 1, already_active: 2 }, 'succeeded', 'partly_failed'],
  [{ not_active: 3 }, 'succeeded', 'partly_failed'],
  [{ invalid: 1, removed: 1 }, 'partly_failed', 'partly_failed'],
  [{ invalid: 4 }, 'failed', 'partly_failed'],
])('outcomes %j end a job as %s; when it is stopped, as %s', (counts, end, stopped) => {
  expect(endOf({ ...none, ...counts })).toBe(end)
  expect(endWhenStopped({ ...none, ...counts })).toBe(stopped)
})
