import Type from 'typebox'
import { DEFAULT_SCOPES } from '#src/accounts/clients.ts'
import { listOf, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { ROLES } from './role.ts'

const person = plainText(256, 1)
const KEY_DAYS_MAX = 3_650

/** Of whoever makes a login link. */
export const mailWish = Type.Optional(
  Type.Boolean({ description: 'Also mails it: the person is called by a mail address then.' }),
)

/** `POST A/member`: nobody is told; `POST A/login-link` makes the link that lets them in. */
export const memberBody = Type.Object({ person, role: oneOf(ROLES) }, { title: 'MemberIn' })
/** `PATCH A/member/{member_id}`. */
export const memberPatchBody = Type.Object({ role: Type.Optional(oneOf(ROLES)) }, { title: 'MemberPatch' })

/** `POST A/login-link`: for a member, with the member's role, for 24 hours; it ends the member's unused ones. */
export const loginLinkBody = Type.Object(
  { memberId: Type.String({ maxLength: 64 }), mail: mailWish },
  { title: 'LoginLinkIn' },
)

/** `POST A/key`. An API key has a role, `developer` when none is named; an OAuth client has scopes, and lives until it is revoked. */
export const keyBody = Type.Object(
  {
    kind: oneOf(['apiKey', 'client']),
    name: plainText(256, 1),
    role: Type.Optional(nullable(oneOf(ROLES))),
    scopes: Type.Optional(nullable(listOf(oneOf(DEFAULT_SCOPES), DEFAULT_SCOPES.length, 1))),
    expiresInDays: Type.Optional(nullable(Type.Integer({ minimum: 1, maximum: KEY_DAYS_MAX }))),
  },
  { title: 'AccountKeyIn' },
)
