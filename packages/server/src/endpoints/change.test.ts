import { expect, test } from 'vitest'
import { effectsOf } from './change.ts'
import type { EndpointSettings } from './endpoint.ts'

const before: EndpointSettings = {
  url: 'https://receiver.northwind.com/hook',
  description: 'a',
  uid: 'main',
  disabled: false,
  eventTypes: ['producersync'],
  channels: null,
  throttleRate: 10,
  metadata: { a: '1' },
  timeoutMs: null,
  retrySchedule: [5, 60],
  maxConcurrency: null,
  ordering: 'none',
}
const nothing = { obeyed: false, moved: false, turned: null, tested: false }
const moved = { url: 'https://receiver.northwind.com/other' }

test.each<[string, Partial<EndpointSettings>, Partial<ReturnType<typeof effectsOf>>]>([
  ['nothing', {}, {}],
  ['description', { description: 'b' }, {}],
  ['uid', { uid: null }, {}],
  ['metadata', { metadata: {} }, {}],
  ['event types', { eventTypes: null }, {}],
  ['channels', { channels: ['a'] }, {}],
  ['the same schedule', { retrySchedule: [5, 60] }, {}],
  ['schedule', { retrySchedule: [5, 61] }, { obeyed: true }],
  ['no schedule', { retrySchedule: null }, { obeyed: true }],
  ['one attempt', { retrySchedule: [] }, { obeyed: true }],
  ['timeout', { timeoutMs: 1000 }, { obeyed: true }],
  ['rate', { throttleRate: null }, { obeyed: true }],
  ['concurrency', { maxConcurrency: 1 }, { obeyed: true }],
  ['ordering', { ordering: 'fifo' }, { obeyed: true }],
  ['disabled', { disabled: true }, { obeyed: true, turned: 'disabled' }],
  ['URL', moved, { obeyed: true, moved: true, tested: true }],
  ['URL, and disabled', { ...moved, disabled: true }, { obeyed: true, moved: true, turned: 'disabled' }],
])('48: a change of %s', (_, change, effects) => {
  expect(effectsOf(before, { ...before, ...change })).toEqual({ ...nothing, ...effects })
})

test('enabling sends no test by itself, with another URL it does, and none goes out while disabled', () => {
  const disabled = { ...before, disabled: true }
  expect(effectsOf(disabled, before)).toEqual({ ...nothing, obeyed: true, turned: 'enabled' })
  expect(effectsOf(disabled, { ...before, ...moved })).toEqual({
    obeyed: true,
    moved: true,
    turned: 'enabled',
    tested: true,
  })
  expect(effectsOf(disabled, { ...disabled, ...moved })).toEqual({ ...nothing, obeyed: true, moved: true })
})
