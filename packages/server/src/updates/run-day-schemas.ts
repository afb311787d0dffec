import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { recordsByKind, runCounts, runError } from './answer-schemas.ts'
import { RUN_STATES } from './run.ts'

const count = Type.Integer({ minimum: 0 })
const date = Type.String({ format: 'date' })
const moment = nullable(momentText())
const central = nullable(
  Type.String({ description: 'The same moment by clocks in Chicago: `2026-03-06T10:15:00.021-06:00`.' }),
)
const milliseconds = nullable(count)

const dayFields = {
  runDate: date,
  state: oneOf([...RUN_STATES, 'no_run']),
  reason: nullable(
    Type.Unsafe<'weekend' | 'holiday' | 'covered' | 'not_due' | 'not_run'>({
      type: 'string',
      enum: ['weekend', 'holiday', 'covered', 'not_due', 'not_run'],
      description: 'Why there is no run. `covered`: a later run has brought the data of the day.',
    }),
  ),
  coveredBy: nullable(Type.String({ format: 'date', description: 'The `runDate` of that run.' })),
  runId: nullable(Type.String({ format: 'uuid', description: 'As in `GET /v1/runs/{id}`.' })),
  late: Type.Boolean({ description: 'Published after the midnight of its day.' }),
  message: nullable(Type.String()),
  startedAt: moment,
  startedAtCentral: central,
  alertsTakenAt: nullable(
    Type.String({ format: 'date-time', description: 'When the alerts of its days had been read.' }),
  ),
  alertsTakenAtCentral: central,
  publishedAt: moment,
  publishedAtCentral: central,
  durationMs: milliseconds,
  account: nullable(
    Type.Object(
      { producersChanged: count, recordsChanged: count },
      { title: 'RunForAccountOut', description: 'Of what this account monitored when the run was published.' },
    ),
  ),
  event: nullable(
    Type.Object(
      { id: idText('msg_'), eventId: idText('evt_'), timestamp: momentText() },
      { title: 'RunEventOut', description: 'The `producersync.updates_available` of this account.' },
    ),
  ),
  deliveries: nullable(
    Type.Object(
      { total: count, delivered: count, waiting: count, failed: count, canceled: count },
      { title: 'RunDeliveriesOut', description: 'Of that event: one for each endpoint that it goes to.' },
    ),
  ),
}

const RunDayOut = Type.Object(dayFields, { title: 'RunDayOut' })
export const RunDayPage = pageOf('RunDayOut', RunDayOut)

export const RunDayDetailOut = Type.Object(
  {
    ...dayFields,
    covers: Type.Array(date, { description: 'The days whose reports it has read.' }),
    phasesMs: nullable(
      Type.Object({ alerts: milliseconds, details: milliseconds, publish: milliseconds }, { title: 'RunPhasesOut' }),
    ),
    recordsByKind: nullable(recordsByKind('RunRecordsOut')),
    pull: nullable(
      Type.Object(
        { updatedSince: date, urls: Type.Array(Type.String({ format: 'uri' })) },
        { title: 'RunPullOut', description: 'The reads that bring what the run has changed.' },
      ),
    ),
    counts: Type.Optional(runCounts),
    errors: Type.Optional(Type.Array(runError)),
  },
  { title: 'RunDayDetailOut', description: "`counts` and `errors`: in sandbox, where the feed is the account's own." },
)
