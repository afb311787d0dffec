/** What people are told of. `first_failure`, `exhausted` and `failure_rate` make the one notice of an issue. */
export const NOTICE_RULES = [
  'first_failure',
  'failure_rate',
  'exhausted',
  'disabling_50',
  'disabling_70',
  'disabling_90',
  'disabled',
  'daily_signal_late',
] as const
export type NoticeRule = (typeof NOTICE_RULES)[number]

export const CHANNEL_KINDS = ['mail', 'chat', 'webhook'] as const
export type ChannelKind = (typeof CHANNEL_KINDS)[number]

export const CHANNELS_MAX = 10
