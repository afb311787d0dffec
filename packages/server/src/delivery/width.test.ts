import { describe, expect, test } from 'vitest'
import { WIDEN_MS, Width } from './width.ts'

const MAX = 20

/** What may be under way at each look while so many are due, and attempts end so often. */
function widthsOf(parts: { due: number; endsEveryMs: number; looks: number; lateMs?: number; max?: number }): number[] {
  const width = new Width()
  const { due, endsEveryMs, looks, lateMs = 0, max = MAX } = parts
  const widths: number[] = []
  let lastEndMs = 0
  for (let nowMs = 0; widths.length < looks; nowMs += 1) {
    width.wait(nowMs)
    if (nowMs - lastEndMs >= endsEveryMs) {
      lastEndMs = nowMs
      width.moved(endsEveryMs)
      width.wait(nowMs)
    }
    if (nowMs % WIDEN_MS !== 0) continue
    width.widen(max, due, nowMs, { lateMs, mayHang: false })
    width.wait(nowMs)
    widths.push(widthOf(width))
  }
  return widths
}

function widthOf(width: Width): number {
  let count = 0
  while (width.admits(count)) count += 1
  return count
}

describe('how many attempts of a lane may be under way', () => {
  test('one, where a few wait for a receiver that answers soon', () => {
    expect(widthsOf({ due: 10, endsEveryMs: 5, looks: 20 })).toEqual(Array(20).fill(1))
  })

  test('twice as many each time that a receiver is waited for, up to what its endpoint takes', () => {
    const widths = widthsOf({ due: 10, endsEveryMs: 200, looks: 14 })
    expect(widths).toEqual([1, 1, 2, 2, 4, 4, 8, 8, 16, 16, 20, 20, 20, 20])
  })

  test('as many as it takes that few wait for each', () => {
    expect(widthsOf({ due: 100, endsEveryMs: 1, looks: 5 })).toEqual([2, 4, 8, 8, 8])
    expect(widthsOf({ due: 1_000, endsEveryMs: 1, looks: 6 })).toEqual([2, 4, 8, 16, 20, 20])
    expect(widthsOf({ due: 1_000, endsEveryMs: 1, looks: 3, max: 1 })).toEqual([1, 1, 1])
  })

  test('no more for attempts that take longer because this process is late itself', () => {
    expect(widthsOf({ due: 10, endsEveryMs: 100, looks: 20, lateMs: 30 })).toEqual(Array(20).fill(1))
    expect(widthsOf({ due: 10, endsEveryMs: 200, looks: 20, lateMs: 30 })).toContain(2)
  })

  test('two, where many hang and one that answered soon before does, until an attempt has ended', () => {
    const width = new Width()
    const look = (ms: number, { due = 10, mayHang = false } = {}) => {
      for (let nowMs = 0; nowMs < ms; nowMs += WIDEN_MS) {
        width.wait(nowMs)
        width.widen(MAX, due, nowMs, { lateMs: 0, mayHang })
      }
      return widthOf(width)
    }
    width.moved(5)
    expect(look(2_000)).toBe(2)
    expect(look(10, { due: 33 })).toBe(4) // so many wait that these would be too few if it answered, too
    expect(look(2_000)).toBe(4)
    width.moved(300)
    expect(look(200)).toBe(MAX)
    width.begin(0, 2_000)
    width.moved(5)
    expect(look(200, { mayHang: true })).toBe(MAX)
  })

  test('one again after a rest, and not before', () => {
    const width = new Width()
    width.widen(MAX, 1_000, 0, { lateMs: 0, mayHang: false })
    width.begin(0, 1_000)
    expect(widthOf(width)).toBe(2)
    width.begin(0, 1_001)
    expect(widthOf(width)).toBe(1)
  })
})
