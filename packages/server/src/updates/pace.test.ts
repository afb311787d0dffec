import { expect, test } from 'vitest'
import { Pace } from './pace.ts'

test('reports are asked for one every 10 ms while somebody reads and for a second after that, else at once', async () => {
  let now = 5_000
  const waits: number[] = []
  const pace = new Pace({ now: () => now, wait: async (ms) => waits.push(ms) })
  const { signal } = new AbortController()
  const askFor = async (reports: number) => {
    waits.length = 0
    for (let count = 0; count < reports; count += 1) await pace.report(signal)
    return [...waits]
  }
  expect(await askFor(20)).toEqual([])
  pace.noteRead()
  expect(await askFor(4)).toEqual([10, 20, 30])
  now += 35 // all of these have been asked for
  expect(await askFor(2)).toEqual([5, 15])
  now += 965
  expect(await askFor(2)).toEqual([10])
  now += 1
  expect(await askFor(20)).toEqual([])
})

test('a run that is stopped does not wait for its turn', async () => {
  const pace = new Pace()
  const stop = new AbortController()
  pace.noteRead()
  const asked = Array.from({ length: 100 }, () => pace.report(stop.signal))
  stop.abort()
  const ends = await Promise.allSettled(asked)
  expect(ends.filter(({ status }) => status === 'rejected').length).toBeGreaterThan(90)
})
