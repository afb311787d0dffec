import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { UUID } from '#src/adapters/http/routes.ts'
import { momentText, nullable, oneOf, patternText } from '#src/adapters/http/schema.ts'
import { PREVIEW_MODES, PREVIEW_PARTS, PREVIEW_REASONS, type PreviewReason } from './preview.ts'

const count = Type.Integer({ minimum: 0 })

export const PreviewOut = Type.Object(
  {
    id: Type.String({ format: 'uuid' }),
    mode: oneOf([...PREVIEW_MODES, 'opposite']),
    format: oneOf(['csv', 'text', 'json', 'job']),
    column: nullable(
      Type.String({ description: 'Header of the column that was read; null for a list without header.' }),
    ),
    counts: Type.Object(
      { rows: count, add: count, remove: count, same: count, repeated: count, invalid: count, blank: count },
      { title: 'PreviewCounts', description: '`rows`: values read, blank ones left out.' },
    ),
    population: Type.Object(
      { before: count, after: count, max: count },
      { title: 'PreviewPopulation', description: 'Its size, and the largest it may have.' },
    ),
    events: Type.Object(
      { activated: count, deactivated: count, endpoints: count },
      {
        title: 'PreviewEvents',
        description: 'What applying it sends; `endpoints`: those that want some of these events.',
      },
    ),
    mustConfirm: Type.Boolean({
      description: 'A replace that removes over 10 % of the population or over 1,000: give `confirmRemovals`.',
    }),
    createdAt: momentText(),
    expiresAt: momentText(),
    jobId: nullable(Type.String({ format: 'uuid', description: 'Once it has been applied.' })),
  },
  { title: 'PopulationPreviewOut', description: 'What a list would change. Nothing has been changed yet.' },
)

const PreviewRowOut = Type.Object(
  {
    line: nullable(
      Type.Integer({ minimum: 1, description: 'Of the file; in a JSON list, the place. Null: on no line.' }),
    ),
    value: Type.String({ description: 'As given, its first 100 characters.' }),
    part: oneOf(PREVIEW_PARTS),
    reason: nullable(oneOf(Object.keys(PREVIEW_REASONS) as PreviewReason[])),
    message: nullable(Type.String({ description: 'The reason for people, with what to do.' })),
  },
  { title: 'PreviewRowOut' },
)
export const PreviewRowPage = Type.Object(
  { ...pageOf('PreviewRowOut', PreviewRowOut).properties, preview: PreviewOut },
  { title: 'ListResponse_PreviewRowOut_' },
)

export const ChangeBody = Type.Object(
  {
    previewId: patternText(UUID, 'a UUID'),
    confirmRemovals: Type.Optional(
      nullable(Type.Integer({ minimum: 0, description: 'How many it removes, when the preview says `mustConfirm`.' })),
    ),
  },
  { title: 'PopulationChangeIn' },
)
