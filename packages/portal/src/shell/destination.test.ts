import { expect, test } from 'vitest'
import { isWholeId, pageOfId } from './destination.ts'

const REST = '2yZwAbCdEfGhIjKlMnOpQrStUvW'

test.each([
  [`ep_${REST}`, `endpoints/ep_${REST}`],
  [`msg_${REST}`, `events/msg_${REST}`],
  [`evt_${REST}`, `events/msg_${REST}`],
  [`qtask_${REST}`, `replays/qtask_${REST}`],
  [`iss_${REST}`, `issues/iss_${REST}`],
  ['6b0c5a52-6f0e-4f83-9a1b-0d7d1f1a9c11', 'producers/jobs/6b0c5a52-6f0e-4f83-9a1b-0d7d1f1a9c11'],
  [`rprev_${REST}`, undefined],
])('S5.1: the whole id %s leads to %s', (id, path) => {
  expect(isWholeId(id)).toBe(true)
  expect(pageOfId(id)?.path).toBe(path)
})

test('S5.1: the beginning of an id, and an NPN, are looked for instead', () => {
  expect(['msg_2yZw', 'ep_', '15645555', 'hooks.example'].map(isWholeId)).toEqual([false, false, false, false])
})
