import Type from 'typebox'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, mapOf, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'

const throttleRate = nullable(Type.Integer({ minimum: 1, maximum: 65_535 }))

export const ApplicationOut = Type.Object(
  {
    id: idText('app_'),
    uid: nullable(Type.String()),
    name: Type.String(),
    throttleRate,
    rateLimit: throttleRate,
    metadata: mapOf(Type.String()),
    createdAt: momentText(),
    updatedAt: momentText(),
  },
  { title: 'ApplicationOut' },
)
export const ApplicationPage = pageOf('ApplicationOut', ApplicationOut)

export const WhoamiOut = Type.Object(
  {
    envId: idText('org_'),
    appId: nullable(idText('app_')),
    permissionSource: oneOf(['RegionalAuthToken', 'OidcJwt']),
    sessionId: nullable(Type.String()),
    person: nullable(Type.String({ description: 'Who came in by a link, or has let the token in by a code.' })),
    role: nullable(
      Type.String({ description: 'Of a person, a key or staff; null: what it may do is said one by one.' }),
    ),
    expiresAt: nullable(momentText()),
    version: Type.String({ description: 'Of the service, and of the psapi that goes with it.' }),
  },
  { title: 'WhoamiOut' },
)

export const TokenOut = Type.Object(
  {
    token_type: Type.Literal('Bearer'),
    access_token: Type.String(),
    expires_in: Type.Integer({ description: 'Seconds.' }),
    scope: Type.String({ description: 'Separated by spaces.' }),
  },
  { title: 'TokenOut' },
)
