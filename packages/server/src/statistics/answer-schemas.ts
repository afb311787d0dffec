import Type from 'typebox'
import { mapOf, momentText, oneOf } from '#src/adapters/http/schema.ts'
import { startedTaskFields } from '#src/tasks/answer-schemas.ts'
import { PERIODS } from './periods.ts'

const count = Type.Integer({ minimum: 0 })
const counts = Type.Array(count, { description: 'One per period.' })

export const AttemptCountsOut = Type.Object(
  {
    since: momentText(),
    until: momentText(),
    total_success: count,
    total_failure: count,
    total_canceled: count,
    by_event_type: mapOf(
      Type.Object({ success: count, failure: count, canceled: count }, { title: 'EventTypeAttemptStats' }),
    ),
  },
  { title: 'AppAttemptStatsOut' },
)

export const PeriodCountsOut = Type.Object(
  {
    startDate: momentText(),
    endDate: momentText(),
    period: oneOf(PERIODS),
    data: Type.Object(
      { successCount: counts, failureCount: counts, canceledCount: counts },
      { title: 'AttemptStatisticsData' },
    ),
  },
  { title: 'AttemptStatisticsResponse' },
)

export const StartedUsageOut = Type.Object(
  {
    ...startedTaskFields,
    unresolvedAppIds: Type.Array(Type.String(), { description: 'Of those asked for: names of no application.' }),
  },
  { title: 'AppUsageStatsOut' },
)
