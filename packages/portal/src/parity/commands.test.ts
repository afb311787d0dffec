import { expect, test } from 'vitest'
import { commandsOf } from './commands.ts'

const origin = 'https://api.example.com'
const app = '/api/v1/app/app_1'

test.each([
  [`${app}/endpoint?limit=250`, 'psapi endpoints list --limit 250'],
  [`${app}/endpoint/ep_1`, 'psapi endpoints get ep_1'],
  [
    `${app}/delivery?limit=50&state=retrying&state=exhausted&npn=15645555`,
    'psapi deliveries list --limit 50 --state retrying,exhausted --npn 15645555',
  ],
  [`${app}/msg/msg_1/timeline`, 'psapi events get msg_1 --timeline'],
  [`${app}/delivery?limit=50&iterator=x`, "psapi get '/api/v1/app/app_1/delivery?limit=50&iterator=x'"],
  [`${app}/endpoint-health?limit=50`, "psapi get '/api/v1/app/app_1/endpoint-health?limit=50'"],
  [`${app}/replay/qtask_1`, 'psapi replay status qtask_1'],
  [`${app}/population?limit=50&q=smith%20j`, "psapi producers list --limit 50 --search 'smith j'"],
  [`${app}/population/15645555`, 'psapi producers get 15645555'],
  [`${app}/run/2026-03-06`, 'psapi runs get 2026-03-06'],
  ['/api/v1/event-type/producersync.npn.activated', 'psapi catalog get producersync.npn.activated'],
  ['/v1/sandbox/clock', 'psapi sandbox clock'],
  [`${app}/summary`, 'psapi get /api/v1/app/app_1/summary'],
  ['/v1/admin/runs?size=50', "psapi get '/v1/admin/runs?size=50'"],
  ['/source-addresses.json', 'psapi get /source-addresses.json'],
])('%s is %s on the command line', (path, cli) => {
  expect(commandsOf(path, origin).cli).toBe(cli)
})

test('as cURL it is the same address, with the token as a variable, whatever stands in it', () => {
  expect(commandsOf(`${app}/endpoint/ep_1`, origin).curl).toBe(
    'curl -s https://api.example.com/api/v1/app/app_1/endpoint/ep_1 -H "Authorization: Bearer $PSAPI_TOKEN"',
  )
  expect(commandsOf(`${app}/delivery?q=a'$(reboot)`, origin).curl).toContain(
    `'https://api.example.com/api/v1/app/app_1/delivery?q=a'\\''$(reboot)'`,
  )
})
