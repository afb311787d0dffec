import Type, { type Static } from 'typebox'
import { CAPABILITIES, DEFAULT_CAPABILITIES } from '#src/accounts/principal.ts'
import type { Rights } from '#src/accounts/tokens.ts'
import { anyObject, listOf, nullable, oneOf, patternText } from '#src/adapters/http/schema.ts'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import { LINK_SECONDS_MAX, LINK_SECONDS_MIN } from './link.ts'

const FEATURE_FLAGS_MAX = 25
const SESSION_IDS_MAX = 1_000
const GRACE_SECONDS_MAX = 259_200

const flag = patternText(
  /^[a-zA-Z0-9_.][a-zA-Z0-9\-_.]{0,255}$/,
  '1 to 256 of a-z, A-Z, 0-9, -, _ and ., not starting with -',
)
const sessionId = patternText(/^[a-zA-Z0-9@_-]{1,64}$/, '1 to 64 of a-z, A-Z, 0-9, @, _ and -')

/** AppPortalAccessIn without `application`, which is read only when the path names none. */
const accessFields = {
  expiry: Type.Optional(nullable(Type.Integer({ minimum: LINK_SECONDS_MIN, maximum: LINK_SECONDS_MAX }))),
  capabilities: Type.Optional(nullable(listOf(oneOf(CAPABILITIES), CAPABILITIES.length))),
  readOnly: Type.Optional(nullable(Type.Boolean())),
  featureFlags: Type.Optional(nullable(listOf(flag, FEATURE_FLAGS_MAX))),
  sessionId: Type.Optional(nullable(sessionId)),
}
export const accessBody = Type.Object(accessFields)
/** AppPortalAccessIn as openapi.json shows it. */
export const wholeAccessBody = Type.Object(
  {
    ...accessFields,
    application: Type.Optional(nullable(anyObject('Made when the path names none; else it is not read.'))),
  },
  { title: 'AppPortalAccessIn' },
)

/** ApplicationTokenExpireIn. */
export const expireBody = Type.Object(
  {
    expiry: Type.Optional(nullable(Type.Integer({ minimum: 0, maximum: GRACE_SECONDS_MAX }))),
    sessionIds: Type.Optional(nullable(listOf(sessionId, SESSION_IDS_MAX))),
  },
  { title: 'ApplicationTokenExpireIn' },
)

/**
 * What an app token and its link may do, and for how long.
 * @throws DomainError invalid_input
 * Source: webhook-api 2.2
 */
export function toGrant(body: Static<typeof accessBody>): { rights: Omit<Rights, 'scopes'>; seconds: number } {
  const { capabilities, readOnly, featureFlags } = body
  const faults: Fault[] = []
  if (capabilities != null && !capabilities.includes('ViewBase')) {
    faults.push({ loc: ['body', 'capabilities'], msg: 'must contain ViewBase', type: 'value_error' })
  }
  if (capabilities != null && readOnly === true) {
    faults.push({ loc: ['body', 'readOnly'], msg: 'must not be given together with capabilities', type: 'value_error' })
  }
  if (faults.length > 0) throw invalidInput(...faults)
  return {
    rights: {
      capabilities: readOnly === true ? ['ViewBase'] : [...new Set(capabilities ?? DEFAULT_CAPABILITIES)],
      featureFlags: [...new Set(featureFlags)],
      sessionId: body.sessionId ?? null,
    },
    seconds: body.expiry ?? LINK_SECONDS_MAX,
  }
}
