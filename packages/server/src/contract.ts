import type { Static, TSchema } from 'typebox'
import type { AttemptHeadersOut, AttemptOut, SignedAgainOut } from './attempts/answer-schemas.ts'
import type { AuditPage } from './audit/answer-schemas.ts'
import type { CliLoginRequestOut } from './cli-login/answer-schemas.ts'
import type { CliResultPage, CliSessionPage } from './cli-sessions/answer-schemas.ts'
import type { AttemptDetailOut, DeliveryCountOut, DeliveryPage, TimelineOut } from './delivery-log/answer-schemas.ts'
import type {
  EndpointHeadersOut,
  EndpointOut,
  EndpointSecretOut,
  SigningSecretPage,
} from './endpoints/answer-schemas.ts'
import type { newEndpointBody } from './endpoints/body.ts'
import type { EventTypeOut, MessageOut } from './events/answer-schemas.ts'
import type { EndpointHealthOut, EndpointHealthPage, SummaryOut } from './health/answer-schemas.ts'
import type { EndpointState } from './health/words.ts'
import type { IssueOut } from './issues/answer-schemas.ts'
import type {
  NotificationPreviewOut,
  NotificationRulesOut,
  NotificationTestOut,
  notificationRulesBody,
} from './notices/schemas.ts'
import type { EnvAccountPage, EnvHealthOut, EnvLoginLinkPage } from './operate/answer-schemas.ts'
import type { ShownItemPage, ShownJobOut } from './population/shown-job-schemas.ts'
import type { OpenedSessionOut, SessionOut, SessionTokenOut } from './portal/answer-schemas.ts'
import type { AccountKeyOut, LoginLinkOut, MemberOut, NewAccountKeyOut } from './portal/people-schemas.ts'
import type { AccountSettingsOut, EnvLookOut, LogoOut } from './portal/settings-schemas.ts'
import type { PreviewOut, PreviewRowPage } from './previews/answer-schemas.ts'
import type { MonitoredDetailOut, MonitoredPage } from './producers/monitored-schemas.ts'
import type { ReplayOut, ReplayPreviewOut } from './replays/answer-schemas.ts'
import type { ReplayPreviewBody } from './replays/body.ts'
import type { StartedTaskOut, TaskOut } from './tasks/answer-schemas.ts'
import type { SignatureCheckOut, TestEventOut } from './trials/answer-schemas.ts'
import type { ClockOut, OperatorRunOut, runAnnouncement } from './updates/answer-schemas.ts'
import type { RunDayDetailOut, RunDayPage } from './updates/run-day-schemas.ts'

/** What the HTTP API takes and answers, as types and nothing else: for clients of this repository. */
export type Page<Row> = { data: Row[]; iterator: string | null; prevIterator?: string; done: boolean }

/** A row of the pages of a list. */
type RowOf<List extends TSchema> = Static<List> extends { data: (infer Row)[] } ? Row : never

export type Session = Static<typeof SessionOut>
export type OpenedSession = Static<typeof OpenedSessionOut>
export type SessionToken = Static<typeof SessionTokenOut>
export type CliLoginRequest = Static<typeof CliLoginRequestOut>

export type Endpoint = Static<typeof EndpointOut>
export type EndpointIn = Static<typeof newEndpointBody>
export type EndpointHeaders = Static<typeof EndpointHeadersOut>
export type EndpointSecret = Static<typeof EndpointSecretOut>
export type EventType = Static<typeof EventTypeOut>
export type Message = Static<typeof MessageOut>
export type Attempt = Static<typeof AttemptOut>
export type AttemptHeaders = Static<typeof AttemptHeadersOut>
export type SignedAgain = Static<typeof SignedAgainOut>
export type Task = Static<typeof TaskOut>
export type StartedTask = Static<typeof StartedTaskOut>

/** The states are counted by name. */
export type Summary = Static<typeof SummaryOut> & { endpoints: Record<EndpointState, number> }
export type EndpointHealth = Static<typeof EndpointHealthOut>
export type EndpointHealthRow = RowOf<typeof EndpointHealthPage>
export type SigningSecret = RowOf<typeof SigningSecretPage>
export type TestEvent = Static<typeof TestEventOut>
export type SignatureCheck = Static<typeof SignatureCheckOut>
export type CliSession = RowOf<typeof CliSessionPage>
export type CliResult = RowOf<typeof CliResultPage>

export type Producer = RowOf<typeof MonitoredPage>
export type ProducerDetail = Static<typeof MonitoredDetailOut>
export type Preview = Static<typeof PreviewOut>
export type PreviewRow = RowOf<typeof PreviewRowPage>
export type PopulationJob = Static<typeof ShownJobOut>
export type PopulationJobItem = RowOf<typeof ShownItemPage>
export type RunDay = RowOf<typeof RunDayPage>
export type RunDayDetail = Static<typeof RunDayDetailOut>
export type OperatorRun = Static<typeof OperatorRunOut>
export type RunAnnouncement = Static<typeof runAnnouncement>
export type SandboxClock = Static<typeof ClockOut>

export type Delivery = RowOf<typeof DeliveryPage>
export type DeliveryCount = Static<typeof DeliveryCountOut>
export type Timeline = Static<typeof TimelineOut>
export type AttemptDetail = Static<typeof AttemptDetailOut>
export type ReplayPreview = Static<typeof ReplayPreviewOut>
export type ReplayPreviewIn = Static<typeof ReplayPreviewBody>
export type Replay = Static<typeof ReplayOut>
export type Issue = Static<typeof IssueOut>
export type NotificationRules = Static<typeof NotificationRulesOut>
export type NotificationRulesIn = Static<typeof notificationRulesBody>
export type NotificationPreview = Static<typeof NotificationPreviewOut>
export type NotificationTest = Static<typeof NotificationTestOut>

export type AuditLine = RowOf<typeof AuditPage>
export type Member = Static<typeof MemberOut>
export type LoginLink = Static<typeof LoginLinkOut>
export type AccountKey = Static<typeof AccountKeyOut>
export type NewAccountKey = Static<typeof NewAccountKeyOut>
export type AccountSettings = Static<typeof AccountSettingsOut>
export type EnvLook = Static<typeof EnvLookOut>
export type Logo = Static<typeof LogoOut>

export type EnvAccount = RowOf<typeof EnvAccountPage>
export type EnvLoginLink = RowOf<typeof EnvLoginLinkPage>
export type EnvHealth = Static<typeof EnvHealthOut>
export type { SourceAddresses } from './operate/source-addresses.ts'
