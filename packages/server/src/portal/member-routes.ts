import type { FastifyInstance, FastifyRequest } from 'fastify'
import Type from 'typebox'
import { addMs, type Clock } from '#src/adapters/clock.ts'
import { recorded } from '#src/adapters/http/audit-note.ts'
import { bodyOf } from '#src/adapters/http/body.ts'
import { type Idempotency, settingsOf } from '#src/adapters/http/idempotency.ts'
import { described } from '#src/adapters/http/operation.ts'
import { pageParameters, parsePage, toPage } from '#src/adapters/http/pages.ts'
import { queryOf } from '#src/adapters/http/query.ts'
import { pathValue } from '#src/adapters/http/routes.ts'
import { type IdSource, isId } from '#src/adapters/ids.ts'
import type { Mailer } from '#src/adapters/mail/mail.ts'
import type { Database } from '#src/adapters/postgres/database.ts'
import { notFound } from '#src/domain-error.ts'
import { loginUrl } from './link.ts'
import { createLink } from './link-store.ts'
import { answerLink, refuseUnmailable } from './mail-link.ts'
import {
  addMember,
  changeRole,
  listMembers,
  MEMBER_ID_PREFIX,
  type Member,
  readMember,
  removeMember,
} from './member-store.ts'
import { loginLinkBody, memberBody, memberPatchBody } from './people-bodies.ts'
import { LoginLinkOut, MemberOut, MemberPage } from './people-schemas.ts'
import { grantOf } from './role.ts'

export type MemberParts = {
  api: Database
  clock: Clock
  ids: IdSource
  idempotency: Idempotency
  mailer: Mailer | null
  /** The service's own, without a slash at its end. */
  publicUrl: string
}

/** How long the link of an account's admin can be used. Source: reliability-security 12. */
const INVITATION_MS = 24 * 3_600_000
const listQuery = Type.Object(pageParameters)

declare module 'fastify' {
  interface FastifyRequest {
    /** The member named by `:member_id`. */
    member: Member
  }
}

/** The people of an account, and how its admin lets them in. Source: portal 2, S16. */
export function registerMemberRoutes(routes: FastifyInstance, parts: MemberParts): void {
  const { api, clock, ids, idempotency, mailer, publicUrl } = parts
  routes.decorateRequest('member')
  const find = async (request: FastifyRequest) => {
    const { account } = request
    const id = pathValue(request, 'member_id') ?? ''
    const member = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      readMember(tx, account.id, id, clock.now()),
    )
    if (!member) throw notFound()
    request.member = member
  }
  const unaddressed = { config: { access: 'ManageAccount' } } as const
  const addressed = { config: { access: 'ManageAccount', find } } as const

  const list = described(unaddressed, {
    id: 'v1.member.list',
    summary: 'List the people of an account',
    query: listQuery,
    answers: { 200: MemberPage },
  })
  routes.get('/app/:app_id/member', list, async (request) => {
    const page = parsePage(queryOf(request, listQuery), {
      isKey: (text) => isId(text, MEMBER_ID_PREFIX),
      order: 'ascending',
    })
    const members = await api.transaction({ settings: settingsOf(request), readOnly: true }, (tx) =>
      listMembers(tx, request.account.id, page, clock.now()),
    )
    return toPage(
      page,
      members,
      (member) => member,
      (member) => member.id,
    )
  })

  const create = described(unaddressed, {
    id: 'v1.member.create',
    summary: 'Give somebody a role in an account',
    description: 'A login link is made apart from that, by `v1.login-link.create`.',
    body: memberBody,
    answers: { 201: MemberOut },
    refusals: ['conflict'],
  })
  routes.post('/app/:app_id/member', create, async (request, reply) => {
    const input = bodyOf(request, memberBody)
    return await idempotency.run(request, reply, async (tx) => {
      const member = await addMember(tx, { clock, ids }, request.account, input)
      request.audit.say({ target: { kind: 'member', id: member.id }, after: input })
      return { status: 201, answer: member }
    })
  })

  const get = described(addressed, {
    id: 'v1.member.get',
    summary: 'Read a member',
    answers: { 200: MemberOut },
  })
  routes.get('/app/:app_id/member/:member_id', get, ({ member }) => member)

  const patch = described(addressed, {
    id: 'v1.member.patch',
    summary: 'Give a member another role, in force with the next request',
    body: memberPatchBody,
    answers: { 200: MemberOut },
    refusals: ['conflict'],
  })
  routes.patch('/app/:app_id/member/:member_id', patch, async (request) => {
    const { member, account } = request
    const { role = member.role } = bodyOf(request, memberPatchBody, { current: member })
    return await recorded(api, request, async (tx) => {
      await changeRole(tx, account.id, member.id, role, clock.now())
      request.audit.say({ before: { role: member.role }, after: { role } })
      return await readMember(tx, account.id, member.id, clock.now())
    })
  })

  const remove = described(addressed, {
    id: 'v1.member.delete',
    summary: 'Take somebody out of an account, signed out at once',
    answers: { 204: null },
    refusals: ['conflict'],
  })
  routes.delete('/app/:app_id/member/:member_id', remove, async (request, reply) => {
    const { member, account } = request
    await recorded(api, request, async (tx) => {
      await removeMember(tx, account.id, member.id, clock.now())
      request.audit.say({ before: { person: member.person, role: member.role } })
    })
    return await reply.code(204).send()
  })

  const invite = described({ config: { access: 'ManageAccount', answersSecret: true } } as const, {
    id: 'v1.login-link.create',
    summary: 'Make a login link for a member',
    description: 'Works once, within 24 hours, and ends the unused ones that the member was given before.',
    body: loginLinkBody,
    answers: { 201: LoginLinkOut },
  })
  routes.post('/app/:app_id/login-link', invite, async (request, reply) => {
    const { memberId, mail = false } = bodyOf(request, loginLinkBody)
    const { account } = request
    const made = await idempotency.once(request, reply, async (tx) => {
      const now = clock.now()
      const member = await readMember(tx, account.id, memberId, now)
      if (!member) throw notFound()
      const { person, role } = member
      refuseUnmailable(mail, person, mailer !== null)
      const expiresAt = addMs(now, INVITATION_MS)
      const rights = { capabilities: grantOf(role).capabilities, featureFlags: [], sessionId: null }
      const { id, key } = await createLink(tx, { clock, ids }, account, {
        person,
        role,
        rights,
        expiresAt,
        sessionsEndAt: null,
      })
      request.audit.say({ target: { kind: 'link', id }, after: { person, role, expiresAt } })
      return { status: 201, answer: { id, url: loginUrl(publicUrl, key), person, role, expiresAt } }
    })
    return await answerLink(reply, made, mail ? mailer : null)
  })
}
