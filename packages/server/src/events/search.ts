import { type Npn, parseNpn } from '#src/population/npn.ts'

/** What one box looks for. `prefix`: a whole id, or the beginning of one. */
export type Search =
  | { kind: 'npn'; npn: Npn }
  | { kind: 'event' | 'attempt' | 'endpoint'; prefix: string }
  | { kind: 'uid'; uid: string }

const BEGINNING = /^(msg|evt|atmpt|ep)_[0-9A-Za-z]{0,27}$/
const UID = /^[a-zA-Z0-9\-_.]{1,256}$/
const KIND_OF: Readonly<Record<string, 'event' | 'attempt' | 'endpoint'>> = {
  msg: 'event',
  evt: 'event',
  atmpt: 'attempt',
  ep: 'endpoint',
}

/** @returns undefined for a text that can name nothing */
export function parseSearch(text: string): Search | undefined {
  const asNpn = parseNpn(text)
  if (asNpn !== undefined) return { kind: 'npn', npn: asNpn }
  const [, word = ''] = BEGINNING.exec(text) ?? []
  const kind = KIND_OF[word]
  if (kind !== undefined) return { kind, prefix: word === 'evt' ? text.replace('evt_', 'msg_') : text }
  return UID.test(text) ? { kind: 'uid', uid: text } : undefined
}
