import { expect, test } from 'vitest'
import { parseHints, writeHints } from './wake.ts'

const lane = { shard: 7, accountId: 'app_wake', endpointId: 'ep_wake' }
const other = { shard: 0, accountId: 'app_wake', endpointId: 'ep_other' }

test('a hint says of each lane whether its endpoint has changed', () => {
  const hints = [
    { ...lane, isChanged: true },
    { ...other, isChanged: false },
  ]
  expect(parseHints(writeHints(hints))).toEqual(hints)
})

test('hints of releases that say nothing of changes may be of one, and what cannot be read is left out', () => {
  expect(parseHints('7 app_wake ep_wake,,x app_wake ep_other,1 app_wake')).toEqual([{ ...lane, isChanged: true }])
})
