import { expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import { type Breaker, breakerAdmits, breakerAfterEnd, breakerAfterStart, CLOSED } from './breaker.ts'

const start = new Date('2026-03-01T00:00:00.000Z')
const at = (ms: number) => addMs(start, ms)

function silent(times: number, breaker: Breaker = CLOSED, when = start): Breaker {
  let state = breaker
  for (let time = 0; time < times; time += 1) state = breakerAfterEnd(breakerAfterStart(state), 'silent', when)
  return state
}

test('ten attempts in a row without a final status open it for 5 s; nine do not', () => {
  expect(breakerAdmits(silent(9), start)).toEqual({ admits: true })
  expect(breakerAdmits(silent(10), start)).toEqual({ admits: false, until: at(5_000) })
})

test('any final status in between starts the count again', () => {
  const nine = breakerAfterEnd(silent(9), 'answered', start)
  expect(breakerAdmits(silent(9, nine), start)).toEqual({ admits: true })
})

test('an attempt that sent nothing neither counts nor closes it, and another probe may go', () => {
  expect(breakerAfterEnd(silent(9), 'unsent', start)).toEqual(silent(9))
  const probing = breakerAfterStart(silent(10))
  expect(breakerAfterEnd(probing, 'unsent', at(5_100))).toEqual(silent(10))
  expect(breakerAdmits(breakerAfterEnd(probing, 'unsent', at(5_100)), at(5_100))).toEqual({ admits: true })
})

test('when its time is over, one probe goes out and no second beside it', () => {
  const open = silent(10)
  expect(breakerAdmits(open, at(5_000))).toEqual({ admits: true })
  expect(breakerAdmits(breakerAfterStart(open), at(5_000))).toEqual({ admits: false, until: null })
})

test('a probe that is answered closes it', () => {
  expect(breakerAfterEnd(breakerAfterStart(silent(10)), 'answered', at(5_100))).toEqual(CLOSED)
})

test('probes that meet silence double the wait, up to 60 s', () => {
  let breaker = silent(10)
  let now = start
  const waits: number[] = []
  for (let round = 0; round < 6; round += 1) {
    const until = breaker.openUntil ?? start
    waits.push((until.getTime() - now.getTime()) / 1000)
    now = until
    breaker = breakerAfterEnd(breakerAfterStart(breaker), 'silent', now)
  }
  expect(waits).toEqual([5, 10, 20, 40, 60, 60])
})

test('attempts that had started before it opened do not lengthen it', () => {
  const open = silent(10)
  expect(breakerAfterEnd(open, 'silent', at(1_000)).openUntil).toEqual(at(5_000))
})
