import Type from 'typebox'
import { STAFF_ROLES } from '#src/accounts/principal.ts'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { LINK_STATES } from '#src/portal/link.ts'
import { ROLES } from '#src/portal/role.ts'

const count = Type.Integer({ minimum: 0 })
const bounded = Type.Object(
  { count, capped: Type.Boolean({ description: 'There are more than that.' }) },
  { title: 'BoundedCount' },
)
/** `failing` and `degraded` before `healthy`; `none`: no endpoint. */
export const ACCOUNT_HEALTH = ['failing', 'degraded', 'healthy', 'unverified', 'disabled', 'none'] as const

/** `GET /api/v1/env/account?q&health`. */
const EnvAccountOut = Type.Object(
  {
    id: idText('app_'),
    uid: nullable(Type.String()),
    name: Type.String(),
    createdAt: momentText(),
    health: oneOf(ACCOUNT_HEALTH),
    producers: count,
    endpoints: Type.Object({ total: count, failing: count, disabled: count }, { title: 'EnvAccountEndpoints' }),
    waiting: bounded,
    lastSignalAt: nullable(
      Type.String({ format: 'date-time', description: 'Of the last daily run published for it.' }),
    ),
    lastSignInAt: nullable(momentText()),
  },
  { title: 'EnvAccountOut' },
)
export const EnvAccountPage = pageOf('EnvAccountOut', EnvAccountOut)

/** `GET /api/v1/env/login-link?account&state`; `DELETE /api/v1/env/login-link/{link_id}`. */
const EnvLoginLinkOut = Type.Object(
  {
    id: idText('link_'),
    account: nullable(Type.Object({ id: idText('app_'), name: Type.String() }, { title: 'LinkAccount' })),
    person: nullable(Type.String({ description: 'Null: whoever holds it.' })),
    role: nullable(oneOf([...ROLES, ...STAFF_ROLES])),
    state: oneOf(LINK_STATES),
    createdAt: momentText(),
    expiresAt: momentText(),
    usedAt: nullable(momentText()),
    revokedAt: nullable(momentText()),
  },
  { title: 'EnvLoginLinkOut' },
)
export const EnvLoginLinkPage = pageOf('EnvLoginLinkOut', EnvLoginLinkOut)

const moment = nullable(momentText())

/** `GET /api/v1/env/health`: what a part is, and whether it needs somebody. */
export const EnvHealthOut = Type.Object(
  {
    at: momentText(),
    version: Type.String(),
    status: oneOf(['ok', 'degraded', 'down']),
    problems: Type.Array(
      Type.Object(
        {
          part: Type.String(),
          text: Type.String(),
          advice: Type.String({ description: 'What to do about it.' }),
          alert: nullable(Type.String({ description: 'The rule that rings for it.' })),
          runbook: nullable(Type.String({ description: 'Path in the repository.' })),
        },
        { title: 'HealthProblem' },
      ),
      { description: 'Empty when all is well.' },
    ),
    workers: Type.Array(
      Type.Object(
        {
          id: Type.String({ format: 'uuid' }),
          state: oneOf(['alive', 'dead']),
          startedAt: momentText(),
          leaseUntil: momentText(),
          shards: count,
        },
        { title: 'HealthWorker' },
      ),
    ),
    shards: Type.Object({ total: count, owned: count, careful: count }, { title: 'HealthShards' }),
    lanes: Type.Array(
      Type.Object(
        {
          lane: oneOf(['first', 'retry', 'replay']),
          waiting: bounded,
          due: Type.Object(
            { ...bounded.properties },
            { title: 'DueCount', description: 'Of those, what could go now.' },
          ),
          oldestDueAt: moment,
          lagMs: nullable(Type.Integer({ description: 'For how long the oldest of them has been due.' })),
        },
        { title: 'HealthLane' },
      ),
    ),
    slowestEndpoints: Type.Array(
      Type.Object(
        {
          accountId: idText('app_'),
          endpointId: idText('ep_'),
          accountName: Type.String(),
          url: Type.String({ format: 'uri' }),
          description: Type.String(),
          attempts: count,
          p95Ms: count,
          failed: count,
        },
        { title: 'HealthEndpoint' },
      ),
      { description: 'Of the attempts of the last hour, by their 95th percentile.' },
    ),
    breakers: Type.Object(
      {
        failing: count,
        disabled: count,
        openHere: nullable(
          Type.Integer({ description: 'Open in the process that answers; null: it delivers nothing.' }),
        ),
      },
      { title: 'HealthBreakers' },
    ),
    jobs: Type.Array(
      Type.Object(
        { kind: Type.String(), running: count, failed: count, oldestAt: moment },
        { title: 'HealthJobs', description: 'Background tasks and population jobs; failed within a day.' },
      ),
    ),
    database: Type.Object(
      {
        version: Type.String(),
        connections: count,
        connectionsMax: count,
        bytes: Type.Integer(),
        durable: Type.Boolean(),
      },
      { title: 'HealthDatabase' },
    ),
    migrations: Type.Object(
      { applied: Type.Array(Type.String()), missing: Type.Array(Type.String()) },
      { title: 'HealthMigrations' },
    ),
  },
  { title: 'EnvHealthOut' },
)
