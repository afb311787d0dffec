import type { NotificationRules, NotificationRulesIn } from '@producersync/server/contract'

/** Rules as they are written back unchanged: a channel that is there keeps its address, which is no part of the answer. */
export function toRulesIn({ channels, failureRate }: NotificationRules): NotificationRulesIn {
  return {
    channels: channels.map(({ id, kind, name, rules, resolved, enabled }) => ({
      id,
      kind,
      name,
      rules,
      resolved,
      enabled,
    })),
    failureRate,
  }
}
