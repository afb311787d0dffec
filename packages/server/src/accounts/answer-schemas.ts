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
