// Imports point one way: edges → decisions and stores → adapters (STYLE.md, "Shape"). Each rule says what would be lost without it.
// Sources are read by swc: TypeScript 7 has no API for tools, and without a parser no .ts file is seen and nothing is ever wrong.
require.resolve('@swc/core')

const server = '^packages/server/src'
const tests = '[.]test[.]ts$|^packages/[^/]+/(test|rigs|snippets)/|/build[.]ts$'
const product = { path: '^(packages|examples)/', pathNot: tests }

/** Plain values in, plain value out. */
const decisions = [
  `${server}/accounts/(account|environment-settings|principal)[.]ts$`,
  `${server}/attempts/attempt[.]ts$`,
  `${server}/audit/audit[.]ts$`,
  `${server}/delivery/(alarms|breaker|decide|delivery|failure-classes|failure-clock|lane|ring|row-period|schedule|token-bucket|width)[.]ts$`,
  `${server}/endpoints/(answers|change|endpoint|faults|headers)[.]ts$`,
  `${server}/events/(envelope|producersync-types)[.]ts$`,
  `${server}/population/(decide|job|npn|v1-list)[.]ts$`,
  `${server}/portal/(cookie|link|role|session)[.]ts$`,
  `${server}/replays/pace[.]ts$`,
  `${server}/trials/verdict[.]ts$`,
  `${server}/updates/(calendar|local-date|feed/(normalise|normalise-loa|normalise-renewal|retry-schedule))[.]ts$`,
]
const stores = `${server}/[^/]+/(store|[a-z-]*-store)[.]ts$`
/** Routes, and what runs by itself; adapters have a routes.ts of their own. */
const edges = `${server}/(?!adapters/)[^/]+/(routes|worker|runner|[a-z-]*-routes|[a-z-]*-runner|token-endpoint)[.]ts$`

/** A type is a word, not a call: it may come from where a value may not. */
const valuesOnly = { dependencyTypesNot: ['type-only'] }

/**
 * Folders of the domain, each readable without those after it, and without its neighbours. failpoint.ts holds the names of places
 * where tests break a process; accepting has some too. npn.ts holds what events are about.
 */
function inOrder(layers) {
  return layers.flatMap((layer, index) =>
    layer.map((folder) => ({
      name: `${folder}-in-order`,
      comment: `Of the folders of the domain, only those before ${folder} may be imported there.`,
      from: { path: `${server}/${folder}/`, pathNot: tests },
      to: {
        path: `${server}/(${layers.slice(index).flat().join('|')})/`,
        pathNot: [`${server}/${folder}/`, `${server}/(delivery/failpoint|population/npn)[.]ts$`],
      },
    })),
  )
}

