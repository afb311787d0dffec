import Type, { type TSchema } from 'typebox'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { link, links } from '#src/population/answer-schemas.ts'
import { NPN } from '#src/population/npn.ts'
import { RECORD_KINDS } from '#src/producers/record.ts'
import { RUN_SCENARIOS, RUN_STATES } from './run.ts'

const count = Type.Integer({ minimum: 0 })
const date = Type.String({ format: 'date' })
const id = Type.String({ format: 'uuid' })
const moment = nullable(momentText())
const milliseconds = nullable(count)

export const runCounts = Type.Object(
  {
    alertNpns: count,
    read: count,
    unknown: count,
    deferred: count,
    changedNpns: count,
    inserted: count,
    updated: count,
    deleted: count,
    warnings: count,
    accounts: count,
  },
  { title: 'RunCounts' },
)

export const runError = Type.Object(
  {
    step: Type.Literal('details'),
    npn: Type.String({ pattern: NPN.source }),
    attempts: count,
    cause: nullable(Type.String()),
  },
  { title: 'RunError', description: 'A producer that the run has put off, and why.' },
)

const ofEveryRun = {
  id,
  runDate: date,
  state: oneOf(RUN_STATES),
  late: Type.Boolean({ description: 'Published after the midnight of its day.' }),
  startedAt: moment,
  publishedAt: moment,
  message: nullable(Type.String()),
}

/** `counts` and `errors`: in sandbox, where the feed is the account's own. */
export const RunOut = Type.Object(
  { ...ofEveryRun, counts: Type.Optional(runCounts), errors: Type.Optional(Type.Array(runError)) },
  { title: 'Run' },
)

export const OperatorRunOut = Type.Object(
  {
    ...ofEveryRun,
    feedId: Type.String(),
    trigger: oneOf(['schedule', 'sandbox', 'operator']),
    scenario: oneOf(RUN_SCENARIOS),
    fullRefresh: Type.Boolean(),
    covers: Type.Array(date, { description: 'The days whose reports it has read.' }),
    scheduledAt: momentText(),
    collectedAt: moment,
    endedAt: moment,
    durationsMs: Type.Object({ alerts: milliseconds, details: milliseconds, publish: milliseconds }),
    counts: runCounts,
    errors: Type.Array(runError, { description: 'The first hundred; in lists none.' }),
  },
  { title: 'OperatorRun' },
)

/** Records of an account that a run has changed, by kind. */
export function recordsByKind(title: string) {
  return Type.Object(Object.fromEntries(RECORD_KINDS.map((kind) => [kind, Type.Optional(count)])), {
    title,
    description: 'Of this account; kinds without a change are left out.',
  })
}

const runAnnouncement = Type.Object(
  {
    accountId: idText('app_'),
    event: Type.Object({ id: idText('msg_'), eventId: idText('evt_') }),
    producersChanged: count,
    recordsByKind: recordsByKind('AnnouncedRecords'),
    waiting: Type.Boolean({ description: 'A delivery of the event has not ended.' }),
  },
  { title: 'RunAnnouncement', description: 'What an account was told of a run.' },
)

/** A page of a v2 list. */
function v2ListOf(title: string, name: string, row: TSchema) {
  return Type.Object(
    {
      embedded: Type.Optional(Type.Object({ [name]: Type.Array(row, { minItems: 1 }) })),
      links: links('self', 'next'),
    },
    { title },
  )
}

export const RunsOut = v2ListOf('Runs', 'runs', RunOut)
export const OperatorRunsOut = v2ListOf('OperatorRuns', 'runs', OperatorRunOut)
export const RunErrorsOut = v2ListOf('RunErrors', 'errors', runError)
export const RunAnnouncementsOut = v2ListOf('RunAnnouncements', 'announcements', runAnnouncement)

export const RunAcceptedOut = Type.Object(
  { success: Type.Literal(true), message: Type.String(), run_id: id, links: Type.Object({ self: link }) },
  { title: 'RunAccepted' },
)

export const ClockOut = Type.Object({ now: momentText() }, { title: 'SandboxClock' })
