import { describe, expect, test } from 'vitest'
import { addMs } from '#src/adapters/clock.ts'
import type { AttemptOutcome, Cause, ReceiverWish } from './delivery.ts'
import { type FailureClock, moveFailureClock, NO_FAILURES } from './failure-clock.ts'

const HOUR = 3_600_000
const start = new Date('2026-03-01T00:00:00.000Z')
const policy = { disableFailing: true, disableAfterDays: 5 }
const failure: AttemptOutcome = { kind: 'responded', status: 500 }
const success: AttemptOutcome = { kind: 'responded', status: 204 }

type Step = { atHours: number; outcome?: AttemptOutcome; cause?: Cause; wishes?: ReceiverWish[] }

function play(steps: Step[], given: FailureClock = NO_FAILURES, rules = policy) {
  let clock = given
  let disable: string | null = null
  const warnings: { atHours: number; percent: number }[] = []
  for (const { atHours, outcome = failure, cause = 'event', wishes = [] } of steps) {
    const endedAt = addMs(start, atHours * HOUR)
    const moved = moveFailureClock(clock, { outcome, wishes: new Set(wishes), cause, endedAt }, rules)
    clock = moved.clock
    disable ??= moved.disable
    warnings.push(...moved.warnings.map((percent) => ({ atHours, percent })))
  }
  return { clock, disable, warnings }
}

const every = (hours: number, count: number): Step[] =>
  Array.from({ length: count }, (_, index) => ({ atHours: hours * index }))

describe('an endpoint is disabled', () => {
  test('by a failure 5 days after the first, with at least 10 counted', () => {
    expect(play(every(12, 10)).disable).toBeNull() // 108 h
    expect(play(every(12, 11)).disable).toBe('failures') // 120 h
  })
  test('not by 9 failures over 6 days', () => {
    expect(play(every(16, 9)).disable).toBeNull()
  })
  test('not when one attempt succeeded at day 4.9', () => {
    const steps = [...every(12, 10), { atHours: 117.6, outcome: success }, { atHours: 120 }, { atHours: 132 }]
    expect(play(steps).disable).toBeNull()
  })
  test('not by two failures 48 h apart and more: a new streak begins', () => {
    const { clock, disable } = play([...every(12, 10), { atHours: 108 + 49 }])
    expect(disable).toBeNull()
    expect(clock.failures).toBe(1)
  })
  test('not when the environment says so', () => {
    const { clock, disable } = play(every(12, 20), NO_FAILURES, { ...policy, disableFailing: false })
    expect(disable).toBeNull()
    expect(clock.failures).toBe(20)
  })
  test('by 410 at once', () => {
    expect(play([{ atHours: 0, outcome: { kind: 'responded', status: 410 } }]).disable).toBe('gone')
  })
  test('when the receiver asks for it, also with a 2xx', () => {
    expect(play([{ atHours: 0, outcome: success, wishes: ['disable'] }]).disable).toBe('receiver_request')
    expect(play([{ atHours: 0, wishes: ['disable'] }]).disable).toBe('receiver_request')
  })
})

describe('warnings', () => {
  const warned = [
    { atHours: 60, percent: 50 },
    { atHours: 84, percent: 70 },
    { atHours: 108, percent: 90 },
  ]
  test('come with the first failures at 50, 70 and 90 % of the time, each once', () => {
    expect(play(every(12, 12)).warnings).toEqual(warned)
  })
  test('come also where nothing is disabled for failing', () => {
    expect(play(every(12, 20), NO_FAILURES, { ...policy, disableFailing: false }).warnings).toEqual(warned)
  })
  test('come together when nothing was attempted in between', () => {
    const steps = [{ atHours: 0 }, { atHours: 48 }, { atHours: 90 }, { atHours: 91 }]
    expect(play(steps).warnings).toEqual([50, 70].map((percent) => ({ atHours: 90, percent })))
  })
  test('come anew in the next streak', () => {
    const steps = [
      ...every(12, 10),
      { atHours: 110, outcome: success },
      ...every(12, 6).map(({ atHours }) => ({ atHours: 112 + atHours })),
    ]
    expect(play(steps).warnings).toEqual([...warned, { atHours: 172, percent: 50 }])
  })
})

describe('the failure clock', () => {
  test.each<Cause>(['test', 'resend'])('is not started by a %s, but cleared by one that succeeds', (cause) => {
    expect(play([{ atHours: 0, cause }]).clock).toEqual(NO_FAILURES)
    expect(play([{ atHours: 0 }, { atHours: 1, cause, outcome: success }]).clock).toEqual(NO_FAILURES)
  })
  test.each<Cause>(['event', 'replay', 'recover'])('runs by attempts of cause %s', (cause) => {
    expect(
      play([
        { atHours: 0, cause },
        { atHours: 1, cause },
      ]).clock,
    ).toEqual({
      failingSince: start,
      failures: 2,
      lastAttemptAt: addMs(start, HOUR),
      warnedPercent: 0,
    })
  })
  test('is left alone by what did not happen at the endpoint', () => {
    const running = play([{ atHours: 0 }]).clock
    expect(play([{ atHours: 1, outcome: { kind: 'canceled', why: 'endpoint_disabled' } }], running).clock).toBe(running)
    expect(play([{ atHours: 1, outcome: { kind: 'interrupted' } }], running).clock).toBe(running)
  })
})
