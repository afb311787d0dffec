import { AnswerJudge, type Described, type SeenAnswer } from '../../test/answer-judge.ts'
import { runBehaviours } from './behaviours.ts'
import { Comparison } from './comparison.ts'
import { Evidence } from './evidence.ts'
import { type FuzzDocument, type FuzzParts, fuzz } from './fuzz/fuzz.ts'
import { runLanguages } from './languages.ts'
import { checkNotImplemented } from './not-implemented.ts'
import type { Options } from './options.ts'
import { judgesOf, type Oracle } from './oracle.ts'
import { type OwnCheck, runOwnChecks } from './own-checks.ts'
import { runPlainFlow } from './plain-flow.ts'
import { type ClientProxy, startProxy } from './proxy.ts'
import { runReact } from './react.ts'
import { VerifyingReceiver } from './receiver.ts'
import type { Found, Report, SdkFigures } from './report.ts'
import { runSdkFlow } from './sdk-flow.ts'
import { loadSdks } from './sdks.ts'
import { openService, type Producer, type RunningService } from './service.ts'

type Parts = {
  options: Options
  /** Text of vitest's JSON report, when there is one already. */
  report: string | null
  oracle: Oracle
  say: (words: string) => void
  signal: AbortSignal
}

/** Many times what 20,000 requests take on two cores that have nothing else to do. */
const FUZZ_SECONDS_MAX = 600
const FUZZ_CLIENTS = 6
/** One that values of the fuzz run have too: its data is there, so that no read waits for a load. */
const FUZZ_NPN = '15645555'

/** Starts the service and holds it against everything. */
export async function run(parts: Parts): Promise<Found> {
  const startedAt = performance.now()
  const receiver = new VerifyingReceiver()
  await receiver.start()
  parts.say('starting the service')
  const service = await openService([receiver.address]).catch(async (error: unknown) => {
    await receiver.close()
    throw error
  })
  const proxies: ClientProxy[] = []
  try {
    const found = await new Run(parts, service, receiver, proxies).run()
    parts.say('behaviours')
    const { faults, ...behaviours } = await runBehaviours(found.own, parts.report)
    const seconds = Math.round((performance.now() - startedAt) / 1_000)
    const report: Report = { ...found.report, behaviours, seconds }
    return { report, faults: [...found.faults, ...faults] }
  } finally {
    for (const proxy of proxies) await proxy.close()
    await service.close()
    await receiver.close()
  }
}

/** What paths of the ProducerSync API can name. */
function namesOf(records: Producer): Record<string, string[]> {
  return {
    npn: [FUZZ_NPN],
    id: Object.values(records).map(({ id }) => String(id)),
    licenseId: [String(records.license.id)],
  }
}

class Run {
  readonly #parts: Parts
  readonly #service: RunningService
  readonly #receiver: VerifyingReceiver
  readonly #proxies: ClientProxy[]
  readonly #faults: string[] = []

  constructor(parts: Parts, service: RunningService, receiver: VerifyingReceiver, proxies: ClientProxy[]) {
    this.#parts = parts
    this.#service = service
    this.#receiver = receiver
    this.#proxies = proxies
  }

