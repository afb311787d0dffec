import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { NPN, sources } from '#src/population/npn.ts'
import { MONITORED_STATES } from './monitored.ts'

const count = Type.Integer({ minimum: 0 })
const date = Type.String({ format: 'date' })

const monitoredFields = {
  npn: Type.String({ pattern: NPN.source }),
  name: nullable(Type.String({ description: 'As people write it; null until there is data, and once it is removed.' })),
  kind: nullable(oneOf(['individual', 'firm'])),
  state: oneOf(MONITORED_STATES),
  asOf: nullable(Type.String({ format: 'date', description: 'The day whose NIPR data this is; null without data.' })),
  joinedAt: momentText(),
  removedAt: nullable(momentText()),
  changedOn: nullable(
    Type.String({ format: 'date', description: 'When its data last changed, as `updatedSince` sees it.' }),
  ),
  activeLicenses: nullable(count),
  source: oneOf(sources),
  lastEvent: nullable(Type.Object({ type: Type.String(), timestamp: momentText() }, { title: 'LastEventOut' })),
}

const MonitoredOut = Type.Object(monitoredFields, { title: 'MonitoredProducerOut' })
export const MonitoredPage = pageOf('MonitoredProducerOut', MonitoredOut)

const licenses = Type.Object(
  {
    active: count,
    inactive: count,
    residentState: nullable(Type.String({ description: 'Of an active resident license.' })),
    nextExpiration: nullable(Type.String({ format: 'date', description: 'Of its active licenses.' })),
    states: Type.Array(
      Type.Object(
        { state: nullable(Type.String()), active: count, inactive: count, nextExpiration: nullable(date) },
        { title: 'StateLicensesOut' },
      ),
    ),
  },
  { title: 'LicenseSummaryOut' },
)

const change = Type.Object(
  {
    change: oneOf(['joined', 'left']),
    at: momentText(),
    source: nullable(oneOf(sources)),
    msgId: nullable(Type.String({ description: 'The event that told of it; null for what was there from the start.' })),
  },
  { title: 'MembershipChangeOut' },
)

const event = Type.Object(
  { id: idText('msg_'), eventId: idText('evt_'), type: Type.String(), timestamp: momentText() },
  { title: 'ProducerEventOut' },
)

export const MonitoredDetailOut = Type.Object(
  {
    ...monitoredFields,
    activations: Type.Integer({ minimum: 1, description: 'How often it has joined.' }),
    licenses: nullable(licenses),
    history: Type.Array(change, { maxItems: 100, description: 'Newest first.' }),
    events: Type.Array(event, { maxItems: 100, description: 'About this producer, newest first.' }),
    api: Type.Object(
      { method: Type.Literal('GET'), url: Type.String({ format: 'uri' }) },
      {
        title: 'ApiCallOut',
        description: 'Reads the whole record. Unlike this call it joins an NPN that is not monitored.',
      },
    ),
  },
  { title: 'MonitoredProducerDetailOut' },
)
