import { expect, test } from 'vitest'
import { DEFAULT_FAULTS, DISK_FAULTS, parseOptions, without } from './options.ts'
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

test('all adds those that a machine may not allow: there they are skipped, and said so', () => {
  const options = parseOptions(['--faults', 'all'], 7)
  expect(options.faults.toSorted()).toEqual(
    [...DEFAULT_FAULTS, 'disk-full', 'slow-disk', 'clock', 'power-cut'].toSorted(),
  )
  const { faults, skipped } = without(options, DISK_FAULTS, 'no disk')
  expect(faults).toEqual([...DEFAULT_FAULTS, 'clock'])
  expect(skipped).toEqual(DISK_FAULTS.map((part) => ({ part, reason: 'no disk' })))
  expect(without(parseOptions([], 7), DISK_FAULTS, 'no disk').skipped).toEqual([])
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
