import type { KnownEvent } from '@producersync/webhooks'

/** An event type that every environment has from its first start, and that its customers cannot change. */
export type ProducersyncType = {
  name: KnownEvent['type']
  description: string
  /** Goes only to endpoints that name it: not to those that chose its group, or nothing (= all). */
  optIn: boolean
  /** JSON Schema 2020-12 of the whole body, with examples. */
  schema: ReturnType<typeof bodySchema>
}

/** The group of all of them: an endpoint that has chosen it gets each type that is not opt-in. */
export const PRODUCERSYNC_GROUP = 'producersync'

/** A daily run can be read: the one type that is about a run and not about a producer. */
export const UPDATES_AVAILABLE = 'producersync.updates_available'

/** The version under which their schemas stand; a new one is added beside it, never instead. */
export const PRODUCERSYNC_SCHEMA_VERSION = '1'

const npn = {
  type: 'string',
  pattern: '^[1-9][0-9]{0,9}$',
  description: 'National Producer Number. A text: never padded or trimmed.',
}

/**
 * What the service tells its customers, and when: the source of the types' rows, of the documentation and of the examples.
 * @see spec/producersync-api.md, section 8
 */
export const producersyncTypes: readonly ProducersyncType[] = [
  {
    name: UPDATES_AVAILABLE,
    description:
      "The day's NIPR data has been processed and can be read, also when nothing changed. Pull the lists with updatedSince = runDate.",
    optIn: false,
    schema: bodySchema(
      UPDATES_AVAILABLE,
      {
        runDate: { type: 'string', format: 'date', description: 'The day of the run: the updatedSince to pull with.' },
      },
      {
        id: 'evt_3Aa0F8E2yHdqfp6y2gwa1x3KJ8m',
        timestamp: '2026-03-06T16:41:07.120Z',
        data: { runDate: '2026-03-06' },
      },
    ),
  },
  {
    name: 'producersync.npn.activated',
    description: "A producer joined the account's monitored population.",
    optIn: false,
    schema: bodySchema(
      'producersync.npn.activated',
      { npn },
      { id: 'evt_3AZoD9ju2bxg58Q4PC2Ut9ld7gH', timestamp: '2026-03-06T15:02:11.004Z', data: { npn: '912484758' } },
    ),
  },
  {
    name: 'producersync.npn.deactivated',
    description: "A producer left the account's monitored population.",
    optIn: false,
    schema: bodySchema(
      'producersync.npn.deactivated',
      { npn },
      { id: 'evt_3AidCrb4ZDGc6aYNjhZNF6jG9kE', timestamp: '2026-03-09T18:00:00.000Z', data: { npn: '912484758' } },
    ),
  },
  {
    name: 'producersync.npn.data_ready',
    description:
      'The first data of a producer that joined the population can be read. Sent only to endpoints that name this type.',
    optIn: true,
    schema: bodySchema(
      'producersync.npn.data_ready',
      {
        npn,
        noLicenses: { type: 'boolean', description: 'NIPR knows the producer, and no licence of theirs.' },
      },
      {
        id: 'evt_3AZoEEEp7gOXn2xuGMWIu0whuDt',
        timestamp: '2026-03-06T15:02:19.552Z',
        data: { npn: '912484758', noLicenses: false },
      },
    ),
  },
]

/** The body of one type. Members may be added later, so unknown ones are allowed. */
function bodySchema<Type extends KnownEvent['type']>(
  type: Type,
  data: { [Field in keyof DataOf<Type>]: object },
  example: { id: string; timestamp: string; data: DataOf<Type> },
) {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    title: type,
    type: 'object',
    required: ['id', 'type', 'timestamp', 'data'],
    properties: {
      id: {
        type: 'string',
        pattern: '^evt_[0-9A-Za-z]{27}$',
        description: 'The same on every attempt and replay; webhook-id is msg_ and the same 27 characters.',
      },
      type: { type: 'string', const: type },
      timestamp: { type: 'string', format: 'date-time', description: 'When it happened, in UTC.' },
      data: { type: 'object', required: Object.keys(data), properties: data },
    },
    examples: [{ id: example.id, type, timestamp: example.timestamp, data: example.data }],
  }
}

type DataOf<Type extends KnownEvent['type']> = Extract<KnownEvent, { type: Type }>['data']
