import type { Static } from 'typebox'
import type { AttemptHeadersOut, AttemptOut } from './attempts/answer-schemas.ts'
import type { AttemptDetailOut, DeliveryCountOut, DeliveryOut, TimelineOut } from './delivery-log/answer-schemas.ts'
import type { EndpointHeadersOut, EndpointOut, EndpointSecretOut } from './endpoints/answer-schemas.ts'
import type { newEndpointBody } from './endpoints/body.ts'
import type { EventTypeOut, MessageOut } from './events/answer-schemas.ts'
import type { IssueOut } from './issues/answer-schemas.ts'
import type { NotificationRulesOut, NotificationTestOut, notificationRulesBody } from './notices/schemas.ts'
import type { JobOut } from './population/answer-schemas.ts'
import type { OpenedSessionOut, SessionOut, SessionTokenOut } from './portal/answer-schemas.ts'
import type { ReplayOut, ReplayPreviewOut } from './replays/answer-schemas.ts'
import type { ReplayPreviewBody } from './replays/body.ts'
import type { StartedTaskOut, TaskOut } from './tasks/answer-schemas.ts'
import type { ClockOut, OperatorRunOut, RunOut } from './updates/answer-schemas.ts'

/** What the HTTP API takes and answers, as types and nothing else: for clients of this repository. */
export type Page<Row> = { data: Row[]; iterator: string | null; prevIterator?: string; done: boolean }

export type Session = Static<typeof SessionOut>
export type OpenedSession = Static<typeof OpenedSessionOut>
export type SessionToken = Static<typeof SessionTokenOut>

export type Endpoint = Static<typeof EndpointOut>
export type EndpointIn = Static<typeof newEndpointBody>
export type EndpointHeaders = Static<typeof EndpointHeadersOut>
export type EndpointSecret = Static<typeof EndpointSecretOut>
export type EventType = Static<typeof EventTypeOut>
export type Message = Static<typeof MessageOut>
export type Attempt = Static<typeof AttemptOut>
export type AttemptHeaders = Static<typeof AttemptHeadersOut>
export type Task = Static<typeof TaskOut>
export type StartedTask = Static<typeof StartedTaskOut>

export type Job = Static<typeof JobOut>
export type Run = Static<typeof RunOut>
export type OperatorRun = Static<typeof OperatorRunOut>
export type SandboxClock = Static<typeof ClockOut>

export type Delivery = Static<typeof DeliveryOut>
export type DeliveryCount = Static<typeof DeliveryCountOut>
export type Timeline = Static<typeof TimelineOut>
export type AttemptDetail = Static<typeof AttemptDetailOut>
export type ReplayPreview = Static<typeof ReplayPreviewOut>
export type ReplayPreviewIn = Static<typeof ReplayPreviewBody>
export type Replay = Static<typeof ReplayOut>
export type Issue = Static<typeof IssueOut>
export type NotificationRules = Static<typeof NotificationRulesOut>
export type NotificationRulesIn = Static<typeof notificationRulesBody>
export type NotificationTest = Static<typeof NotificationTestOut>