  async run(): Promise<{ report: Omit<Report, 'behaviours' | 'seconds'>; faults: string[]; own: OwnCheck[] }> {
    const { options, oracle, say, signal } = this.#parts
    const document = (await (await fetch(`${this.#service.url}/openapi.json`)).json()) as Described & FuzzDocument
    const evidence = new Evidence(new AnswerJudge(document, { closed: true }), judgesOf(oracle))
    const ids = new Set(
      Object.values(document.paths).flatMap((path) => Object.values(path).map((each) => each.operationId)),
    )
    const claimed = Object.entries(document.paths).flatMap(([path, methods]) =>
      Object.keys(methods).map((method) => `${method.toUpperCase()} ${path}`),
    )

    say('comparing the descriptions')
    const comparison = new Comparison(document, oracle.lib)
    const incompatible = comparison.run()
    const sdk = await this.#sdks(evidence, new Set(claimed), (id) => ids.has(id))
    say('svix-react')
    const react = await runReact({
      serverUrl: await this.#proxyFor('svix-react', evidence),
      key: this.#service.key,
      receiver: this.#receiver,
      claims: (id) => ids.has(id),
    })
    this.#faults.push(...react.faults)
    say('plain HTTP')
    const plain = {
      publicUrl: this.#service.url,
      receiver: this.#receiver,
      client: this.#service.client,
      producer: this.#service.producer,
      heldRun: this.#service.heldRun,
      heldJob: this.#service.heldJob,
      claims: (id: string) => ids.has(id),
    }
    const url = await this.#proxyFor('plain HTTP', evidence)
    this.#faults.push(...(await runPlainFlow({ ...plain, url, key: this.#service.key })))
    say('what is not implemented')
    const saw = (answer: SeenAnswer) => evidence.saw('plain HTTP', answer)
    const own = await runOwnChecks({ url, key: this.#service.key })
    const absent = await checkNotImplemented(this.#service.url, this.#service.key, document, oracle.lib, saw)
    const languages = await runLanguages({
      wanted: options.languages,
      url: await this.#proxyFor('languages', evidence),
      key: this.#service.key,
      receiverUrl: this.#receiver.urlOf('/languages'),
      say,
    })
    const deliveries = this.#receiver.verify()

    say(`fuzz: ${options.requests} requests, seed ${options.seed}`)
    const fuzzed = await fuzz({
      document,
      url: this.#service.url,
      ...(await this.#fuzzAccess()),
      evidence,
      receiverUrl: this.#receiver.urlOf('/fuzz'),
      seed: options.seed,
      requests: options.requests,
      secondsMax: FUZZ_SECONDS_MAX,
      signal,
    })

    const exercised = claimed.filter((operation) => evidence.exercised().has(operation))
    const { violations } = evidence
    this.#faults.push(
      ...claimed
        .filter((operation) => !exercised.includes(operation))
        .map((operation) => `not exercised: ${operation}`),
      ...incompatible,
      ...absent.faults,
      ...deliveries.failures,
      ...[...violations].map(([violation, count]) => `${violation} (${count} times)`),
      ...fuzzed.faults,
    )
    return {
      report: {
        operations: { claimed: claimed.length, exercised: exercised.length },
        sdk,
        react: { checks: react.checks, faults: react.faults.length },
        schemaViolations: violations.size,
        ...evidence.counts,
        comparison: { compared: comparison.compared, faults: incompatible.length },
        notImplemented: { checked: absent.checked, faults: absent.faults.length },
        deliveries,
        languages,
        fuzz: fuzzed.figures,
      },
      faults: this.#faults,
      own: [...own, ...this.#overall(sdk, react.faults, violations, absent.faults)],
    }
  }

  /** Behaviours that the whole of a run shows. */
  #overall(
    sdk: Readonly<Record<string, SdkFigures>>,
    react: readonly string[],
    violations: ReadonlyMap<string, number>,
    absent: readonly string[],
  ): OwnCheck[] {
    const flows = Object.entries(sdk).filter(([, { faults }]) => faults > 0)
    const ofSdks = [...flows.map(([name]) => name), ...react]
    return [
      {
        number: 1,
        name: 'every answer has the status, type and body that are described',
        faults: [...violations.keys()],
      },
      { number: 2, name: 'the flows of both SDKs, and the hooks, pass unchanged', faults: ofSdks },
      { number: 56, name: 'what is not ours is 501, an unknown path 404, another method 405', faults: absent },
    ]
  }

  async #sdks(
    evidence: Evidence,
    claimed: ReadonlySet<string>,
    claims: (operationId: string) => boolean,
  ): Promise<Record<string, SdkFigures>> {
    const figures: Record<string, SdkFigures> = {}
    for (const sdk of loadSdks()) {
      this.#parts.say(sdk.name)
      const serverUrl = await this.#proxyFor(sdk.name, evidence)
      const faults = await runSdkFlow({ sdk, token: this.#service.key, serverUrl, receiver: this.#receiver, claims })
      const wanted = [...sdk.operations].filter((operation) => claimed.has(operation))
      const missing = wanted.filter((operation) => !evidence.exercised(sdk.name).has(operation))
      faults.push(...missing.map((operation) => `${sdk.name}: not called: ${operation}`))
      figures[sdk.name] = { claimed: wanted.length, exercised: wanted.length - missing.length, faults: faults.length }
      this.#faults.push(...faults)
    }
    return figures
  }

  async #proxyFor(client: string, evidence: Evidence): Promise<string> {
    const proxy = await startProxy(this.#service.url, (answer) => evidence.saw(client, answer))
    this.#proxies.push(proxy)
    return proxy.url
  }

  /** An environment key, an app token, a session's token, and tokens of several clients: each has a rate limit of its own. */
  async #fuzzAccess(): Promise<Pick<FuzzParts, 'tokens' | 'named'>> {
    const { url, key, client } = this.#service
    const post = async (path: string, body: object | URLSearchParams, headers: Record<string, string> = {}) => {
      const isForm = body instanceof URLSearchParams
      const type: Record<string, string> = isForm ? {} : { 'content-type': 'application/json' }
      const text = isForm ? body : JSON.stringify(body)
      const answer = await fetch(`${url}${path}`, { method: 'POST', headers: { ...type, ...headers }, body: text })
      return (await answer.json()) as { id?: string; access_token?: string; token?: string; url?: string }
    }
    const operator = { authorization: `Bearer ${key}` }
    const { id: accountId = '' } = await post('/api/v1/app', { name: 'Fuzz', uid: 'fuzz' }, operator)
    const records = await this.#service.producer(accountId, FUZZ_NPN)
    const access = await post('/api/v1/auth/app-portal-access/fuzz', {}, operator)
    const [, linkKey] = (access.url ?? '').split('#key=')
    const session = await post('/portal/session', { key: linkKey, embed: true }, { origin: url })
    const account: string[] = []
    while (account.length < FUZZ_CLIENTS) {
      const { id, secret } = await client('fuzz')
      const form = new URLSearchParams({ grant_type: 'client_credentials', client_id: id, client_secret: secret })
      account.push((await post('/oauth2/token', form)).access_token ?? '')
    }
    const tokens = { operator: key, app: access.token ?? '', session: session.token ?? '', account }
    return { tokens, named: namesOf(records) }
  }
}
