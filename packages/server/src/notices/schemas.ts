import Type from 'typebox'
import { idText, listOf, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { CHANNEL_KINDS, CHANNELS_MAX, NOTICE_RULES } from './rules.ts'

const rules = listOf(oneOf(NOTICE_RULES), NOTICE_RULES.length)
const isOn = Type.Boolean({ description: 'Whether notices go there.' })

/** Where notices go, and which. The secret of a webhook is shown once, in the answer that made it. */
const channel = {
  id: idText('nch_'),
  kind: oneOf(CHANNEL_KINDS),
  name: plainText(100, 1),
  to: Type.String({
    description: 'The address of a mail; of a chat or a webhook the origin of its URL, for the rest is a secret.',
  }),
  rules,
  resolved: Type.Boolean({ description: 'Whether it is also told that an issue is resolved.' }),
  enabled: isOn,
  secret: Type.Optional(Type.String({ description: '`whsec_…` of a webhook, when it is made.' })),
  lastSentAt: nullable(momentText()),
  lastFailure: nullable(Type.String({ description: 'Of the latest notice, when it could not be sent.' })),
}

export const NotificationRulesOut = Type.Object(
  {
    channels: Type.Array(Type.Object(channel, { title: 'NotificationChannelOut' })),
    failureRate: Type.Object(
      {
        percent: Type.Integer({ minimum: 1, maximum: 100 }),
        windowMinutes: Type.Integer({ minimum: 5, maximum: 1_440 }),
      },
      { title: 'FailureRateRule' },
    ),
    mailAvailable: Type.Boolean({ description: 'Whether this service sends mail; else a mail channel is refused.' }),
  },
  { title: 'NotificationRulesOut' },
)

/** Replaces the whole. A channel with the id of one that there is keeps its URL and secret where they are left out. */
export const notificationRulesBody = Type.Object(
  {
    channels: listOf(
      Type.Object(
        {
          id: Type.Optional(plainText(64, 1)),
          kind: oneOf(CHANNEL_KINDS),
          name: plainText(100, 1),
          address: Type.Optional(plainText(320, 3)),
          url: Type.Optional(plainText(2_048, 1)),
          rules,
          resolved: Type.Optional(Type.Boolean()),
          enabled: Type.Optional(isOn),
        },
        { title: 'NotificationChannelIn' },
      ),
      CHANNELS_MAX,
    ),
    failureRate: Type.Optional(
      Type.Object(
        {
          percent: Type.Integer({ minimum: 1, maximum: 100 }),
          windowMinutes: Type.Integer({ minimum: 5, maximum: 1_440 }),
        },
        { title: 'FailureRateIn' },
      ),
    ),
  },
  { title: 'NotificationRulesIn' },
)

export const notificationTestBody = Type.Object({ channelId: plainText(64, 1) }, { title: 'NotificationTestIn' })
export const NotificationTestOut = Type.Object(
  {
    sent: Type.Boolean(),
    failure: nullable(Type.String({ description: 'Why it was not, in words.' })),
    preview: Type.Object(
      { subject: Type.String(), text: Type.String() },
      { title: 'NoticePreviewOut', description: 'As it was sent.' },
    ),
  },
  { title: 'NotificationTestOut' },
)
