import { expect, test } from 'vitest'
import { DEFAULT_FAULTS, parseOptions } from './options.ts'
import { UsageFault } from './usage.ts'

test('the defaults are those of the specification', () => {
  expect(parseOptions([], 7)).toMatchObject({
    seed: 7,
    durationS: 60,
    faults: DEFAULT_FAULTS,
    skipped: [],
    break: null,
  })
})

test('all names faults that are not built: they are skipped, and said so', () => {
  const { faults, skipped } = parseOptions(['--faults', 'all'], 7)
  expect(faults).toEqual(DEFAULT_FAULTS)
  expect(skipped.map(({ part }) => part)).toEqual(['disk-full', 'slow-disk', 'clock', 'power-cut'])
})

test.each([
  [['--faults', 'kill,flood']],
  [['--break', 'everything']],
  [['--duration', '0']],
  [['--seed', 'x']],
  [['--verbose']],
  [['now']],
])('%j is refused', (args) => {
  expect(() => parseOptions(args, 7)).toThrow(UsageFault)
})
