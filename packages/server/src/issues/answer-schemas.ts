import Type from 'typebox'
import { pageOf, pageParameters } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { FailureOut } from '#src/attempts/answer-schemas.ts'
import { FAILURE_CLASSES, type FailureClass } from '#src/delivery/failure-classes.ts'
import { ISSUE_ID_PREFIX, ISSUE_STATES, RESOLUTIONS } from './issue.ts'

const NOTE_LENGTH_MAX = 1_000
const count = (description: string) => Type.Integer({ minimum: 0, description })

/** What is wrong with one endpoint in one way: failed attempts of one class, from the first until it works again. */
export const IssueOut = Type.Object(
  {
    id: idText(ISSUE_ID_PREFIX),
    endpointId: idText('ep_'),
    endpointUrl: Type.String({ format: 'uri' }),
    endpointDescription: Type.String(),
    state: oneOf(ISSUE_STATES),
    failure: FailureOut,
    firstAt: momentText(),
    lastAt: momentText(),
    count: count('Failed attempts; tests and single resends are not counted.'),
    events: count('Messages whose first attempt failed in this way.'),
    exhausted: count('Deliveries that were given up.'),
    latestAttemptId: idText('atmpt_'),
    latestMsgId: idText('msg_'),
    acknowledgedAt: nullable(momentText()),
    resolvedAt: nullable(momentText()),
    resolvedBy: nullable(oneOf(RESOLUTIONS)),
    note: nullable(plainText(NOTE_LENGTH_MAX)),
  },
  { title: 'IssueOut' },
)
export const IssuePage = pageOf('IssueOut', IssueOut)

export const IssueListQuery = Type.Object({
  ...pageParameters,
  state: Type.Optional(oneOf([...ISSUE_STATES, 'unresolved'])),
  endpoint: Type.Optional(plainText(256, 1)),
  class: Type.Optional(oneOf(Object.keys(FAILURE_CLASSES) as FailureClass[])),
})

export const issuePatchBody = Type.Object(
  { state: Type.Optional(oneOf(ISSUE_STATES)), note: Type.Optional(nullable(plainText(NOTE_LENGTH_MAX))) },
  { title: 'IssuePatch' },
)
