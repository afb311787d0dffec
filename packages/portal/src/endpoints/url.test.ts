import { expect, test } from 'vitest'
import { asciiHostOf, hostOf, maskedUrl, pathOf, urlFault, urlFaultWhileTyped } from './url.ts'

test('values of a query are never shown, for they may be secrets', () => {
  expect(maskedUrl('https://a.example/in?token=s3cret&x=1#f')).toBe('https://a.example/in?token=…&x=…#f')
  expect(pathOf('https://a.example:8443/in?token=s3cret')).toBe('/in?token=…')
  expect(hostOf('https://a.example:8443/in')).toBe('a.example:8443')
})

test.each([
  ['', 'empty'],
  ['hooks.example', 'not_a_url'],
  ['ftp://hooks.example/', 'scheme'],
  ['http://hooks.example/', 'scheme'],
  ['https://user:pass@hooks.example/', 'credentials'],
  ['https://hooks.example/#x', 'fragment'],
  ['https://hooks.example:8443/', null],
  ['https://hooks.example:3000/', 'port'],
  ['https://192.168.0.7/', 'private'],
  ['https://[::1]/', 'private'],
  ['https://localhost:4000/', 'private'],
  ['https://hooks.example/in', null],
  [' https://münchen.example/ ', null],
])('in production %j is %s', (url, fault) => {
  expect(urlFault(url, { isSandbox: false })).toBe(fault)
})

test('in sandbox plain HTTP and addresses of the own machine are left to the service to judge', () => {
  expect(urlFault('http://localhost:4000/', { isSandbox: true })).toBeNull()
  expect(urlFault('http://hooks.example:3000/', { isSandbox: true })).toBe('http_port')
})

test('what is half typed is no fault yet', () => {
  const faultOf = (url: string) => urlFaultWhileTyped(urlFault(url, { isSandbox: false }) ?? undefined)
  expect(['', 'htt', 'https://', 'ftp://hooks', 'https://10.0.0.1'].map(faultOf)).toEqual([
    undefined,
    undefined,
    undefined,
    'scheme',
    'private',
  ])
})

test('a host in another script is shown as it is looked up', () => {
  expect(asciiHostOf(' https://bücher.example:8443/in?x=ü')).toBe('xn--bcher-kva.example:8443')
  expect(['https://', 'https://hooks.example/ü', 'https://ü ber.example'].map(asciiHostOf)).toEqual([null, null, null])
})
