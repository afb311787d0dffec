import { expect, test } from 'vitest'
import { type ChunkItem, decideChunk, nextChunk } from './decide.ts'
import { type Npn, parseNpn } from './npn.ts'

const now = new Date('2026-03-06T15:02:11.004Z')
const earlier = new Date('2026-03-01T00:00:00.000Z')

test('malformed, active and inactive NPNs get their outcomes; only real changes are changes', () => {
  const items = [item(0, null), item(1, '1'), item(2, '2', true), item(3, '3', false)]
  const changed = (npn: string) => ({ npn, notBefore: now })
  expect(decideChunk('join', items, 10, now)).toEqual({
    outcomes: [
      { position: 0, outcome: 'invalid', reason: 'malformed' },
      { position: 1, outcome: 'added', reason: null },
      { position: 2, outcome: 'already_active', reason: null },
      { position: 3, outcome: 'added', reason: null },
    ],
    changes: [changed('1'), changed('3')],
  })
  expect(decideChunk('leave', items, 10, now)).toEqual({
    outcomes: [
      { position: 0, outcome: 'invalid', reason: 'malformed' },
      { position: 1, outcome: 'not_active', reason: null },
      { position: 2, outcome: 'removed', reason: null },
      { position: 3, outcome: 'not_active', reason: null },
    ],
    changes: [changed('2')],
  })
})

test.each([
  [2, ['added', 'already_active', 'added', 'invalid']],
  [1, ['added', 'already_active', 'invalid', 'invalid']],
  [0, ['invalid', 'already_active', 'invalid', 'invalid']],
  [-5, ['invalid', 'already_active', 'invalid', 'invalid']],
])('with room for %i the rest is invalid, and what is active already needs no room', (room, outcomes) => {
  const items = [item(0, '1'), item(1, '2', true), item(2, '3'), item(3, '4')]
  const decision = decideChunk('join', items, room, now)
  expect(decision.outcomes.map(({ outcome }) => outcome)).toEqual(outcomes)
  const refused = decision.outcomes.filter(({ outcome }) => outcome === 'invalid')
  expect(refused.every(({ reason }) => reason === 'limit_reached')).toBe(true)
})

test('rule 22: a change is later than the last one about its NPN, also when the clock stands or has gone back', () => {
  const at = (ms: number) => new Date(now.getTime() + ms)
  const known = (npn: string, changedAt: Date): ChunkItem => ({ ...item(0, npn), known: { active: false, changedAt } })
  const { changes } = decideChunk('join', [known('1', at(-1)), known('2', now), known('3', at(60_000))], 9, now)
  expect(changes.map(({ notBefore }) => notBefore)).toEqual([now, at(1), at(60_001)])
})

test.each([
  ['its elements in order', { type: 'add', distinct: 1_200, leaving: 0, processed: 500 }, 1, 'join', 500, 1_000],
  ['to the last one', { type: 'add', distinct: 1_200, leaving: 0, processed: 1_000 }, 1, 'join', 1_000, 1_200],
  ['what a replace removes first', { type: 'replace', distinct: 9, leaving: 700, processed: 0 }, 1, 'leave', 9, 509],
  ['all of that', { type: 'replace', distinct: 9, leaving: 700, processed: 500 }, 1, 'leave', 509, 709],
  ['then what it adds', { type: 'replace', distinct: 9, leaving: 700, processed: 700 }, 1, 'join', 0, 9],
  ['a removal', { type: 'remove', distinct: 9, leaving: 0, processed: 0 }, 0, 'leave', 0, 9],
  ['500 NPNs at most', { type: 'add', distinct: 900, leaving: 0, processed: 0 }, 10, 'join', 0, 500],
  ['5,000 deliveries at most', { type: 'add', distinct: 900, leaving: 0, processed: 0 }, 11, 'join', 0, 454],
  ['50 NPNs for 100 endpoints', { type: 'add', distinct: 900, leaving: 0, processed: 0 }, 100, 'join', 0, 50],
  ['never none', { type: 'add', distinct: 900, leaving: 0, processed: 0 }, 6_000, 'join', 0, 1],
] as const)('a chunk takes %s', (_, job, endpoints, action, from, to) => {
  expect(nextChunk(job, endpoints)).toEqual({ action, from, to })
})

function item(position: number, npn: string | null, active?: boolean): ChunkItem {
  const known = active === undefined ? null : { active, changedAt: earlier }
  return { position, npn: npn === null ? null : toNpn(npn), known }
}

function toNpn(text: string): Npn {
  const npn = parseNpn(text)
  if (npn === undefined) throw new Error(`${text} is no NPN`)
  return npn
}
