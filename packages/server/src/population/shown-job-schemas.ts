import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { outcomes } from './job.ts'
import { SHOWN_JOB_STATES } from './shown-job.ts'

const count = Type.Integer({ minimum: 0 })
const id = Type.String({ format: 'uuid' })

export const ShownJobOut = Type.Object(
  {
    id,
    type: oneOf(['add', 'remove', 'replace', 'opposite']),
    state: oneOf(SHOWN_JOB_STATES),
    total: Type.Integer({
      minimum: 0,
      description: 'NPNs to treat; what a replace removes counts once it has started.',
    }),
    processed: count,
    counts: Type.Object(
      { added: count, alreadyActive: count, removed: count, notActive: count, invalid: count },
      { title: 'PopulationJobCounts' },
    ),
    message: nullable(Type.String()),
    parts: Type.Array(id, { description: 'The jobs of at most 50,000 NPNs that it consists of, as `/v1` has them.' }),
    createdAt: momentText(),
    startedAt: nullable(momentText()),
    updatedAt: momentText(),
    finishedAt: nullable(momentText()),
    cancelRequestedAt: nullable(momentText()),
    opposite: nullable(
      Type.Object(
        { add: count, remove: count },
        {
          title: 'OppositeOut',
          description: 'What would take back what it has done (`POST …/opposite` previews that); null before its end.',
        },
      ),
    ),
  },
  { title: 'PopulationJobOut' },
)
export const ShownJobPage = pageOf('PopulationJobOut', ShownJobOut)

const ShownItemOut = Type.Object(
  {
    npn: Type.String({ description: 'As given.' }),
    outcome: nullable(oneOf(outcomes)),
    reason: nullable(oneOf(['malformed', 'limit_reached'])),
  },
  { title: 'PopulationJobItemOut' },
)
export const ShownItemPage = pageOf('PopulationJobItemOut', ShownItemOut)
