import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Ring } from './ring.ts'

const lane = (accountId: string, name: string) => ({ accountId, name })

test('accounts take turns, however many lanes they have', () => {
  const ring = new Ring<ReturnType<typeof lane>>()
  for (const name of ['a1', 'a2', 'a3', 'a4']) ring.add(lane('a', name))
  ring.add(lane('b', 'b1'))
  ring.add(lane('c', 'c1'))
  const turns = Array.from({ length: 6 }, () => ring.take()?.name)
  expect(turns).toEqual(['a1', 'b1', 'c1', 'a2', 'a3', 'a4'])
  expect(ring.isEmpty).toBe(true)
})

test('a lane that is added again waits for all others of its account', () => {
  const ring = new Ring<ReturnType<typeof lane>>()
  const [first, second] = [lane('a', 'a1'), lane('a', 'a2')]
  ring.add(first)
  ring.add(second)
  const turns: string[] = []
  for (let turn = 0; turn < 4; turn += 1) {
    const next = ring.take()
    if (!next) break
    turns.push(next.name)
    ring.add(next)
  }
  expect(turns).toEqual(['a1', 'a2', 'a1', 'a2'])
})

test('it holds exactly what was added and not removed or taken', () => {
  const name = fc.tuple(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2', '3'))
  const step = fc.oneof(
    fc.record({ kind: fc.constant('add'), name }),
    fc.record({ kind: fc.constant('remove'), name }),
    fc.record({ kind: fc.constant('take'), name }),
  )
  const lanes = new Map(
    ['a', 'b', 'c'].flatMap((account) => ['1', '2', '3'].map((n) => [account + n, lane(account, account + n)])),
  )
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const ring = new Ring<ReturnType<typeof lane>>()
      const model = new Set<string>()
      for (const {
        kind,
        name: [account, number],
      } of steps) {
        const known = lanes.get(account + number)
        if (!known) throw new Error('unknown lane')
        if (kind === 'add') {
          ring.add(known)
          model.add(known.name)
        } else if (kind === 'remove') {
          ring.remove(known)
          model.delete(known.name)
        } else {
          const taken = ring.take()
          expect(taken === undefined).toBe(model.size === 0)
          if (taken) expect(model.delete(taken.name)).toBe(true)
        }
        expect(ring.isEmpty).toBe(model.size === 0)
      }
    }),
  )
})
