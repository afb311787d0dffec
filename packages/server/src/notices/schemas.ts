import Type from 'typebox'
import { idText, listOf, momentText, nullable, oneOf, plainText } from '#src/adapters/http/schema.ts'
import { CHANNEL_ID_PREFIX } from './channel.ts'
import { CHANNEL_KINDS, CHANNELS_MAX, NOTICE_RULES } from './rules.ts'

const rules = listOf(oneOf(NOTICE_RULES), NOTICE_RULES.length)
const isOn = (description: string) => Type.Boolean({ description })
const failureRate = {
  percent: Type.Integer({ minimum: 1, maximum: 100 }),
  windowMinutes: Type.Integer({ minimum: 5, maximum: 1_440 }),
}

export const NotificationRulesOut = Type.Object(
  {
    channels: Type.Array(
      Type.Object(
        {
          id: idText(CHANNEL_ID_PREFIX),
          kind: oneOf(CHANNEL_KINDS),
          name: plainText(100, 1),
          to: Type.String({
            description:
              'The address of a mail; of a chat or a webhook the origin of its URL, as the rest may be a secret.',
          }),
          rules,
          resolved: isOn('It is also told that an issue is resolved, and a certificate renewed.'),
          enabled: isOn('Notices go there.'),
          secret: Type.Optional(
            Type.String({ description: '`whsec_…` of a webhook, in the answer that made it and never again.' }),
          ),
          lastSentAt: nullable(momentText()),
          lastFailure: nullable(Type.String({ description: 'Why the latest notice could not be sent.' })),
        },
        { title: 'NotificationChannelOut' },
      ),
    ),
    failureRate: Type.Object(failureRate, { title: 'FailureRateRule' }),
    mailAvailable: isOn('This service sends mail; else a mail channel is refused.'),
  },
  { title: 'NotificationRulesOut' },
)

/** Replaces the whole. A channel with the id of one that there is keeps its address or URL where it is left out. */
export const notificationRulesBody = Type.Object(
  {
    channels: listOf(
      Type.Object(
        {
          id: Type.Optional(plainText(64, 1)),
          kind: oneOf(CHANNEL_KINDS),
          name: plainText(100, 1),
          address: Type.Optional({ ...plainText(320, 3), description: 'Of a mail.' }),
          url: Type.Optional({ ...plainText(2_048, 1), description: 'Of a chat or a webhook.' }),
          rules,
          resolved: Type.Optional(isOn('Default true.')),
          enabled: Type.Optional(isOn('Default true.')),
        },
        { title: 'NotificationChannelIn' },
      ),
      CHANNELS_MAX,
    ),
    failureRate: Type.Optional(Type.Object(failureRate, { title: 'FailureRateIn' })),
  },
  { title: 'NotificationRulesIn' },
)

const reading = { subject: Type.String(), text: Type.String() }
export const NotificationPreviewOut = Type.Object(
  {
    data: Type.Array(
      Type.Object(
        {
          rule: oneOf(NOTICE_RULES),
          ...reading,
          resolved: nullable(
            Type.Object(reading, { title: 'NoticeReadingOut', description: 'When it is over; null: nothing is told.' }),
          ),
        },
        { title: 'NoticeSampleOut' },
      ),
    ),
  },
  { title: 'NotificationPreviewOut', description: 'One notice of each rule, as it could be. Nothing is sent.' },
)

export const notificationTestBody = Type.Object({ channelId: plainText(64, 1) }, { title: 'NotificationTestIn' })
export const NotificationTestOut = Type.Object(
  {
    sent: Type.Boolean(),
    failure: nullable(Type.String({ description: 'Why it was not, in words.' })),
    preview: Type.Object(reading, { title: 'NoticePreviewOut', description: 'As it was sent.' }),
  },
  { title: 'NotificationTestOut' },
)
