import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ManualClock } from '../../test/manual-clock.ts'
import { IdSource, isId, isKsuid, ksuidFloor, ksuidTime } from './ids.ts'

const start = '2026-03-06T15:00:00.003Z'

describe('ids', () => {
  test('have 27 base-62 digits, sort by time, and tell their time cut to 4 ms', () => {
    const clock = new ManualClock(start)
    const ids = new IdSource(clock)
    let last = ''
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 100_000 }), (ms) => {
        clock.advanceMs(ms)
        const { ksuid, at } = ids.next()
        expect(isKsuid(ksuid)).toBe(true)
        expect(ksuid > last).toBe(true)
        expect(at.getTime()).toBe(Math.floor(clock.now().getTime() / 4) * 4)
        expect(ksuidTime(ksuid)).toEqual(at)
        last = ksuid
      }),
    )
  })

  test('of one process are never out of order, even when its clock steps back', () => {
    const ids = new IdSource(new ManualClock(start))
    const moments = [0, 10, 10, -50, 3, 11, -1_000, 12].map((ms) => new Date(new Date(start).getTime() + ms))
    const made = moments.map((moment) => ids.next(moment))
    expect(made.map(({ ksuid }) => ksuid)).toEqual(made.map(({ ksuid }) => ksuid).sort())
    expect(made[3]?.at).toEqual(made[2]?.at)
  })

  test('a hundred thousand of one moment differ', () => {
    const ids = new IdSource(new ManualClock(start))
    const made = new Set(Array.from({ length: 100_000 }, () => ids.next().ksuid))
    expect(made.size).toBe(100_000)
  })

  test('the floor of a moment lies at or below every id of it, and above every earlier one', () => {
    const clock = new ManualClock(start)
    const ids = new IdSource(clock)
    const before = ids.next().ksuid
    clock.advanceMs(4)
    const floor = ksuidFloor(clock.now())
    const after = ids.next().ksuid
    expect(before < floor && floor <= after).toBe(true)
  })

  test('are the number of their 160 bits, in base 62', () => {
    const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
    const written = (value: bigint): string =>
      value === 0n ? '' : written(value / 62n) + digits.charAt(Number(value % 62n))
    fc.assert(
      fc.property(
        fc.date({ min: new Date('2014-05-13T16:53:20Z'), max: new Date('2150-01-01'), noInvalidDate: true }),
        (moment) => {
          const ms = moment.getTime() - 1_400_000_000_000
          const seconds = BigInt(Math.floor(ms / 1000))
          const bits = (seconds << 128n) | (BigInt(Math.floor((ms % 1000) / 4)) << 120n)
          expect(ksuidFloor(moment)).toBe(written(bits).padStart(27, '0'))
        },
      ),
    )
  })

  test.each([
    ['aWgEPTl1tmebfsQzFP4bxwgy80V', true], // 160 bits, all set
    ['aWgEPTl1tmebfsQzFP4bxwgy80W', false],
    ['zzzzzzzzzzzzzzzzzzzzzzzzzzz', false],
    ['000000000000000000000000000', true],
    ['00000000000000000000000000', false],
    ['00000000000000000000000000-', false],
  ])('%s is an id: %s', (text, expected) => {
    expect(isKsuid(text)).toBe(expected)
    expect(isId(`msg_${text}`, 'msg_')).toBe(expected)
  })
})
