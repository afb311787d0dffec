/** Why an event was never meant for an endpoint, in words for people. Source: portal 5, S6 */
export const SKIPPED = {
  other_endpoint: 'A test request: it goes to the endpoint that it was made for, and to no other.',
  created_later: 'The endpoint was created after the event.',
  not_subscribed: 'Not subscribed to events of this type.',
  other_channel: 'The endpoint wants other channels.',
  disabled: 'The endpoint was disabled.',
  changed_since: 'The endpoint was disabled, or did not want the event, when it occurred; it has been changed since.',
} as const
export type SkipReason = keyof typeof SKIPPED

export const SKIP_REASONS: readonly SkipReason[] = [
  'other_endpoint',
  'created_later',
  'not_subscribed',
  'other_channel',
  'disabled',
  'changed_since',
]

/** What is known of an endpoint that has no delivery of an event: of its filters only how they are now. */
export type NotReached = {
  isOtherEndpoint: boolean // the event is a test request for another one
  createdAt: Date
  wantsType: boolean
  wantsChannels: boolean
  isDisabled: boolean
}

export function skipReason(endpoint: NotReached, eventAt: Date): SkipReason {
  if (endpoint.isOtherEndpoint) return 'other_endpoint'
  if (endpoint.createdAt > eventAt) return 'created_later'
  if (!endpoint.wantsType) return 'not_subscribed'
  if (!endpoint.wantsChannels) return 'other_channel'
  return endpoint.isDisabled ? 'disabled' : 'changed_since'
}
