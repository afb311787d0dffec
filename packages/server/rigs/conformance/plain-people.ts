type Body = Record<string, unknown>
type Call = (operationId: string, method: string, path: string, body?: unknown) => Promise<Body>

/** What every PNG begins with. */
const PNG = Buffer.from('\x89PNG\r\n\x1a\n', 'latin1').toString('base64')

/** Who may do what in an account, and who did what: what no SDK knows. */
export async function runPeopleFlow(call: Call, account: string): Promise<void> {
  const app = `/api/v1/app/${account}`
  const { id: member } = await call('v1.member.create', 'POST', `${app}/member`, { person: 'Ada', role: 'viewer' })
  await call('v1.member.list', 'GET', `${app}/member`)
  await call('v1.member.patch', 'PATCH', `${app}/member/${String(member)}`, { role: 'developer' })
  await call('v1.member.get', 'GET', `${app}/member/${String(member)}`)
  await call('v1.login-link.create', 'POST', `${app}/login-link`, { memberId: member })
  await call('v1.member.delete', 'DELETE', `${app}/member/${String(member)}`)

  const made = await call('v1.key.create', 'POST', `${app}/key`, { kind: 'client', name: 'Plain' })
  const [key, secrets] = [fieldOf(made.key, 'id'), fieldOf(made.key, 'secrets')]
  const [oldest]: unknown[] = Array.isArray(secrets) ? secrets : []
  const path = `${app}/key/${String(key)}`
  await call('v1.key.list', 'GET', `${app}/key`)
  await call('v1.key.get', 'GET', path)
  await call('v1.key.rotate', 'POST', `${path}/rotate`)
  await call('v1.key.secret.delete', 'DELETE', `${path}/secret/${String(fieldOf(oldest, 'id'))}`)
  await call('v1.key.delete', 'DELETE', path)

  await call('v1.account-settings.patch', 'PATCH', `${app}/settings`, { timeZone: 'America/Chicago' })
  await call('v1.account-settings.get', 'GET', `${app}/settings`)
  await call('v1.account-settings.put-logo', 'PUT', `${app}/settings/logo`, { contentType: 'image/png', data: PNG })
  await call('v1.account-settings.get-logo', 'GET', `${app}/settings/logo`)
  await call('v1.account-settings.delete-logo', 'DELETE', `${app}/settings/logo`)

  const look = '/api/v1/env/look'
  await call('v1.env.look.patch', 'PATCH', look, { accent: '#0b625c' })
  await call('v1.env.look.get', 'GET', look)
  await call('v1.env.look.put-logo', 'PUT', `${look}/logo`, { contentType: 'image/png', data: PNG })
  await call('v1.env.look.get-logo', 'GET', `${look}/logo`)
  await call('v1.env.look.delete-logo', 'DELETE', `${look}/logo`)

  await call('v1.endpoint.rotate-secret', 'POST', `${app}/endpoint/main/secret/rotate`)
  const list = await call('v1.endpoint.secret.list', 'GET', `${app}/endpoint/main/secret/list`)
  const [, former]: unknown[] = Array.isArray(list.data) ? list.data : []
  await call('v1.endpoint.secret.delete', 'DELETE', `${app}/endpoint/main/secret/${String(fieldOf(former, 'id'))}`)

  await call('v1.audit.list', 'GET', `${app}/audit?operation=v1.member`)
  await call('v1.audit.export', 'GET', `${app}/audit/export`)
  await call('v1.env.audit.list', 'GET', `/api/v1/env/audit?account=${account}`)
  await call('v1.env.audit.export', 'GET', '/api/v1/env/audit/export?operation=v1.member')
  await call('v1.env.account.list', 'GET', '/api/v1/env/account?q=Plain')
  await call('v1.env.health', 'GET', '/api/v1/env/health')
  const invitation = { account, person: 'Grace', role: 'viewer' }
  const { id: link } = await call('v1.env.login-link.create', 'POST', '/api/v1/env/login-link', invitation)
  await call('v1.env.login-link.list', 'GET', '/api/v1/env/login-link?state=unused')
  await call('v1.env.login-link.delete', 'DELETE', `/api/v1/env/login-link/${String(link)}`)
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined
}
