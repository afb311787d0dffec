import { fileURLToPath } from 'node:url'
import { createConfig, lintFromString } from '@redocly/openapi-core'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { TestService } from './service.ts'

const FILE = fileURLToPath(new URL('../openapi.json', import.meta.url))

let service: TestService
let text: string

beforeAll(async () => {
  service = await TestService.start()
  const answer = await fetch(`${service.url}/openapi.json`)
  expect(answer.status).toBe(200)
  expect(answer.headers.get('content-type')).toBe('application/json')
  text = await answer.text()
})
afterAll(() => service.close())

test('what is served to all is what is kept in openapi.json (npm run -s describe writes it)', async () => {
  await expect(text).toMatchFileSnapshot(FILE)
})

test('it is OpenAPI 3.1 that a linter has nothing to say about', async () => {
  const config = await createConfig({ extends: ['recommended'] })
  const problems = await lintFromString({ source: text, absoluteRef: FILE, config })
  expect(problems.map(({ ruleId, message, location }) => [ruleId, message, location[0]?.pointer])).toEqual([])
})
