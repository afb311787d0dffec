import { type HttpBehaviour, startZoo, type TlsBehaviour, type Zoo } from '../../test/receiver-zoo.ts'
import { startNameServer } from '../../test/receiver-zoo-names.ts'
import { brokenTls } from '../../test/receiver-zoo-outcomes.ts'
import { answer } from '../bench/commands.ts'
import { answerName, BEHAVIOURS } from './behaviours.ts'

/** The receivers of the zoo and the name server, in a process of their own: what they pour out is no load of the rig. */

const COUNT_MS = 500
const BAD_TLS: readonly string[] = [...brokenTls.map(([name]) => name), 'tls-stalled']

export type ZooStarted = { loopbackReceivers: string[]; nameServer: string; urls: Record<string, string> }
/** `requests`: by behaviour, as they arrived whole. */
export type ZooCounts = { requests: Record<string, number>; payloadBytesOverBadTls: number }

let zoo: Zoo | undefined
const requests = new Map<string, number>()
let payloadBytesOverBadTls = 0

const commands = {
  start: async (): Promise<ZooStarted> => {
    zoo = await startZoo()
    const { address } = await startNameServer(answerName)
    setInterval(count, COUNT_MS)
    const urls = BEHAVIOURS.flatMap(
      ({ name, url }) =>
        zoo && 'zoo' in url ? [[name, zoo.url(url.zoo as HttpBehaviour | TlsBehaviour, url.rest)]] : [], // from its own table
    )
    return { loopbackReceivers: [...zoo.loopbackReceivers], nameServer: address, urls: Object.fromEntries(urls) }
  },
  count: (): ZooCounts => {
    count()
    return { requests: Object.fromEntries(requests), payloadBytesOverBadTls }
  },
}
export type ZooCommands = typeof commands

/** Nothing of a request is kept: a long run brings millions. */
function count(): void {
  for (const { behaviour, port, body } of zoo?.requests.splice(0) ?? []) {
    const name = port === 'http' ? behaviour : port
    requests.set(name, (requests.get(name) ?? 0) + 1)
    if (BAD_TLS.includes(port)) payloadBytesOverBadTls += body.length
  }
}

answer(commands)
