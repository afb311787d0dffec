import { describe, expect, expectTypeOf, test } from 'vitest'
import { isKnown, type KnownEvent, parseEvent, type UnknownEvent, type WebhookEvent } from './index.ts'

const activated = {
  id: 'evt_3AZoD9ju2bxg58Q4PC2Ut9ld7gH',
  type: 'producersync.npn.activated',
  timestamp: '2026-03-06T15:02:11.004Z',
  data: { npn: '912484758' },
}

test.each([
  { ...activated },
  { ...activated, type: 'producersync.npn.deactivated' },
  { ...activated, type: 'producersync.npn.data_ready', data: { npn: '912484758', noLicenses: false } },
  { ...activated, type: 'producersync.updates_available', data: { runDate: '2026-03-06' } },
])('$type is known', (body) => {
  const event = parseEvent(body)
  expect(event).toEqual(body)
  expect(isKnown(event)).toBe(true)
})

test.each(['webhook.ping', 'producersync.npn.renamed', 'toString', '__proto__'])(
  '%s is an event, but not known',
  (type) => {
    const event = parseEvent({ ...activated, type, data: {} })
    expect(event.type).toBe(type)
    expect(isKnown(event)).toBe(false)
  },
)

test('fields that are not known are kept', () => {
  const body = { ...activated, region: 'TX', data: { npn: '912484758', reason: 'added' } }
  expect(parseEvent(body)).toEqual(body)
})

test.each([
  ['body', []],
  ['body', null],
  ['body', 'text'],
  ['id', { ...activated, id: 7 }],
  ['id', { ...activated, id: '' }],
  ['type', { ...activated, type: undefined }],
  ['timestamp', { ...activated, timestamp: 'yesterday' }],
  ['timestamp', { ...activated, timestamp: 1772809332 }],
  ['data', { ...activated, data: null }],
  ['data', { ...activated, data: [] }],
  ['data.npn', { ...activated, data: { npn: 912484758 } }],
  ['data.runDate', { ...activated, type: 'producersync.updates_available' }],
  ['data.noLicenses', { ...activated, type: 'producersync.npn.data_ready' }],
])('what is not an event is refused, naming %s', (field, body) => {
  expect(() => parseEvent(body)).toThrow(
    expect.objectContaining({ code: 'invalid_event', message: expect.stringContaining(`see its ${field}.`) }),
  )
})

// Checked by the compiler: `tsc --build` fails when one of these is no longer so.
describe('types', () => {
  test('after isKnown, the type of an event tells its data', () => {
    const read = (event: WebhookEvent): string => {
      if (!isKnown(event)) {
        expectTypeOf(event).toEqualTypeOf<UnknownEvent>()
        return event.type
      }
      expectTypeOf(event).toEqualTypeOf<KnownEvent>()
      switch (event.type) {
        case 'producersync.updates_available':
          expectTypeOf(event.data).toEqualTypeOf<{ runDate: string }>()
          return event.data.runDate
        case 'producersync.npn.activated':
        case 'producersync.npn.deactivated':
          expectTypeOf(event.data).toEqualTypeOf<{ npn: string }>()
          return event.data.npn
        case 'producersync.npn.data_ready':
          expectTypeOf(event.data).toEqualTypeOf<{ npn: string; noLicenses: boolean }>()
          return event.data.npn
        default:
          return event satisfies never
      }
    }
    expect(read(parseEvent(activated))).toBe('912484758')
  })

  test('without isKnown it does not: a member whose type is any string spoils it', () => {
    const read = (event: WebhookEvent): unknown => {
      // @ts-expect-error: data may be an UnknownEvent's, which has no npn of type string
      if (event.type === 'producersync.npn.activated') expectTypeOf(event.data).toEqualTypeOf<{ npn: string }>()
      return event.data
    }
    expect(read(parseEvent(activated))).toEqual(activated.data)
  })
})
