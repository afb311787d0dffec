/** Why an event was never meant for an endpoint. Source: portal 5, S6 */
export const SKIP_REASONS = [
  'other_endpoint',
  'created_later',
  'not_subscribed',
  'other_channel',
  'disabled',
  'changed_since',
] as const
export type SkipReason = (typeof SKIP_REASONS)[number]
