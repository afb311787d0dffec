import { expect, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { Turns } from './turns.ts'

test('an account has two turns at a time; further ones follow in order, and no other account waits for them', async () => {
  const turns = new Turns(new ManualClock(), 2)
  const begun: string[] = []
  const begin = (account: string, name: string) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    const done = turns.take(account, async () => {
      begun.push(name)
      await promise
      return name
    })
    return { end: resolve, done }
  }
  const [a, b, c, d] = [begin('one', 'a'), begin('one', 'b'), begin('one', 'c'), begin('one', 'd')]
  const other = begin('other', 'x')
  expect(begun).toEqual(['a', 'b', 'x'])
  b.end()
  expect(await b.done).toBe('b')
  await expect.poll(() => begun).toEqual(['a', 'b', 'x', 'c'])
  for (const { end } of [a, c, d, other]) end()
  expect(await Promise.all([a, c, d, other].map(({ done }) => done))).toEqual(['a', 'c', 'd', 'x'])
  expect(begun).toEqual(['a', 'b', 'x', 'c', 'd'])
})

test('one that fails hands its turn over', async () => {
  const turns = new Turns(new ManualClock(), 1)
  const failed = turns.take('one', async () => {
    throw new Error('the database is away')
  })
  const next = turns.take('one', async () => 'done')
  await expect(failed).rejects.toThrow('the database is away')
  expect(await next).toBe('done')
})

test('whoever has waited for 2 s, or is the 101st to wait, is told to come again', async () => {
  const clock = new ManualClock()
  const turns = new Turns(clock, 1)
  const { promise, resolve } = Promise.withResolvers<void>()
  const first = turns.take('one', () => promise)
  const waiting = Array.from({ length: 100 }, () => turns.take('one', async () => 'done'))
  await expect(turns.take('one', async () => 'done')).rejects.toMatchObject({ code: 'unavailable' })
  const settled = Promise.allSettled(waiting)
  clock.advanceMs(2_000)
  expect((await settled).map(({ status }) => status)).toEqual(Array.from({ length: 100 }, () => 'rejected'))
  resolve()
  await first
  expect(await turns.take('one', async () => 'done')).toBe('done')
  expect(clock.alarms).toBe(0)
})
