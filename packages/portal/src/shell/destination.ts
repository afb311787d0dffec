import type { Delivery, Page } from '@producersync/server/contract'
import { fetchJson, ofAccount, withQuery } from '#src/api/client.ts'

/** 27 characters after its prefix, or the UUID of a job. */
const WHOLE = /^[a-z]{2,8}_[0-9A-Za-z]{27}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isWholeId(word: string): boolean {
  return WHOLE.test(word) || UUID.test(word)
}

type ObjectPage = { path: string; search: Readonly<Record<string, string>> }

/**
 * The page of an object, below `/a/{account}`. Mails, the CLI's `open` and the search boxes lead here. An attempt is shown with its
 * event, which its id does not tell: that is asked for.
 * @returns undefined for what has no page, or is not the account's
 */
export async function pageOf(account: string, id: string): Promise<ObjectPage | undefined> {
  if (!id.startsWith('atmpt_')) return pageOfId(id)
  const { data } = await fetchJson<Page<Delivery>>(
    account,
    withQuery(ofAccount(account, 'delivery'), { q: id, limit: 1 }),
  )
  const [delivery] = data
  return delivery && { path: `events/${delivery.msgId}`, search: { attempt: id } }
}

/** The page of what an id alone leads to. */
export function pageOfId(id: string): ObjectPage | undefined {
  if (UUID.test(id)) return { path: `producers/jobs/${id}`, search: {} }
  const [, prefix = '', rest = ''] = /^([a-z]+)_(.+)$/.exec(id) ?? []
  switch (prefix) {
    case 'ep':
      return { path: `endpoints/${id}`, search: {} }
    case 'msg':
    case 'evt':
      return { path: `events/msg_${rest}`, search: {} }
    case 'qtask':
    case 'task':
      return { path: `replays/${id}`, search: {} }
    case 'iss':
      return { path: `issues/${id}`, search: {} }
    case 'app':
      return { path: '', search: {} }
    default:
      return undefined
  }
}
