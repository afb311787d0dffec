import Type from 'typebox'
import { CAPABILITIES, STAFF_ROLES } from '#src/accounts/principal.ts'
import { idText, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'

export const CliLoginIn = Type.Object(
  { deviceName: Type.Optional(plainText(100)) },
  { title: 'CliLoginIn', description: '`deviceName`: for the person who approves.' },
)

export const CliLoginOut = Type.Object(
  {
    deviceCode: Type.String({ description: 'For polling; a secret.' }),
    userCode: Type.String({
      pattern: '^[B-DF-HJ-NP-TV-Z]{4}-[B-DF-HJ-NP-TV-Z]{4}$',
      description: 'For people to compare.',
    }),
    verificationUrl: Type.String({
      format: 'uri',
      description: 'The page of the portal that approves; it has the code.',
    }),
    expiresAt: momentText(),
    intervalSeconds: Type.Integer({ minimum: 1, description: 'Poll no faster.' }),
  },
  { title: 'CliLoginOut' },
)

export const CliLoginPollIn = Type.Object({ deviceCode: plainText(64, 1) }, { title: 'CliLoginPollIn' })

/** `token`, `account` and `expiresAt` come with `approved`, once; then the code is spent. */
export const CliLoginPollOut = Type.Object(
  {
    status: oneOf(['pending', 'approved', 'denied']),
    token: Type.Optional(Type.String({ description: 'An app token with the rights of whoever approved.' })),
    environment: Type.Optional(oneOf(['sandbox', 'production'])),
    account: Type.Optional(
      Type.Object(
        { id: idText('app_'), uid: nullable(Type.String()), name: Type.String() },
        { title: 'CliLoginAccount' },
      ),
    ),
    expiresAt: Type.Optional(momentText()),
  },
  { title: 'CliLoginPollOut' },
)

/** What waits for a decision, for the page that asks. */
export const CliLoginRequestOut = Type.Object(
  {
    userCode: Type.String(),
    deviceName: nullable(Type.String()),
    requestedAt: momentText(),
    expiresAt: momentText(),
    capabilities: Type.Array(oneOf(CAPABILITIES), { description: 'What the CLI would be able to do.' }),
    staff: nullable(oneOf(STAFF_ROLES)),
  },
  { title: 'CliLoginRequestOut' },
)

export const CliLoginDecisionIn = Type.Object(
  { userCode: plainText(16, 8), approve: Type.Boolean() },
  { title: 'CliLoginDecisionIn' },
)
