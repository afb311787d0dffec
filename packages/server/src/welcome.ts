import type { App } from '#src/app.ts'
import type { Config } from '#src/config.ts'
import type { StartLinks } from '#src/portal/start-links.ts'

/**
 * What the terminal shows once the service is ready: where it is, and lines to copy that lead to a first webhook. Secrets
 * are in it on the very first start only; later lines read them from the environment.
 * @param links  the ways into the portal, each of which works once
 */
export function welcome(app: App, config: Config, links: StartLinks | null): string {
  const { url, firstAccount } = app
  const lines = [
    '',
    `ProducerSync is ready.${url === null || !config.roles.has('api') ? '' : ` API: ${url}`}   Probes and metrics: ${app.adminUrl}`,
    `Database: ${config.database ? 'DATABASE_URL' : `embedded, data in ${config.dataDir}`}   Roles: ${[...config.roles].join(', ')}`,
  ]
  if (url !== null && config.roles.has('portal')) lines.push(`Portal: ${url}/portal/`)
  if (config.loopbackReceivers.length > 0) {
    lines.push(`Receivers on loopback that endpoints may use: ${config.loopbackReceivers.join(', ')}`)
  }
  const answersApi = url !== null && config.roles.has('api')
  if (answersApi && firstAccount) lines.push(...firstSteps(url, firstAccount))
  else if (answersApi)
    lines.push(
      '',
      'The README has the lines for a first webhook; lost credentials: npm run -s admin -- client rotate --help',
    )
  if (links) {
    lines.push(
      '',
      'The portal; each link works once, within an hour:',
      `  as admin of "${links.account.name}"  ${links.accountUrl}`,
      `  as staff of the sandbox  ${links.staffUrl}`,
    )
  } else if (url !== null) {
    lines.push('', 'Ways into the portal: npm run -s admin -- login-link create --help, and operator-link --help')
  }
  lines.push('', 'Ctrl-C stops it; the data stays.', '')
  return lines.join('\n')
}

function firstSteps(url: string, { account, client, environmentKey }: NonNullable<App['firstAccount']>): string[] {
  return [
    '',
    `Sandbox account "${account.name}" (${account.id}). Its credentials are shown this once and kept nowhere:`,
    '',
    `  export PSAPI_URL=${url}`,
    `  export PSAPI_ACCOUNT=${account.id}`,
    `  export PSAPI_CLIENT_ID=${client.clientId}`,
    `  export PSAPI_CLIENT_SECRET=${client.secret}`,
    `  export PSAPI_ENVIRONMENT_KEY=${environmentKey}`,
    '',
    'Paste them into a second terminal and follow "A first webhook" in the README.',
  ]
}
