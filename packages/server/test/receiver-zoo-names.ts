import { createSocket, type RemoteInfo } from 'node:dgram'

/** One question as the name server saw it. */
export type Question = { name: string; family: 4 | 6; count: number }

/** What the name server does: addresses of the family asked for, a response code, a cut answer, the name itself, or nothing. */
export type NameAnswer = readonly string[] | 'missing' | 'servfail' | 'refused' | 'truncated' | 'looping' | 'silent'

export type NameServer = {
  /** `address:port`, for `nameServers`. */
  readonly address: string
  readonly questions: Question[]
  close(): Promise<void>
}

const RCODE = { missing: 3, servfail: 2, refused: 5 }
const TRUNCATED = 0x0200
/** Response, recursion desired and available. */
const FLAGS = 0x8180
const TYPE_A = 1
const TYPE_CNAME = 5
const TYPE_AAAA = 28
const TTL_SECONDS = 0
/** A pointer to byte 12. */
const NAME_OF_QUESTION = Buffer.from([0xc0, 0x0c])

/**
 * A name server, UDP only, that answers A and AAAA questions as it is told; `delayMs` after the question.
 * @param answer called with each question; its `count` says how often this name and family were asked, from 1
 */
export async function startNameServer(
  answer: (question: Question) => NameAnswer | { answer: NameAnswer; delayMs: number },
  place: { address: string; port: number } = { address: '127.0.0.1', port: 0 },
): Promise<NameServer> {
  const questions: Question[] = []
  const counts = new Map<string, number>()
  const socket = createSocket('udp4')
  const reply = (query: Buffer, peer: RemoteInfo, family: 4 | 6, what: NameAnswer) => {
    if (what !== 'silent') socket.send(buildReply(query, family, what), peer.port, peer.address)
  }
  socket.on('message', (query, peer) => {
    const { name, type } = readQuestion(query)
    const family = type === TYPE_AAAA ? 6 : 4
    if (questions.length === 0) counts.clear() // a test has forgotten them
    const count = (counts.get(`${name} ${family}`) ?? 0) + 1
    counts.set(`${name} ${family}`, count)
    const question: Question = { name, family, count }
    questions.push(question)
    const what = answer(question)
    if (typeof what === 'object' && 'delayMs' in what)
      setTimeout(() => reply(query, peer, family, what.answer), what.delayMs)
    else reply(query, peer, family, what)
  })
  await new Promise<void>((resolve) => void socket.bind(place.port, place.address, resolve))
  return {
    address: `${place.address}:${socket.address().port}`,
    questions,
    close: () => new Promise((resolve) => void socket.close(resolve)),
  }
}

function readQuestion(query: Buffer): { name: string; type: number; end: number } {
  const labels: string[] = []
  let at = 12
  for (let length = query.readUInt8(at); length > 0; length = query.readUInt8(at)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + length))
    at += 1 + length
  }
  return { name: labels.join('.').toLowerCase(), type: query.readUInt16BE(at + 1), end: at + 5 }
}

function buildReply(query: Buffer, family: 4 | 6, answer: Exclude<NameAnswer, 'silent'>): Buffer {
  const addresses =
    typeof answer === 'string' ? [] : answer.filter((address) => address.includes(':') === (family === 6))
  const records = answer === 'looping' ? [buildAlias()] : addresses.map(buildRecord)
  const head = Buffer.alloc(12)
  query.copy(head, 0, 0, 2)
  const rcode = answer === 'missing' || answer === 'servfail' || answer === 'refused' ? RCODE[answer] : 0
  head.writeUInt16BE(FLAGS | rcode | (answer === 'truncated' ? TRUNCATED : 0), 2)
  head.writeUInt16BE(1, 4)
  head.writeUInt16BE(records.length, 6)
  return Buffer.concat([head, query.subarray(12, readQuestion(query).end), ...records])
}

function buildRecord(address: string): Buffer {
  const data = address.includes(':') ? readIPv6(address) : Buffer.from(address.split('.').map(Number))
  return buildAnswer(data.length === 16 ? TYPE_AAAA : TYPE_A, data)
}

/** The name is another name for itself. */
function buildAlias(): Buffer {
  return buildAnswer(TYPE_CNAME, NAME_OF_QUESTION)
}

function buildAnswer(type: number, data: Buffer): Buffer {
  const record = Buffer.alloc(12)
  NAME_OF_QUESTION.copy(record)
  record.writeUInt16BE(type, 2)
  record.writeUInt16BE(1, 4)
  record.writeUInt32BE(TTL_SECONDS, 6)
  record.writeUInt16BE(data.length, 10)
  return Buffer.concat([record, data])
}

function readIPv6(text: string): Buffer {
  const [before = '', after] = text.split('::')
  const read = (part: string | undefined) => (part ? part.split(':').map((group) => Number.parseInt(group, 16)) : [])
  const [left, right] = [read(before), read(after)]
  const groups = [...left, ...Array.from({ length: 8 - left.length - right.length }, () => 0), ...right]
  return Buffer.from(groups.flatMap((group) => [group >> 8, group & 0xff]))
}
