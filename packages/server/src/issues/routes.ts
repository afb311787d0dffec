import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { Environments } from '#src/accounts/environments.ts'
import type { Clock } from '#src/adapters/clock.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { idText } from '#src/adapters/http/schema.ts'
import { isId } from '#src/adapters/ids.ts'
import type { Database, Queryable } from '#src/adapters/postgres/database.ts'
import { findEndpoint } from '#src/attempts/addressed.ts'
import { failureOut } from '#src/attempts/answers.ts'
import { notFound } from '#src/domain-error.ts'
import { IssueListQuery, IssueOut, IssuePage, issuePatchBody } from './answer-schemas.ts'
import { ISSUE_ID_PREFIX, type Issue, type IssueState } from './issue.ts'
import { changeIssue, listIssues, readIssue } from './store.ts'

export type IssueParts = {
  api: Database
  clock: Clock
  environments: Pick<Environments, 'settings'>
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The issue named by `:issue_id`, as it was when the request came. */
    issue: Issue
  }
}

/** What is wrong with endpoints, in groups. Source: portal 2, S13. */
export function registerIssueRoutes(
  routes: FastifyInstance,
  { api, clock, environments, publicUrl }: IssueParts,
): void {
  const docsUrl = `${publicUrl}/docs/troubleshooting`
  routes.decorateRequest('issue')

  async function within<T>(request: FastifyRequest, work: (tx: Queryable) => Promise<T>): Promise<T> {
    return await api.transaction({ settings: settingsOf(request) }, work)
  }

  async function outOf(request: FastifyRequest): Promise<(issue: Issue) => object> {
    const { timeoutMs } = await environments.settings(request.principal.environment)
    return (issue) => issueOut(issue, docsUrl, timeoutMs)
  }

  const list = described(
    { config: { access: 'ViewBase' } },
    { id: 'v1.issue.list', summary: 'List issues', query: IssueListQuery, answers: { 200: IssuePage } },
  )
  routes.get('/app/:app_id/issue', list, async (request) => {
    const query = queryOf(request, IssueListQuery)
    const page = parsePage(query, { isKey: (text) => isId(text, ISSUE_ID_PREFIX) })
    const accountId = request.account.id
    const issues = await within(request, async (tx) => {
      const endpointId = query.endpoint === undefined ? null : (await findEndpoint(tx, accountId, query.endpoint)).id
      const filter = { states: statesOf(query.state), endpointId, failureClass: query.class ?? null }
      return await listIssues(tx, accountId, page, filter)
    })
    return toPage(page, issues, await outOf(request), (issue) => issue.id)
  })

  const find = async (request: FastifyRequest) => {
    const id = pathValue(request, 'issue_id')
    if (id === undefined || !isId(id, ISSUE_ID_PREFIX)) throw notFound()
    const issue = await within(request, (tx) => readIssue(tx, request.account.id, id))
    if (!issue) throw notFound()
    request.issue = issue
  }
  const path = { issue_id: idText(ISSUE_ID_PREFIX) }

  const get = described(
    { config: { access: 'ViewBase', find } },
    { id: 'v1.issue.get', summary: 'Read an issue', path, answers: { 200: IssueOut } },
  )
  routes.get('/app/:app_id/issue/:issue_id', get, async (request) => (await outOf(request))(request.issue))

  const patch = described(
    { config: { access: 'ManageEndpoint', find } },
    {
      id: 'v1.issue.patch',
      summary: 'Acknowledge, resolve or reopen an issue, or note something on it',
      description: 'A failure after it was resolved opens a new issue.',
      path,
      body: issuePatchBody,
      answers: { 200: IssueOut },
      refusals: ['conflict'],
    },
  )
  routes.patch('/app/:app_id/issue/:issue_id', patch, async (request) => {
    const out = await outOf(request)
    const { issue: before } = request
    const { state = before.state, note = before.note } = bodyOf(request, issuePatchBody, {
      current: { ...out(before) },
    })
    const { accountId, id } = before
    const after = await within(request, async (tx) => {
      await changeIssue(tx, accountId, id, { state, note }, clock.now())
      return await readIssue(tx, accountId, id)
    })
    if (!after) throw notFound()
    return out(after)
  })
}

function statesOf(state: IssueState | 'unresolved' | undefined): IssueState[] | null {
  if (state === undefined) return null
  return state === 'unresolved' ? ['open', 'acknowledged'] : [state]
}

/** IssueOut. @param timeoutMs of the environment */
function issueOut(issue: Issue, docsUrl: string, timeoutMs: number) {
  const limitMs = issue.timeoutMs ?? timeoutMs
  const {
    id,
    endpointId,
    endpointUrl: url,
    endpointDescription,
    state,
    failureClass,
    firstAt,
    lastAt,
    events,
    exhausted,
  } = issue
  const { acknowledgedAt, resolvedAt, resolvedBy, note } = issue
  return {
    ...{ id, endpointId, endpointUrl: url, endpointDescription, state },
    failure: failureOut(failureClass, { url, durationMs: limitMs, limitMs, statusCode: issue.latestStatus }, docsUrl),
    ...{ firstAt, lastAt, count: issue.failures, events, exhausted },
    latestAttemptId: issue.latestAttemptId,
    latestMsgId: issue.latestEventId,
    ...{ acknowledgedAt, resolvedAt, resolvedBy, note },
  }
}
