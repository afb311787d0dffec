import Type from 'typebox'
import { CAPABILITIES, STAFF_ROLES } from '#src/accounts/principal.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { ROLES } from './role.ts'
import { PortalLookOut } from './settings-schemas.ts'

export const AppPortalAccessOut = Type.Object(
  {
    url: Type.String({ format: 'uri', description: 'Of the login page; its key works once.' }),
    token: Type.String({ description: 'An app token.' }),
  },
  { title: 'AppPortalAccessOut' },
)

const sessionFields = {
  id: Type.String(),
  environment: oneOf(['sandbox', 'production']),
  person: nullable(Type.String()),
  staff: nullable(oneOf(STAFF_ROLES)),
  grants: Type.Array(
    Type.Object(
      {
        account: Type.Object(
          { id: idText('app_'), uid: nullable(Type.String()), name: Type.String() },
          { title: 'PortalAccount' },
        ),
        role: nullable(oneOf(ROLES)),
        capabilities: Type.Array(oneOf(CAPABILITIES)),
        featureFlags: Type.Array(Type.String()),
        timeZone: nullable(Type.String({ description: 'The account’s; null: that of the browser.' })),
        look: PortalLookOut,
      },
      { title: 'PortalGrant' },
    ),
  ),
  createdAt: momentText(),
  idleEndsAt: momentText(),
  endsAt: momentText(),
  sendsMail: Type.Boolean({ description: 'This service sends mail, such as login links.' }),
}
const tokenFields = { token: Type.String(), tokenExpiresAt: momentText() }

export const SessionOut = Type.Object(sessionFields, { title: 'PortalSession' })
/** An embedded page has no cookie: its session comes with the first token. */
export const OpenedSessionOut = Type.Object(
  {
    ...sessionFields,
    token: Type.Optional(Type.String({ description: 'When embedded: there is no cookie.' })),
    tokenExpiresAt: Type.Optional(momentText()),
  },
  { title: 'OpenedPortalSession' },
)
export const SessionTokenOut = Type.Object(tokenFields, { title: 'PortalSessionToken' })
