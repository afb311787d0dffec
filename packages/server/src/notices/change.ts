import type { Static } from 'typebox'
import type { IdSource } from '#src/adapters/ids.ts'
import { MAIL_ADDRESS } from '#src/adapters/mail/mail.ts'
import { type Fault, invalidInput } from '#src/domain-error.ts'
import { newSecret } from '#src/endpoints/signing-secret.ts'
import { CHANNEL_ID_PREFIX, type Channel } from './channel.ts'
import type { notificationRulesBody } from './schemas.ts'

type Given = Static<typeof notificationRulesBody>['channels'][number]

/** Why requests may not go to a URL, or how it is stored. */
export type Checked = { ok: true; canonical: string } | { ok: false; reason: string }

/** By URL as it was given. */
type CheckedUrls = ReadonlyMap<string, Checked>

/**
 * The channels that a request asks for, made from those that there are.
 * @returns them, and the ids of those that are new
 * @throws DomainError invalid_input with every fault
 */
export function changedChannels(
  given: readonly Given[],
  before: readonly Channel[],
  account: { id: string },
  { ids, now, checked, sendsMail }: { ids: IdSource; now: Date; checked: CheckedUrls; sendsMail: boolean },
): { channels: Channel[]; made: ReadonlySet<string> } {
  const faults: Fault[] = []
  const made = new Set<string>()
  const channels: Channel[] = []
  for (const [index, channel] of given.entries()) {
    const { id, kind, name, rules, resolved = true, enabled = true } = channel
    const fault = (field: string, msg: string) => {
      faults.push({ loc: ['body', 'channels', `[${index}]`, field], msg, type: 'value_error' })
    }
    const known = before.find((one) => one.id === id)
    if (id !== undefined && !known) fault('id', 'is no channel of this application')
    if (id !== undefined && channels.some((one) => one.id === id)) fault('id', 'is given twice')
    if (known && known.kind !== kind) fault('kind', 'cannot be changed: make another channel')
    if (kind === 'mail' && !sendsMail) fault('kind', 'this service sends no mail: its operator has set no mail server')
    const target = targetOf(channel, known?.target, checked, fault)
    const channelId = known?.id ?? CHANNEL_ID_PREFIX + ids.next(now).ksuid
    if (!known) made.add(channelId)
    channels.push({
      ...{ id: channelId, accountId: account.id, kind, name, target, rules: [...new Set(rules)], resolved, enabled },
      secret: known ? known.secret : kind === 'webhook' ? newSecret() : null,
      lastSentAt: known?.lastSentAt ?? null,
      lastFailure: known?.lastFailure ?? null,
    })
  }
  if (faults.length > 0) throw invalidInput(...faults)
  return { channels, made }
}

function targetOf(
  { kind, address, url }: Given,
  known: string | undefined,
  checked: CheckedUrls,
  fault: (field: string, msg: string) => void,
): string {
  const [field, given, other] = kind === 'mail' ? ['address', address, url] : ['url', url, address]
  if (other !== undefined) fault(kind === 'mail' ? 'url' : 'address', `is not of a ${kind}`)
  if (given === undefined) {
    if (known === undefined) fault(field, 'is required')
    return known ?? ''
  }
  if (kind === 'mail') {
    if (!MAIL_ADDRESS.test(given)) fault(field, 'must be a mail address')
    return given
  }
  const check = checked.get(given)
  if (check?.ok) return check.canonical
  fault(field, check?.reason ?? 'was not checked')
  return given
}
