import Type from 'typebox'
import { scopeNames } from '#src/accounts/clients.ts'
import { CAPABILITIES } from '#src/accounts/principal.ts'
import { pageOf } from '#src/adapters/http/pages.ts'
import { idText, momentText, nullable, oneOf } from '#src/adapters/http/schema.ts'
import { ROLES } from './role.ts'

/** Somebody with a role in the account. `GET/POST A/member`, `GET/PATCH/DELETE A/member/{member_id}`. */
export const MemberOut = Type.Object(
  {
    id: idText('member_'),
    person: Type.String({ description: 'Name or mail address, as who invited wrote it; unique in the account.' }),
    role: oneOf(ROLES),
    createdAt: momentText(),
    updatedAt: momentText(),
    lastSignInAt: nullable(momentText()),
    invitedUntil: nullable(Type.String({ format: 'date-time', description: 'There is an unused link until then.' })),
  },
  { title: 'MemberOut' },
)
export const MemberPage = pageOf('MemberOut', MemberOut)

/** The answer that alone shows a link: `POST A/login-link`, `POST /api/v1/env/login-link`. */
export const LoginLinkOut = Type.Object(
  {
    id: idText('link_'),
    url: Type.String({ format: 'uri', description: 'Of the login page; it works once and is shown this once.' }),
    person: Type.String(),
    role: oneOf(ROLES),
    expiresAt: momentText(),
    mailFailure: Type.Optional(
      nullable(Type.String({ description: 'Where it was to be mailed too: null, or why it was not taken.' })),
    ),
  },
  { title: 'LoginLinkOut' },
)

const KeySecretOut = Type.Object(
  { id: Type.String(), createdAt: momentText(), revokedAt: nullable(momentText()) },
  { title: 'AccountKeySecret' },
)

/** What programs of the account sign in with. `GET/POST A/key`, `DELETE A/key/{key_id}`. */
export const AccountKeyOut = Type.Object(
  {
    id: Type.String({ description: '`key_…`; of an OAuth client its client id, `client_…`.' }),
    kind: oneOf(['apiKey', 'client']),
    name: Type.String(),
    role: nullable(oneOf(ROLES)),
    capabilities: Type.Array(oneOf(CAPABILITIES)),
    scopes: Type.Array(oneOf(scopeNames)),
    createdAt: momentText(),
    expiresAt: nullable(momentText()),
    lastUsedAt: nullable(
      Type.String({ format: 'date-time', description: 'To within five minutes; null: never used.' }),
    ),
    revokedAt: nullable(momentText()),
    secrets: Type.Array(KeySecretOut, { description: 'Of an OAuth client: at most two are valid at a time.' }),
  },
  { title: 'AccountKeyOut' },
)
export const AccountKeyPage = pageOf('AccountKeyOut', AccountKeyOut)

const secret = Type.String({ description: 'Shown this once: `appsk_…` of an API key, `cs_…` of an OAuth client.' })

/** `POST A/key`. */
export const NewAccountKeyOut = Type.Object({ key: AccountKeyOut, secret }, { title: 'NewAccountKeyOut' })
/** `POST A/key/{key_id}/rotate`: the second secret of an OAuth client. */
export const RotatedKeyOut = Type.Object(
  { id: Type.String(), secretId: Type.String(), secret },
  { title: 'RotatedKeyOut' },
)
