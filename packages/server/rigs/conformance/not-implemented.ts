import type { Described, SeenAnswer } from '../../test/answer-judge.ts'

export type NotImplemented = { checked: number; faults: string[] }

const BATCH = 16

/**
 * Every operation of L that is not ours: 501 with a token, 401 without, both as JSON (webhook-api 16, behaviour 56). A method
 * that a path does not have is 405, a path outside L 404.
 */
export async function checkNotImplemented(
  url: string,
  key: string,
  ours: Described,
  lib: Described,
  saw: (answer: SeenAnswer) => void,
): Promise<NotImplemented> {
  const faults: string[] = []
  let checked = 0
  const expect = async (method: string, path: string, token: string | null, status: number) => {
    const target = path.replaceAll(/\{\w+\}/g, 'x')
    const answer = await fetch(`${url}${target}`, {
      method,
      headers: token ? { authorization: `Bearer ${token}` } : {},
    })
    const text = await answer.text()
    const contentType = answer.headers.get('content-type')
    saw({ method, url: target, status: answer.status, contentType, text })
    checked += 1
    if (answer.status !== status) faults.push(`56: ${method} ${path}: ${answer.status}, not ${status}`)
    if (contentType !== 'application/json') faults.push(`56: ${method} ${path}: ${contentType}`)
  }
  const all = Object.entries(lib.paths).flatMap(([path, methods]) =>
    Object.keys(methods)
      .filter((method) => !ours.paths[path]?.[method])
      .map((method) => ({ method: method.toUpperCase(), path })),
  )
  for (let from = 0; from < all.length; from += BATCH) {
    await Promise.all(
      all
        .slice(from, from + BATCH)
        .flatMap(({ method, path }) => [expect(method, path, key, 501), expect(method, path, null, 401)]),
    )
  }
  await expect('GET', '/api/v1/nothing-of-the-kind', key, 404)
  await expect('GET', '/api/v1/nothing-of-the-kind', null, 401)
  await expect('DELETE', '/api/v1/app', key, 405)
  return { checked, faults }
}