const rules = [
  {
    name: 'no-cycles',
    comment:
      'What imports each other cannot be read, tested or moved alone; nor for types: the noun belongs in a file of its own.',
    from: {},
    to: { circular: true },
  },
  {
    name: 'all-found',
    comment: 'An import that cannot be resolved is one no rule sees.',
    from: {},
    to: { couldNotResolve: true },
  },
  {
    name: 'product-without-tests',
    comment: 'Test support has no bounds and no care for secrets.',
    from: product,
    to: { path: tests },
  },
  {
    name: 'product-with-its-own-dependencies',
    comment:
      'What runs is in "dependencies" of the package that imports it: development ones are not there in production.',
    from: product,
    to: { dependencyTypes: ['npm-dev', 'npm-no-pkg', 'npm-unknown'], dependencyTypesNot: ['type-only'] },
  },

  {
    name: 'receiver-alone',
    comment: 'The receiver package has no dependencies: it is installed into the services of customers.',
    from: { path: '^packages/receiver/src/', pathNot: tests },
    to: { pathNot: '^packages/receiver/src/', dependencyTypesNot: ['core'] },
  },
  {
    name: 'receiver-core-without-node',
    comment:
      'Any JavaScript runtime signs, verifies and receives; node:… is for those entries that have it in their name.',
    from: { path: '^packages/receiver/src/', pathNot: [tests, '/node(-crypto|-http)?[.]ts$'] },
    to: { dependencyTypes: ['core'] },
  },
  {
    name: 'receiver-core-apart-from-node',
    comment: 'Nor by a detour.',
    from: { path: '^packages/receiver/src/(index|dedupe|testing|adapters/(fetch|hono|azure|lambda))[.]ts$' },
    to: { path: '^packages/receiver/src/(node(-crypto)?|adapters/node-http)[.]ts$', reachable: true },
  },
  {
    name: 'receiver-by-its-entries',
    comment: 'Server and examples use the receiver as customers do.',
    from: { path: '^(packages/server|examples)/' },
    to: { path: '^packages/receiver/', pathNot: '^packages/receiver/src/(index|node|testing)[.]ts$' },
  },
  {
    name: 'cli-from-outside',
    comment:
      'The command is a client of the HTTP API, and checks signatures with the receiver package as customers do.',
    from: { path: '^packages/cli/src/', pathNot: tests },
    to: { path: '^packages/', pathNot: '^packages/(cli/(src|node_modules)/|receiver/src/node[.]ts$)' },
  },
  {
    name: 'portal-from-outside',
    comment: 'The pages are a client of the HTTP API, and take from the server the types of its contract, no more.',
    from: { path: '^packages/portal/src/', pathNot: tests },
    to: { path: '^packages/(?!portal/)', pathNot: '^packages/server/src/contract[.]ts$' },
  },
  {
    name: 'contract-is-types',
    comment: 'Nothing of the server runs in a browser.',
    from: { path: '^packages/portal/' },
    to: { path: '^packages/server/', dependencyTypesNot: ['type-only'] },
  },
  {
    name: 'examples-from-outside',
    comment: 'An example shows what a customer can do: the HTTP API and the receiver package.',
    from: { path: '^examples/' },
    to: { path: '^packages/server/' },
  },

  {
    name: 'adapters-without-domain',
    comment: 'PostgreSQL, the network and the clock know no word of the domain.',
    from: { path: `${server}/adapters/`, pathNot: `${server}/adapters/http/` },
    to: { path: '^packages/server/', pathNot: `${server}/adapters/|^packages/server/test/` },
  },
  {
    name: 'http-knows-callers-and-refusals',
    comment:
      'The HTTP kernel turns a token into a principal and a refusal into a status, and knows nothing else of the domain.',
    from: { path: `${server}/adapters/http/` },
    to: {
      path: '^packages/server/',
      pathNot: `${server}/(adapters/|domain-error[.]ts$|accounts/principal[.]ts$)|^packages/server/test/`,
    },
  },
  {
    name: 'adapters-apart',
    comment:
      'The ways in and out know nothing of each other; only HTTP answers to what PostgreSQL says (busy, down, replayed).',
    from: { path: `${server}/adapters/(postgres|outgoing)/`, pathNot: tests },
    to: { path: `${server}/adapters/(http|postgres|outgoing)/`, pathNot: `${server}/adapters/$1/` },
  },
  {
    name: 'clock-and-ids-alone',
    comment: 'Everyone imports them.',
    from: { path: `${server}/adapters/(clock|ids)[.]ts$` },
    to: { path: `${server}/`, pathNot: `${server}/adapters/(clock|ids)[.]ts$` },
  },
  {
    name: 'one-driver',
    comment: 'Statements go through adapters/postgres: parameters, roles and time limits are seen to there.',
    from: { ...product, pathNot: [tests, `${server}/adapters/postgres/`] },
    to: { path: '(^|/)node_modules/(@types/)?pg/' },
  },
  {
    name: 'one-way-out',
    comment:
      'Requests to endpoints go through adapters/outgoing: the address policy is there. http-client asks servers that operators have named.',
    from: { path: `${server}/`, pathNot: [tests, `${server}/adapters/(outgoing|http-client)/`] },
    to: { path: '(^|/)node_modules/undici/' },
  },

  {
    name: 'simulator-in-place-of-nipr',
    comment: 'It says what the service should read; would it use how the service reads, both could be wrong together.',
    from: { path: `${server}/simulator/`, pathNot: tests },
    to: {
      path: `${server}/`,
      pathNot: `${server}/(simulator/|adapters/(clock[.]ts|xml/|http-client/)|population/npn[.]ts|updates/(calendar|local-date|feed/feed)[.]ts)`,
      ...valuesOnly,
    },
  },
  {
    name: 'decisions-are-pure',
    comment:
      'Decisions take time, chance and rows as arguments; from adapters they use arithmetic and words (addMs, ids, outcomes).',
    from: { path: decisions },
    to: {
      path: `${server}/`,
      pathNot: [
        ...decisions,
        `${server}/(domain-error|adapters/(clock|ids|http/faults|outgoing/outcome)|events/message-out)[.]ts$`,
      ],
      ...valuesOnly,
    },
  },
  {
    name: 'decisions-without-input-or-output',
    comment: 'Nothing to read, nothing to wait for, nothing random.',
    from: { path: decisions },
    to: { dependencyTypes: ['core'], ...valuesOnly },
  },
  {
    name: 'decisions-without-stores',
    comment: 'Rows become nouns at the edge of a store; the nouns are the decisions’ own.',
    from: { path: decisions, pathNot: `${server}/delivery/lane[.]ts$` },
    to: { path: [stores, edges, `${server}/adapters/postgres/`, '(^|/)node_modules/(@types/)?(pg|fastify)/'] },
  },
  {
    name: 'stores-below-edges',
    comment: 'A store answers whoever asks; of HTTP it knows the type of a page, no more.',
    from: { path: stores },
    to: { path: [`${server}/adapters/(http|outgoing)/`, edges, '(^|/)node_modules/fastify/'], ...valuesOnly },
  },
  {
    name: 'edges-on-top',
    comment: 'Only app.ts, its wiring and the routes of the same folder put edges together.',
    from: { path: `${server}/`, pathNot: [tests, `${server}/(app[.]ts$|wiring/)`, `${server}/[^/]+/routes[.]ts$`] },
    to: { path: edges, ...valuesOnly },
  },
  {
    name: 'app-on-top',
    comment: 'app.ts and its folder wire; who needs a part takes it as an argument.',
    from: { path: `${server}/`, pathNot: [tests, `${server}/(main|app)[.]ts$`, `${server}/wiring/`] },
    to: { path: `${server}/((app|main|admin|welcome)[.]ts$|wiring/)`, ...valuesOnly },
  },
  {
    name: 'settings-from-the-top',
    comment: 'Settings are read in one place and handed over as arguments.',
    from: { path: `${server}/`, pathNot: [tests, `${server}/((main|admin|app|welcome)[.]ts$|(admin|wiring)/)`] },
    to: { path: `${server}/config[.]ts$` },
  },

  ...inOrder([
    ['accounts'],
    ['audit'],
    ['events'],
    ['population', 'endpoints'],
    ['delivery'],
    ['tally'],
    ['attempts', 'tasks'],
    ['delivery-log'],
    ['replays', 'erasure', 'statistics', 'interchange', 'portal', 'trials', 'issues'],
    ['notices'],
    ['operate'],
  ]),
]

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: rules.map((rule) => ({ severity: 'error', ...rule })),
  options: {
    parser: 'swc',
    tsPreCompilationDeps: true,
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '(^|/)node_modules/[.]|^packages/portal/dist/' },
    combinedDependencies: true,
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'types', 'default'],
      extensions: ['.ts', '.tsx', '.js', '.mjs', '.cjs', '.json'],
    },
  },
}
