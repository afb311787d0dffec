/** What people can be told of. The first three make the one notice of an issue. Source: portal 6, S13. */
export const NOTICE_RULES = [
  'first_failure',
  'failure_rate',
  'exhausted',
  'disabling_50',
  'disabling_70',
  'disabling_90',
  'disabled',
  'daily_signal_late',
  'certificate_ending',
] as const
export type NoticeRule = (typeof NOTICE_RULES)[number]

export const CHANNEL_KINDS = ['mail', 'chat', 'webhook'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

export const CHANNELS_MAX = 10

/** So long before its end people are told of a certificate. */
export const CERTIFICATE_DAYS = 14

/** With this share of the attempts of this time failed, `failure_rate` holds. */
export type FailureRate = { percent: number; windowMinutes: number }
export const FAILURE_RATE_DEFAULT: FailureRate = { percent: 50, windowMinutes: 60 }
