import { once } from 'node:events'
import { rmSync } from 'node:fs'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createProgram } from '../src/program.ts'
import { buildPsapi, type Ended, leavesOf, Psapi } from './psapi.ts'
import { offline, samples } from './samples.ts'

/** What holds for every command, each as a process: a network that is broken, credentials that are wrong, Ctrl-C. */

const AT_ONCE = 4

let psapi: Psapi
let refusing: Server
let removeBuilt = () => {}

beforeAll(async () => {
  removeBuilt = buildPsapi()
  refusing = await listening((_request, response) => {
    response.writeHead(401, { 'content-type': 'application/json', 'x-request-id': 'req_1' })
    response.end('{"code":"authentication_failed","detail":"The token is unknown."}')
  })
  psapi = new Psapi({ PSAPI_ACCOUNT: 'app_1', PSAPI_TOKEN: 'sk_marked-secret-of-the-test' })
})
afterAll(() => {
  end(refusing)
  rmSync(psapi.home, { recursive: true })
  removeBuilt()
})

async function listening(answer: Parameters<typeof createServer>[1]): Promise<Server> {
  const server = createServer(answer).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

function end(server: Server): void {
  server.closeAllConnections()
  server.close()
}

function urlOf(server: Server): string {
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

/** Some at a time: as many processes as there are commands would only wait for each other. */
async function ofEach<Result>(run: (name: string, args: string[]) => Promise<Result>): Promise<[string, Result][]> {
  const results: [string, Result][] = []
  const left = Object.entries(samples)
  await Promise.all(
    Array.from({ length: AT_ONCE }, async () => {
      for (let next = left.shift(); next; next = left.shift()) {
        const [name, args] = next
        results.push([name, await run(name, [...name.split(' '), ...args])])
      }
    }),
  )
  return results
}

/** What is not as it should be, by command. */
function wrongOf(results: [string, Ended][], isRight: (ended: Ended, name: string) => boolean) {
  return results.filter(([name, ended]) => !isRight(ended, name))
}

/** One line of JSON, the last of stderr. */
function errorOf({ stderr }: Ended) {
  return JSON.parse(stderr.trimEnd().split('\n').at(-1) ?? '').error
}

test('every command has a sample, so that none of these tests passes it over', () => {
  const { stdin, stdout, stderr } = process
  const leaves = leavesOf(createProgram({ stdin, stdout, stderr, env: {}, cwd: '/' }, '1.2.3'))
  expect(Object.keys({ ...samples, ...offline }).sort()).toEqual(leaves.map(({ path }) => path).sort())
})

test('5 where nobody answers, with one error and nothing on stdout; doctor prints how far it came', async () => {
  const gone = await listening(() => {})
  const url = urlOf(gone)
  await new Promise((resolve) => gone.close(resolve))
  const results = await ofEach((_, args) => psapi.run([...args, '--json', '--yes'], { env: { PSAPI_URL: url } }))
  const isRight = (ended: Ended, name: string) =>
    ended.code === 5 &&
    (name === 'doctor' || (ended.stdout === '' && errorOf(ended).code === 'unreachable')) &&
    errorOf(ended).message.includes('cannot be reached')
  expect(wrongOf(results, isRight)).toEqual([])
})

test('3 with credentials that are wrong, which no output holds', async () => {
  const env = { PSAPI_URL: urlOf(refusing) }
  const results = await ofEach((_, args) => psapi.run([...args, '--json', '--yes', '--verbose', '--curl'], { env }))
  const isRight = (ended: Ended, name: string) => {
    if (`${ended.stdout}${ended.stderr}`.includes('marked-secret')) return false
    if (name === 'doctor') return ended.code === 5 // the service says that it is not well
    const { status, requestId, hint } = errorOf(ended)
    return ended.code === 3 && ended.stdout === '' && status === 401 && requestId === 'req_1' && hint !== undefined
  }
  expect(wrongOf(results, isRight)).toEqual([])
})

test('130 when it is interrupted while it waits, and nothing is printed', async () => {
  const results = await ofEach(async (_, args) => {
    const hanging = await listening(() => {})
    const child = psapi.start([...args, '--yes'], { PSAPI_URL: urlOf(hanging) })
    child.stdin.end()
    let stdout = ''
    child.stdout.on('data', (chunk: Buffer) => {
      stdout += chunk.toString()
    })
    const ended = once(child, 'close')
    await once(hanging, 'request')
    child.kill('SIGINT')
    const [code] = await ended
    end(hanging)
    return { code, stdout, stderr: '' }
  })
  expect(wrongOf(results, ({ code, stdout }) => code === 130 && stdout === '')).toEqual([])
})
