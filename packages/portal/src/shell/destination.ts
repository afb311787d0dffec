/** 27 characters after its prefix, or the UUID of a job. */
const WHOLE = /^[a-z]{2,8}_[0-9A-Za-z]{27}$/
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

export function isWholeId(word: string): boolean {
  return WHOLE.test(word) || UUID.test(word)
}

/**
 * The page of an object, below `/a/{account}`, by its id. Mails, the CLI's `open` and the search box lead here.
 * @returns undefined for what has no page
 */
export function pageOfId(id: string): { path: string; search: Readonly<Record<string, string>> } | undefined {
  if (UUID.test(id)) return { path: `producers/jobs/${id}`, search: {} }
  const [, prefix = '', rest = ''] = /^([a-z]+)_(.+)$/.exec(id) ?? []
  switch (prefix) {
    case 'ep':
      return { path: `endpoints/${id}`, search: {} }
    case 'msg':
    case 'evt':
      return { path: `events/msg_${rest}`, search: {} }
    case 'atmpt':
      return { path: 'log', search: { q: id } }
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
